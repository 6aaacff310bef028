using Bam.Configuration;
using Bam.Training.Distributed;
using Bam.Training.Optimization;

namespace Bam.Training;

/// <summary>
/// How a model is trained, independent of the model and the data: the keys that <c>bam train</c>'s file and a recipe's phases
/// share. Defaults are DESIGN's where the paper prints none.
/// </summary>
public sealed record TrainingSettings : ICheckedSection
{
    /// <summary>The machine's GPU if it has one, else its CPU.</summary>
    internal const string DefaultDevice = "auto";

    /// <summary>T, in tokens.</summary>
    [Key("the length of a training window, in tokens", Minimum = 1)]
    public int SequenceLength { get; init; } = 256;

    /// <summary>B, the sequences of one optimizer step, over all of its micro-batches.</summary>
    [Key("the sequences of one optimizer step", Minimum = 1)]
    public int BatchSize { get; init; } = 8;

    /// <summary>The micro-batches of one optimizer step; divides B.</summary>
    [Key("the micro-batches that a step's sequences are split into, to save memory; divides batch_size", Minimum = 1)]
    public int GradientAccumulation { get; init; } = 1;

    /// <summary>The budget in tokens, rounded up to whole steps; null if <see cref="Steps"/> or a recipe sets it.</summary>
    [Key("the budget in tokens, rounded up to whole steps; instead of 'steps'", Minimum = 1)]
    public long? Tokens { get; init; }

    /// <summary>The budget in optimizer steps.</summary>
    [Key("the budget in optimizer steps; instead of 'tokens'", Minimum = 1)]
    public long? Steps { get; init; }

    /// <summary>The learning rate at the end of warm-up.</summary>
    [Key("the peak learning rate, reached at the end of warm-up", Minimum = 0, AboveMinimum = true)]
    public required double LearningRate { get; init; }

    /// <summary>The steps in which the learning rate rises linearly to its peak.</summary>
    [Key("the steps in which the learning rate rises linearly to its peak", Minimum = 0)]
    public long WarmupSteps { get; init; }

    /// <summary>The learning rate of the last step, as a part of the peak.</summary>
    [Key("the learning rate of the last step, as a part of the peak", Minimum = 0, Maximum = 1)]
    public double FinalLearningRateFraction { get; init; } = 0.1;

