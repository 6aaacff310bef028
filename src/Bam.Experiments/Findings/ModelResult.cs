using Bam.Evaluation;
using Bam.Experiments.Phases;

namespace Bam.Experiments.Findings;

/// <summary>One trained model of an experiment: its perplexities, its size and what it cost.</summary>
internal sealed record ModelResult
{
    /// <summary>The model's name in the recipe; unique.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required ModelKind Kind { get; init; }

    /// <summary>The domain that a specialised model was trained on; null for the others.</summary>
    public string? Domain { get; init; }

    /// <summary>
    /// The training budget in a few words, as "data-matched" or "core-seconds of btx"; null when it says nothing.
    /// </summary>
    public string? Budget { get; init; }

    /// <summary>How the budget was taken from another mixture's; null when it was not.</summary>
    public BudgetOutcome? Match { get; init; }

    /// <summary>
    /// The models behind a mixture's experts, in expert order, extra copies of the seed as often as they occur; null when dense.
    /// </summary>
    public IReadOnlyList<string>? Experts { get; init; }

    /// <summary>Perplexity on each domain's held-out text, over non-overlapping windows.</summary>
    public required IReadOnlyDictionary<string, double> Perplexity { get; init; }

    /// <summary>Bits per UTF-8 byte of each domain's held-out text; compares across tokenizers.</summary>
    public required IReadOnlyDictionary<string, double> BitsPerByte { get; init; }

    /// <summary>The targets counted in each domain.</summary>
    public required IReadOnlyDictionary<string, long> Tokens { get; init; }

    /// <summary>The arithmetic mean of the perplexities over the domains.</summary>
    public required double MeanPerplexity { get; init; }

    /// <summary>The figures on the recipe's probes, by their names; null without any, and in results of older versions.</summary>
    public IReadOnlyDictionary<string, ProbeResult>? Probes { get; init; }

    /// <summary>The figures on downstream tasks, by their names; null without any, and in results of older versions.</summary>
    public IReadOnlyDictionary<string, TaskScore>? Tasks { get; init; }

    /// <summary>Parameters in the checkpoint, tied embeddings once.</summary>
    public required long ParametersTotal { get; init; }

    /// <summary>Parameters that one token passes through.</summary>
    public required long ParametersActive { get; init; }

    /// <summary>Tokens of this model's own training phase.</summary>
    public required long TrainingTokens { get; init; }

    /// <summary>Wall seconds inside this phase's training steps × threads.</summary>
    public required double CoreSeconds { get; init; }

    /// <summary>Training tokens per wall second inside training steps.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Floating-point operations of this training phase: 3 × forward, all layers and head.</summary>
    public required double Flops { get; init; }

    /// <summary>The median fraction of the machine's matrix peak that training reached; null when it was not measured.</summary>
    public double? FractionOfPeak { get; init; }

    /// <summary>
    /// How long it takes for a text, by size: "own", or a preset's name with random weights; null when it was not measured.
    /// </summary>
    public IReadOnlyDictionary<string, LatencyResult>? Latency { get; init; }

    /// <summary>
    /// The training in a few hundred numbers; null when the model was not trained, and in results of older versions.
    /// </summary>
    public TrainingHistory? History { get; init; }

    /// <summary>
    /// The phase's <c>metrics.jsonl</c>, relative to the run directory; null when the model was not trained (a soup).
    /// </summary>
    public string? Metrics { get; init; }
}

/// <summary>What a model of an experiment is.</summary>
internal enum ModelKind
{
    /// <summary>The dense model that every other one descends from.</summary>
    Seed,

    /// <summary>A copy of the seed, trained on one domain.</summary>
    Expert,

    /// <summary>A dense model trained on all domains, without experts.</summary>
    Dense,

    /// <summary>The uniform mean of dense models.</summary>
    Soup,

    /// <summary>One dense model copied into every expert.</summary>
    Sparse,

    /// <summary>Feed-forward experts and averaged attention (Branch-Train-MiX).</summary>
    Btx,

    /// <summary>Attention experts and feed-forward experts (Branch-Attend-Mix).</summary>
    Bam,
}

/// <summary>
/// How well a model predicts a probe's text. Bits per UTF-8 byte compare between probes; the perplexity, over non-overlapping
/// windows, only between models. Tokens are the targets.
/// </summary>
internal sealed record ProbeResult(double Perplexity, double BitsPerByte, long Tokens);
