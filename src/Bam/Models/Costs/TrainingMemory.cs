using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models.Costs;

/// <summary>
/// What training keeps in the memory of one device, in bytes: <see cref="LanguageModel"/>'s own tensors, counted from what its
/// autograd functions save. The runtime, the libraries and the allocator's slack come on top.
/// </summary>
/// <param name="Parameters">Four bytes each: values are float32 whatever is computed in.</param>
/// <param name="Gradients">Four bytes for each parameter.</param>
/// <param name="Moments">AdamW's two, four bytes each for each parameter (less where parameters are frozen).</param>
/// <param name="Activations">What backward needs of a micro-batch; see <see cref="ActivationMemory"/>.</param>
/// <param name="Working">
/// What comes on top at the fullest moment: the head's gradient, which is held between forward and backward, with a chunk of
/// logits, or the gradients inside one block.
/// </param>
internal sealed record TrainingMemory(long Parameters, long Gradients, long Moments, long Activations, long Working)
{
    public long Total => Parameters + Gradients + Moments + Activations + Working;

    /// <summary>Counts for a micro-batch of B windows of T tokens on one device.</summary>
    public static TrainingMemory Of(ModelConfig config, int batchSize, int length, ScalarType dtype) =>
        Of(config, new CostSettings(length, batchSize, dtype));

    /// <summary>Counts for one rank of a layout; null for one device. Every expert gets equally many tokens.</summary>
    public static TrainingMemory Of(ModelConfig config, CostSettings settings, Layout? layout = null)
    {
        const long Float = sizeof(float);
        var (dtype, ranks) = (settings.Dtype, layout?.Experts ?? 1);
        var tokens = (long)settings.BatchSize * settings.Length;
        var parameters = Float * ModelSize.OnRank(config, ranks);
        long element = dtype.ByteSize();

        // The last norm, of whose output the gradient is kept in place of the output, and the ids with their targets.
        var outside = ActivationMemory.Norm(config, element) + 2 * sizeof(long);
        // float32 as the processor's kernel computes it. Another dtype has logits in both, with their log-probabilities, and a
        // copy of the head and of a chunk's gradient.
        var isCopied = dtype != ScalarType.Float32;
        var chunk = Math.Min(
            tokens, LinearCrossEntropyFunction.ChunkRows(config.VocabSize, isCopied ? Device.Cuda() : Device.Cpu));
        var logits = (isCopied ? 2 * Float + element : Float) * chunk * config.VocabSize;
        var matrix = (isCopied ? Float + 2 * element : Float) * config.VocabSize * config.HiddenSize;
        var head = matrix + element * tokens * config.HiddenSize + logits;
        var block = element * tokens * GradientsInsideBlock(config, ranks);

        // With checkpointing each block keeps its input, and one block at a time has the rest of its activations.
        var ofBlock = ActivationMemory.PerToken(config, dtype, settings.Length, ranks);
        var input = element * config.HiddenSize;
        var kept = settings.ActivationCheckpointing ? input : ofBlock;
        if (settings.ActivationCheckpointing) block += tokens * (ofBlock - (isCopied ? 0 : input));
        var moments = 2 * parameters / (settings.ShardOptimizer && layout is not null ? layout.Data : 1);
        return new(
            parameters, parameters, moments, tokens * (config.NumHiddenLayers * kept + outside), Math.Max(head, block));
    }

    /// <summary>The largest micro-batch that fits into that many bytes, or 0.</summary>
    public static int LargestBatch(ModelConfig config, CostSettings settings, double bytes)
    {
        var (fits, tooLarge) = (0, 1 << 20);
        while (tooLarge - fits > 1)
        {
            var middle = (fits + tooLarge) / 2;
            if (Of(config, settings with { BatchSize = middle }).Total <= bytes) fits = middle;
            else tooLarge = middle;
        }

        return fits;
    }

