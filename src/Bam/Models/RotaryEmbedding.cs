using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Kernels;

namespace Bam.Models;

/// <summary>The rotary tables of a model's layers.</summary>
internal sealed class RotaryEmbedding : IDisposable
{
    private readonly ModelConfig config;
    private readonly Device device;
    private readonly RotaryTables? none;     // of layers without rotary embedding
    private readonly RotaryTables? sliding;  // of layers with a sliding window, where they have a base of their own
    private (long Key, RotaryTables Tables) others;

    /// <summary>Computes the tables for short inputs.</summary>
    public RotaryEmbedding(ModelConfig config, Device device)
    {
        (this.config, this.device) = (config, device);
        if (config.NoRopeLayers.Contains(0)) none = Tables([]);
        if (config.RopeLocalBaseFreq is not null) sliding = Tables(RotaryFrequencies.OfSlidingLayers(config, length: 1));
        others = (KeyOf(length: 1), TablesFor(length: 1));
    }

    /// <summary>
    /// True where tokens that were read as part of a shorter input have to be read again as part of a longer one: LongRoPE has
    /// one set of frequencies for short inputs and one for long ones (as transformers does for Phi-3). With dynamic scaling the
    /// keys in the cache keep the rotation that they have.
    /// </summary>
    public bool ChangesBetween(long shorter, long longer) =>
        config.RopeScaling is { Type: RopeScalingType.Longrope } && KeyOf(shorter) != KeyOf(longer);

    /// <summary>The tables of a layer for an input of <paramref name="length"/> tokens, those in the cache included.</summary>
    public RotaryTables Of(int layer, long length)
    {
        if (!config.HasRotary(layer)) return none!;
        if (sliding is not null && config.WindowOf(layer) is not null) return sliding;
        if (others.Key != KeyOf(length))
        {
            others.Tables.Dispose();
            others = (KeyOf(length), TablesFor(length));
        }

        return others.Tables;
    }

    /// <summary>What queries are multiplied by, [count, 1] in float32; null where it is 1 for all (Ministral 3).</summary>
    public Tensor? QueryFactors(int count, Func<int, int> positionOf)
    {
        if (config.RopeScaling is not { Llama4ScalingBeta: > 0 } scaling) return null;
        float[] factors = [.. Enumerable.Range(0, count).Select(i => (float)scaling.QueryFactor(positionOf(i)))];
        return Array.TrueForAll(factors, factor => factor == 1) ? null : Tensor.From<float>(factors, [count, 1], device);
    }

    public void Dispose()
    {
        none?.Dispose();
        sliding?.Dispose();
        others.Tables.Dispose();
    }

    // Inputs of one key have the same frequencies.
    private long KeyOf(long length) => config.RopeScaling?.Type switch
    {
        RopeScalingType.Dynamic => Math.Max(length, config.MaxPositionEmbeddings),
        RopeScalingType.Longrope => length > config.RopeScaling.OriginalMaxPositionEmbeddings ? 1 : 0,
        _ => 0,
    };

    private RotaryTables TablesFor(long length) =>
        Tables(RotaryFrequencies.Of(config, length), config.RopeScaling?.AttentionFactor ?? 1);

    private RotaryTables Tables(double[] frequencies, double factor = 1) =>
        new(config.LongestInput, frequencies, config.RopeInterleaved, device, factor);
}
