namespace Bam.Training;

/// <summary>The result of a finished run.</summary>
public sealed record TrainingResult
{
    /// <summary>The trained model's directory.</summary>
    public required string Model { get; init; }

    /// <summary>The metrics, one JSON object per line.</summary>
    public required string Metrics { get; init; }

    /// <summary>The optimizer steps.</summary>
    public required long Steps { get; init; }

    /// <summary>The tokens trained on.</summary>
    public required long Tokens { get; init; }

    /// <summary>Seconds inside training steps × threads, without evaluation, saving and loading.</summary>
    public required double CoreSeconds { get; init; }

    /// <summary>Tokens over the seconds inside training steps.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>3 × the forward pass of all tokens, all layers and the head, attention scores counted causally.</summary>
    public required double Flops { get; init; }
}