    // In numbers, for each token: the gradients of the heads and of the fused projection, or those of the experts' sorted outputs
    // and of one expert's inside, and those of the block's output and of the norm's.
    private static long GradientsInsideBlock(ModelConfig config, int ranks)
    {
        long d = config.HiddenSize;
        var attention = ActivationMemory.HeadsWidth(config, ranks) + ActivationMemory.ProjectionWidth(config, ranks);
        var share = (double)config.NumExpertsPerTok / config.NumLocalExperts;
        var feedForward = (config.NumLocalExperts > 1 ? 2 * config.NumExpertsPerTok * d / ranks : 0)
            + (long)(share * (d + 3.0 * config.IntermediateSize));
        return 2 * d + Math.Max(attention, feedForward);
    }
}

/// <summary>
/// What one token leaves for backward, counted from what <see cref="LanguageModel"/>'s autograd functions save. float32 is
/// counted as the processor's fused kernels compute it (AVX-512 or AVX2), bfloat16 as libtorch's own operators do, with its fused
/// attention (libtorch 2).
/// </summary>
/// <remarks>Sizes are those of <see cref="LanguageModel"/>; e is the bytes of a number of the computing dtype.</remarks>
internal static class ActivationMemory
{
    private const long Float = sizeof(float);

    /// <summary>
    /// Bytes that one block saves of one token: the norms, attention's fused projection of width <c>W = (N·H + 2·N·G)·D</c>
    /// (<c>2·G</c> when shared) with the heads' outputs, and the experts' sorted inputs and outputs with what lies inside them.
    /// With top-k attention k queries and heads are in place of N. No scores, but where operators attend to chosen rows or within
    /// a window. On one of several ranks that share the experts, its share of them.
    /// </summary>
    public static long PerToken(ModelConfig config, ScalarType dtype, int length, int ranks = 1)
    {
        var isFused = dtype == ScalarType.Float32 && config.AttnLogitSoftcapping is null;
        long element = dtype.ByteSize();
        long routers = (config.NumAttentionExperts > 1 ? 1 : 0) + (config.NumLocalExperts > 1 ? 1 : 0);
        var bytes = BlockNorms(config, element) + HeadNorms(config, element, ranks)
            + (isFused ? 0 : Float * config.HiddenSize * routers);
        bytes += isFused ? FusedAttention(config, ranks) : OperatorAttention(config, element, length, ranks);
        if (config.AttentionRouting == AttentionRouting.TopK)
            bytes += Dispatch(config, config.NumAttentionExpertsPerTok!.Value, element) / ranks;
        return bytes + FeedForward(config, element, ranks);
    }

    /// <summary>Bytes of one norm: float32 input, and output; RMSNorm, in separate operators, 8d more (libtorch 2: 4d).</summary>
    public static long Norm(ModelConfig config, long element) =>
        config.HiddenSize * ((IsInSteps(config, element, config.HiddenSize) ? 3 : 1) * Float + element);

    /// <summary>The numbers of all heads' queries, or of their outputs.</summary>
    public static long HeadsWidth(ModelConfig config, int ranks = 1) => Heads(config, ranks) * config.HeadDim;

    /// <summary>W: the numbers of all queries, keys and values.</summary>
    public static long ProjectionWidth(ModelConfig config, int ranks = 1) =>
        HeadsWidth(config, ranks) + 2 * KeyWidth(config, ranks);

    // In float32 the branches of a parallel block share the input that their norms keep.
    private static long BlockNorms(ModelConfig config, long element) => !config.HasSecondNorm ? Norm(config, element)
        : 2 * Norm(config, element) - (config.ParallelBlock && element == Float ? Float * config.HiddenSize : 0);

    // libtorch's operators make RMSNorm of another dtype, or of a width that vectors do not divide.
    private static bool IsInSteps(ModelConfig config, long element, int width) =>
        config.NormType == NormType.RmsNorm && (element != Float || width % 16 != 0);

