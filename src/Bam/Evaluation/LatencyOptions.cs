namespace Bam.Evaluation;

/// <summary>How latency is measured; the defaults are the paper's.</summary>
internal sealed record LatencyOptions
{
    /// <summary>The tokens of the prompt.</summary>
    public int PromptTokens { get; init; } = 256;

    /// <summary>The tokens that are generated, at least 2.</summary>
    public int NewTokens { get; init; } = 16;

    /// <summary>The runs that count; one more, before them, warms up.</summary>
    public int Runs { get; init; } = 10;

    /// <summary>Names the prompt's random tokens.</summary>
    public long Seed { get; init; }
}