    /// <summary>Decoupled weight decay (AdamW), on matrices only.</summary>
    [Key("AdamW's weight decay, on matrices only", Minimum = 0)]
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>The decay of the mean of gradients.</summary>
    [Key("AdamW's decay of the mean of gradients", Minimum = 0, Maximum = 1, BelowMaximum = true)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The decay of the mean of squared gradients.</summary>
    [Key("AdamW's decay of the mean of squared gradients", Minimum = 0, Maximum = 1, BelowMaximum = true)]
    public double Beta2 { get; init; } = 0.95;

    /// <summary>Added to the root of the mean of squared gradients.</summary>
    [Key("AdamW's addition to the divisor", Minimum = 0, AboveMinimum = true)]
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The global norm that gradients are scaled down to; null for no clipping.</summary>
    [Key("the global norm that gradients are scaled down to; null for no clipping", Minimum = 0, AboveMinimum = true)]
    public double? ClipNorm { get; init; } = 1.0;

    /// <summary>α, the weight of the load-balancing loss; null for the model's own.</summary>
    [Key("the weight of the load-balancing loss; null for the model's own", Minimum = 0)]
    public double? RouterAuxLossCoef { get; init; }

    /// <summary>β, the weight of the router z-loss; null for the model's own.</summary>
    [Key("the weight of the router z-loss; null for the model's own", Minimum = 0)]
    public double? RouterZLossCoef { get; init; }

    /// <summary>Names the stream of random windows: the windows of step s follow from it and s alone.</summary>
    [Key("the seed of the windows: models trained with one seed and one mixture of data see identical batches")]
    public long DataSeed { get; init; }

    /// <summary>Patterns of checkpoint tensor names that stay as they are.</summary>
    [Key("patterns of tensor names that stay as they are, '*' for any characters: ['model.embed_tokens.*']")]
    public IReadOnlyList<string> Freeze { get; init; } = [];

    /// <summary>Patterns of checkpoint tensor names that alone are trained; empty for all.</summary>
    [Key("patterns of tensor names that alone are trained, '*' for any characters: ['*router*']; empty for all")]
    public IReadOnlyList<string> TrainOnly { get; init; } = [];

    /// <summary>What the matrix products are computed in.</summary>
    [Key("what matrix products are computed in; values, moments and routers stay float32")]
    public TrainingDtype Dtype { get; init; } = TrainingDtype.Float32;

    /// <summary>Whether a block keeps only its input, and is computed again in backward.</summary>
    [Key("true: blocks keep only their input for backward and are computed again there; less memory, the same result",
        ChangesResult = false)]
    public bool ActivationCheckpointing { get; init; }

    /// <summary>How the processes of a run divide the work; null for data parallelism over all of them.</summary>
    [Key("how the processes of a run divide the work; data parallelism over all of them when absent", ChangesResult = false)]
    public ParallelSettings? Parallel { get; init; }

    /// <summary>Whether each data-parallel process holds AdamW's moments of 1/D of its parameters only (ZeRO, stage 1).</summary>
    [Key(
        "true: each data-parallel process holds AdamW's moments of a part of the parameters only, to save memory",
        ChangesResult = false)]
    public bool ShardOptimizer { get; init; }

    /// <summary>The tokens over which the load-balancing loss counts the experts' shares of assignments.</summary>
    [Key(
        "with data-parallel processes, the tokens over which the load-balancing loss counts assignments: those of all processes "
        + "together, or of each process alone",
        OmitDefault = true)]
    public LoadBalancingScope LoadBalancingOver { get; init; } = LoadBalancingScope.Batch;

    /// <summary>"auto", "cpu" or "cuda:N".</summary>
    [Key("auto, cpu or cuda:N", ChangesResult = false)]
    public string Device { get; init; } = DefaultDevice;

    /// <summary>The threads of a matrix product; null for one a core.</summary>
    [Key("the threads that compute; null for one a core", Minimum = 1, Maximum = 4096, ChangesResult = false)]
    public int? Threads { get; init; }

    /// <summary>The steps between two evaluations; 0 for none.</summary>
    [Key("the steps between two evaluations on held-out text; 0 for none", Minimum = 0, ChangesResult = false)]
    public long EvaluateEvery { get; init; }

    /// <summary>The steps between two checkpoints; 0 for none but the last.</summary>
    [Key("the steps between two checkpoints; 0 for none before the end", Minimum = 0, ChangesResult = false)]
    public long CheckpointEvery { get; init; } = 500;

    /// <summary>How many of the newest checkpoints stay.</summary>
    [Key("how many of the newest checkpoints stay", Minimum = 1, ChangesResult = false)]
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>The steps between two lines of metrics.</summary>
    [Key("the steps between two lines of metrics", Minimum = 1, ChangesResult = false)]
    public long LogEvery { get; init; } = 10;

    // Counters of tokens stay far from overflow, and the paper's 750 B tokens far from this.
    private const long MostTokens = 1L << 60;

    /// <summary>B·T.</summary>
    internal long TokensPerStep => (long)BatchSize * SequenceLength;

    /// <summary>The budget in steps.</summary>
    /// <exception cref="InvalidOperationException">Neither <see cref="Tokens"/> nor <see cref="Steps"/> is set.</exception>
    internal long TotalSteps =>
        Steps ?? (Tokens + TokensPerStep - 1) / TokensPerStep ?? throw new InvalidOperationException("no budget is set");

    void ICheckedSection.Check(SectionLocation section)
    {
        if (Tokens is not null && Steps is not null)
            throw section.Fault("steps", "key 'steps' and key 'tokens' exclude each other; keep one");
        if (BatchSize % GradientAccumulation != 0)
            throw section.Fault(
                "gradient_accumulation",
                $"key 'gradient_accumulation': expected a divisor of batch_size {BatchSize}, found {GradientAccumulation}");
        if (BatchSize * (SequenceLength + 1L) is var tokens && tokens > Array.MaxLength)
            throw section.Fault(
                "batch_size",
                $"key 'batch_size': expected at most {Array.MaxLength:N0} tokens in a step, "
                + $"batch_size × (sequence_length + 1), found {tokens:N0}; lower one of the two");
        if (Tokens > MostTokens || Steps > MostTokens / TokensPerStep)
            throw section.Fault(
                Tokens is null ? "steps" : "tokens",
                $"key '{(Tokens is null ? "steps" : "tokens")}': expected at most {MostTokens:N0} tokens in all, found more; "
                + "lower it");
    }

    /// <summary>The numbers of the update of step s, counted from 0; gradients are scaled first.</summary>
    internal AdamWStep UpdateOf(long step, double learningRate, double gradientScale) =>
        new(step + 1, learningRate, Beta1, Beta2, Epsilon, WeightDecay, gradientScale);
}

/// <summary>What the matrix products are computed in. Values, moments, router logits and every softmax stay float32.</summary>
public enum TrainingDtype
{
    /// <summary>IEEE single precision.</summary>
    Float32,

    /// <summary>The upper half of single precision.</summary>
    Bfloat16,
}