    // The projection stays beside what is made of it, or its float32 copy does, and so do the normed heads before their weight.
    // In float32, RMSNorm keeps the heads alone, as they were.
    private static long HeadNorms(ModelConfig config, long element, int ranks)
    {
        if (config.QueryKeyNorm == QueryKeyNorm.None) return 0;
        var normed = HeadsWidth(config, ranks) + KeyWidth(config, ranks);
        var width = config.QueryKeyNorm == QueryKeyNorm.AllHeads ? config.NumKeyValueHeads * config.HeadDim : config.HeadDim;
        var isInSteps = IsInSteps(config, element, width);
        if (config.NormType == NormType.RmsNorm && !isInSteps) return Float * normed;
        var steps = isInSteps ? 2 : 1;
        return Float * (steps * normed + (element == Float ? ProjectionWidth(config, ranks) : normed));
    }

    private static long FusedAttention(ModelConfig config, int ranks) =>
        Float * (ProjectionWidth(config, ranks) + HeadsWidth(config, ranks) + Heads(config, ranks) + config.NumAttentionExperts);

    // Turned queries, keys and values, the heads' outputs, and scores or their log-sum-exp. Soft attention has a key and a value
    // for each query head, and the outputs times their gates; chosen rows have a copy of the keys and values for each expert that
    // asks.
    private static long OperatorAttention(ModelConfig config, long element, int length, int ranks)
    {
        long heads = HeadsWidth(config, ranks), experts = config.NumAttentionExperts;
        var (rows, keys) = (Heads(config, ranks), KeyWidth(config, ranks));
        var (scores, gates) = (element * rows * length, experts > 1 ? Float * experts : 0);
        if (config.AttentionRouting == AttentionRouting.TopK)
            return element * (2 * heads + (config.ShareKeyValue ? 1 + experts / ranks : 2) * keys) + scores + gates;
        var gated = experts > 1 ? element * (heads + experts) : 0;
        if (config.SlidingWindow < length || config.AttnLogitSoftcapping is not null)
            return element * 4 * heads + gated + gates + scores;

        // Values that no copy was made of keep the projection that they lie in; the rows made of the output are the output
        // itself.
        var values = keys < heads ? heads : ProjectionWidth(config, ranks);
        return element * (3 * heads + values) + gated + gates + Float * rows;
    }

    // Gate and up, the product, and where separate operators form it the gate's activation; without a gate up and its activation.
    private static long FeedForward(ModelConfig config, long element, int ranks)
    {
        var widths = !config.GatedMlp ? 2 : config.HiddenAct == "silu" ? 3 : 4;
        var inside = element * widths * config.IntermediateSize;
        return config.NumLocalExperts == 1
            ? inside
            : (Dispatch(config, config.NumExpertsPerTok, element) + config.NumExpertsPerTok * inside) / ranks
                + 2 * Float * config.NumLocalExperts;
    }

    // Sorted inputs and outputs; the choice, its place and the way back, and its weight.
    private static long Dispatch(ModelConfig config, long perToken, long element) =>
        perToken * (element * 2 * config.HiddenSize + 3 * sizeof(long) + Float);

    // The query heads of a token; with top-k attention those of its k experts, of which each rank has its share on average.
    private static long Heads(ModelConfig config, int ranks)
    {
        var asked = config.AttentionRouting == AttentionRouting.TopK
            ? config.NumAttentionExpertsPerTok!.Value
            : config.NumAttentionExperts;
        return (long)asked * config.NumAttentionHeads / (config.NumAttentionExperts > 1 ? ranks : 1);
    }

    private static long KeyWidth(ModelConfig config, int ranks)
    {
        var experts = config.ShareKeyValue || config.NumAttentionExperts == 1 ? 1 : config.NumAttentionExperts / ranks;
        return (long)experts * config.NumKeyValueHeads * config.HeadDim;
    }
}
