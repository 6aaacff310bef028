namespace Bam.Experiments.Recipes;

/// <summary>The measure in which one mixture's budget equals another's.</summary>
internal enum MatchBy
{
    /// <summary>Wall seconds inside training steps × threads, by a calibration that is kept with the run.</summary>
    CoreSeconds,

    /// <summary>3 × forward, all layers and head, attention scores counted causally.</summary>
    Flops,

    /// <summary>The same tokens: data matching.</summary>
    Tokens,
}
