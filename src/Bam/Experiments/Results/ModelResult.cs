namespace Bam.Experiments.Results;

/// <summary>One row of the table of perplexities.</summary>
public sealed record ModelResult
{
    /// <summary>The model's name in the recipe; the seed's is "seed".</summary>
    public required string Name { get; init; }

    /// <summary>One of <see cref="ModelKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>The domain an expert was specialised on; null for the others.</summary>
    public string? Domain { get; init; }

    /// <summary>Perplexity by domain, on held-out text.</summary>
    public required IReadOnlyDictionary<string, double> Perplexity { get; init; }

    /// <summary>Bits per UTF-8 byte by domain, on the same text.</summary>
    public required IReadOnlyDictionary<string, double> BitsPerByte { get; init; }

    /// <summary>Held-out tokens that were predicted, by domain.</summary>
    public required IReadOnlyDictionary<string, long> Tokens { get; init; }

    /// <summary>The arithmetic mean of the perplexities over the domains.</summary>
    public required double MeanPerplexity { get; init; }

    /// <summary>Parameters, all of them.</summary>
    public required long ParametersTotal { get; init; }

    /// <summary>Parameters that one token meets.</summary>
    public required long ParametersActive { get; init; }

    /// <summary>Tokens of this model's own phase of training; 0 where nothing was trained.</summary>
    public required long TrainingTokens { get; init; }

    /// <summary>Core-seconds of this model's own phase of training: wall seconds inside training steps × threads.</summary>
    public required double CoreSeconds { get; init; }

    /// <summary>Tokens per second inside training steps; null where nothing was trained.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>FLOPs of this model's own phase of training (3 × forward, attention scores counted causally).</summary>
    public required double Flops { get; init; }

    /// <summary>How the budget was set, for a person: "400,000 tokens", "core-seconds of btx"; null where nothing was trained.</summary>
    public string? Budget { get; init; }

    /// <summary>The phase's metrics.jsonl, relative to the run's directory; null where nothing was trained.</summary>
    public string? Metrics { get; init; }

    /// <summary>The model's checkpoint, relative to the run's directory or absolute.</summary>
    public string? Checkpoint { get; init; }
}
