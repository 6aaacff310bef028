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
/// <param name="Activations">What backward needs of a micro-batch; see <see cref="ActivationMemory"/>.</param>
/// <param name="Working">What comes on top at the fullest moment: the head's gradient, which is held between forward and backward, with a
/// chunk of logits, or the gradients inside one block.</param>
internal sealed record TrainingMemory(long Parameters, long Gradients, long Moments, long Activations, long Working)
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
        var outside = ActivationMemory.Norm(config, element) + 2 * sizeof(long);
        // float32 as the processor's kernel computes it. Another dtype has logits in both, with their log-probabilities, and a copy of the
        // head and of a chunk's gradient.
        var isCopied = dtype != ScalarType.Float32;
        var chunk = Math.Min(tokens, LinearCrossEntropyFunction.ChunkRows(config.VocabSize, isCopied ? Device.Cuda() : Device.Cpu));
        var logits = (isCopied ? 2 * Float + element : Float) * chunk * config.VocabSize;
        var matrix = (isCopied ? Float + 2 * element : Float) * config.VocabSize * config.HiddenSize;
        var head = matrix + element * tokens * config.HiddenSize + logits;
        var block = element * tokens * GradientsInsideBlock(config);
        return new(
            parameters, parameters, 2 * parameters,
            tokens * (config.NumHiddenLayers * ActivationMemory.PerToken(config, dtype, length) + outside),
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

    // In numbers, for each token: the gradients of the heads and of the fused projection, or those of the experts' sorted outputs and of one
    // expert's inside, and those of the block's output and of the norm's.
    private static long GradientsInsideBlock(ModelConfig config)
    {
        long d = config.HiddenSize;
        var attention = ActivationMemory.HeadsWidth(config) + ActivationMemory.ProjectionWidth(config);
        var share = (double)config.NumExpertsPerTok / config.NumLocalExperts;
        var feedForward = (config.NumLocalExperts > 1 ? 2 * config.NumExpertsPerTok * d : 0) + (long)(share * (d + 3.0 * config.IntermediateSize));
        return 2 * d + Math.Max(attention, feedForward);
    }
}
