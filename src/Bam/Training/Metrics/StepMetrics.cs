using System.Text.Json.Serialization;
using Bam.Evaluation;
using Bam.Models;

namespace Bam.Training.Metrics;

/// <summary>One line of metrics of the training itself. Losses are means over the steps since the previous line.</summary>
internal sealed record StepMetrics : Losses
{
    public StepMetrics() { }

    public StepMetrics(Losses means)
        : base(means) { }

    /// <summary>The steps done.</summary>
    [JsonPropertyOrder(-2)]
    public required long Step { get; init; }

    /// <summary>The tokens trained on so far.</summary>
    [JsonPropertyOrder(-2)]
    public required long Tokens { get; init; }

    /// <summary>The last step's learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The last step's global gradient norm, before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>Tokens over the seconds inside training steps, since the previous line.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Training's FLOPs over those of a matrix product on this machine; null when that was not measured.</summary>
    public double? FractionOfPeak { get; init; }

    /// <summary>Seconds inside training steps × threads, so far.</summary>
    public required double CoreSeconds { get; init; }

    /// <summary>How tokens are routed, by layer, in the last step; null for dense models.</summary>
    public IReadOnlyList<LayerMetrics>? Layers { get; init; }
}

/// <summary>How one layer routes.</summary>
internal sealed record LayerMetrics
{
    /// <summary>The part of the token-to-expert assignments that each feed-forward expert gets, [M].</summary>
    public IReadOnlyList<double>? ExpertLoad { get; init; }

    /// <summary>The mean gate of each attention expert, [N].</summary>
    public IReadOnlyList<double>? AttentionGate { get; init; }

    /// <summary>The mean entropy of the attention gates, in nats; ln N when all experts weigh alike.</summary>
    public double? GateEntropy { get; init; }

    /// <summary>The mean entropy of the feed-forward router's probabilities, in nats.</summary>
    public double? RouterEntropy { get; init; }

    /// <summary>The same by the domain that a token comes from.</summary>
    public IReadOnlyDictionary<string, DomainRouting>? ByDomain { get; init; }
}

/// <summary>How one layer routes the tokens of one domain.</summary>
internal sealed record DomainRouting
{
    /// <summary>The part of the assignments that each feed-forward expert gets, [M].</summary>
    public IReadOnlyList<double>? ExpertLoad { get; init; }

    /// <summary>The mean gate of each attention expert, [N].</summary>
    public IReadOnlyList<double>? AttentionGate { get; init; }
}

/// <summary>One line of metrics on held-out text, by domain, after that many steps.</summary>
internal sealed record EvaluationMetrics(long Step, IReadOnlyDictionary<string, DomainEvaluation> Evaluation);

/// <summary>The places where a run's metrics go, disposed of together.</summary>
internal sealed record MetricsFiles(IMetricsSink[] Sinks) : IDisposable
{
    public void Dispose()
    {
        foreach (var sink in Sinks) sink.Dispose();
    }
}

/// <summary>Where a run's metrics go.</summary>
internal interface IMetricsSink : IDisposable
{
    /// <summary>Records training metrics.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    void Write(StepMetrics metrics);

    /// <summary>Records an evaluation.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    void Write(EvaluationMetrics metrics);

    /// <summary>Hands all records to the operating system; what is not handed over may be lost on disposal.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    void Flush();
}
