using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models.Costs;

/// <summary>
/// What training keeps in the memory of one device, in bytes: <see cref="LanguageModel"/>'s own tensors, counted from what its autograd
/// functions save. The runtime, the libraries and the allocator's slack come on top.
/// </summary>
/// <param name="Parameters">Four bytes each: values are float32 whatever is computed in.</param>
/// <param name="Gradients">Four bytes for each parameter.</param>
/// <param name="Moments">AdamW's two, four bytes each for each parameter (less where parameters are frozen).</param>
/// <param name="Activations">What backward needs of a micro-batch; see <see cref="PerToken"/>.</param>
/// <param name="Working">What comes on top at the fullest moment: the head's gradient, which is held between forward and backward, with a
/// chunk of logits, or the gradients inside one block.</param>
public sealed record TrainingMemory(long Parameters, long Gradients, long Moments, long Activations, long Working)
{
    /// <summary>All of it.</summary>
    public long Total => Parameters + Gradients + Moments + Activations + Working;

    /// <summary>Counts for a micro-batch.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="batchSize">B, the sequences of a micro-batch.</param>
    /// <param name="length">T, the window.</param>
    /// <param name="dtype">What products and activations are computed in, float32 or bfloat16.</param>
    public static TrainingMemory Of(ModelConfig config, int batchSize, int length, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(config);
        const long Float = sizeof(float);
        var tokens = (long)batchSize * length;
        var parameters = Float * ModelSize.Of(config).Total;
        long element = dtype.ByteSize();

        // The last norm, of whose output the gradient is kept in place of the output, and the ids with their targets.
        var outside = Norm(config, element) + 2 * sizeof(long);
        var chunk = Math.Min(tokens, LinearCrossEntropyFunction.ChunkRows(config.VocabSize));
        var logits = (Float + (dtype == ScalarType.Float32 ? 0 : element)) * chunk * config.VocabSize;
        var head = Float * config.VocabSize * config.HiddenSize + element * tokens * config.HiddenSize + logits;
        var block = element * tokens * GradientsInsideBlock(config);
        return new(
            parameters, parameters, 2 * parameters,
            tokens * (config.NumHiddenLayers * PerToken(config, dtype) + outside),
            Math.Max(head, block));
    }

    /// <summary>The largest micro-batch that fits, or 0.</summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="length">T, the window.</param>
    /// <param name="dtype">What products and activations are computed in.</param>
    /// <param name="bytes">The device's memory.</param>
    public static int LargestBatch(ModelConfig config, int length, ScalarType dtype, double bytes)
    {
        var (fits, tooLarge) = (0, 1 << 20);
        while (tooLarge - fits > 1)
        {
            var middle = (fits + tooLarge) / 2;
            if (Of(config, middle, length, dtype).Total <= bytes) fits = middle;
            else tooLarge = middle;
        }

        return fits;
    }

    /// <summary>
    /// Bytes that one block saves of one token, with e bytes for each number of the computing dtype. With the fused kernels (on the processor
    /// in float32, with AVX-512 or AVX2): <c>4d + e·d</c> for the norm's input and output (twice with two norms; RMSNorm, made of separate operators, keeps 8d more);
    /// <c>e·(W + N·H·D) + 4·N·(H + 1)</c> for attention: the fused projection of width <c>W = (N·H + 2·N·G)·D</c> (<c>2·G</c> when shared), the
    /// heads' outputs, their log-sum-exp and the gates, but no scores (with top-k attention k queries, heads and log-sum-exps in place of N, and
    /// <c>k·(e·2d + 28)</c>); and <c>k·(e·2d + 28) + e·k·3f + 8·M</c> for the experts: their sorted inputs and outputs with each choice's
    /// indices and weight, gate and up and their product, the router's logits and probabilities; <c>e·3f</c> when dense; 2f in place of 3f without
    /// a gate. Routers keep a float32 copy of their input when e is not 4.
    /// </summary>
    /// <param name="config">The model's sizes.</param>
    /// <param name="dtype">What products and activations are computed in.</param>
    public static long PerToken(ModelConfig config, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(config);
        const long Float = sizeof(float);
        long element = dtype.ByteSize(), d = config.HiddenSize, f = config.IntermediateSize;
        var bytes = (config.HasSecondNorm ? 2 : 1) * Norm(config, element);
        if (element != Float) bytes += Float * d * ((config.NumAttentionExperts > 1 ? 1 : 0) + (config.NumLocalExperts > 1 ? 1 : 0));

        bytes += element * (ProjectionWidth(config) + HeadsWidth(config));
        bytes += Float * (AskedExperts(config) * config.NumAttentionHeads + config.NumAttentionExperts);
        if (config.AttentionRouting == AttentionRouting.TopK) bytes += Dispatch(config.NumAttentionExpertsPerTok!.Value);

        var inside = (config.GatedMlp ? 3 : 2) * f;
        if (config.NumLocalExperts == 1) return bytes + element * inside;
        return bytes + Dispatch(config.NumExpertsPerTok) + element * config.NumExpertsPerTok * inside + 2 * Float * config.NumLocalExperts;

        // Sorted inputs and outputs; the choice, its place and the way back, and its weight.
        long Dispatch(int perToken) => perToken * (element * 2 * d + 3 * sizeof(long) + Float);
    }

    private static long Norm(ModelConfig config, long element) =>
        config.HiddenSize * ((config.NormType == NormType.RmsNorm ? 3 : 1) * sizeof(float) + element);

    // In numbers, for each token: the gradients of the heads and of the fused projection, or those of the experts' sorted outputs and of one
    // expert's inside, and those of the block's output and of the norm's.
    private static long GradientsInsideBlock(ModelConfig config)
    {
        long d = config.HiddenSize;
        var attention = HeadsWidth(config) + ProjectionWidth(config);
        var share = (double)config.NumExpertsPerTok / config.NumLocalExperts;
        var feedForward = (config.NumLocalExperts > 1 ? 2 * config.NumExpertsPerTok * d : 0) + (long)(share * (d + 3.0 * config.IntermediateSize));
        return 2 * d + Math.Max(attention, feedForward);
    }

    // The attention experts whose queries a token has.
    private static long AskedExperts(ModelConfig config) =>
        config.AttentionRouting == AttentionRouting.TopK ? config.NumAttentionExpertsPerTok!.Value : config.NumAttentionExperts;

    private static long HeadsWidth(ModelConfig config) => AskedExperts(config) * config.NumAttentionHeads * config.HeadDim;

    private static long ProjectionWidth(ModelConfig config)
    {
        var keyValueExperts = config.ShareKeyValue ? 1 : config.NumAttentionExperts;
        return HeadsWidth(config) + 2L * keyValueExperts * config.NumKeyValueHeads * config.HeadDim;
    }
}
