namespace Bam.Training.Metrics;

/// <summary>One line of metrics of the training itself. Losses are means over the steps since the line before.</summary>
internal sealed record StepMetrics
{
    /// <summary>The steps done.</summary>
    public required long Step { get; init; }

    /// <summary>The tokens trained on so far.</summary>
    public required long Tokens { get; init; }

    /// <summary>NLL + Σ over layers (α · load balancing + β · z).</summary>
    public required double Loss { get; init; }

    /// <summary>The negative log-likelihood of the next token, in nats.</summary>
    public required double Nll { get; init; }

    /// <summary>The load-balancing loss, the mean over the layers that have one; 1 is balanced, 0 when none has.</summary>
    public required double LoadBalancing { get; init; }

    /// <summary>The router z-loss, the mean over the layers that have one; 0 when none has.</summary>
    public required double RouterZ { get; init; }

    /// <summary>The last step's learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The last step's global gradient norm, before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>Tokens over the seconds inside training steps, since the line before.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Training's FLOPs over those of a matrix product on this machine; null when that was not measured.</summary>
    public double? FractionOfPeak { get; init; }

    /// <summary>Seconds inside training steps × threads, so far.</summary>
    public required double CoreSeconds { get; init; }

    /// <summary>How tokens are routed, by layer, in the last step; null for dense models.</summary>
    public IReadOnlyList<LayerMetrics>? Layers { get; init; }
}
