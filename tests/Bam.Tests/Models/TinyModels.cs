using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Bam.Torch.Distributed;

namespace Bam.Tests.Models;

/// <summary>Models small enough for a test, of every kind.</summary>
internal static class TinyModels
{
    public static ModelConfig Dense { get; } = new()
    {
        VocabSize = 48,
        HiddenSize = 32,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 16,
        MaxPositionEmbeddings = 32,
    };

    public static ModelConfig Bam { get; } = Dense with { NumAttentionExperts = 3, NumLocalExperts = 3 };

    public static ModelConfig Btx { get; } = Dense with { NumLocalExperts = 4, NumExpertsPerTok = 2 };

    /// <summary>Biases everywhere, separate norms, no gate, queries and keys normed head by head, a window.</summary>
    public static ModelConfig Biased { get; } = Dense with
    {
        NumAttentionHeads = 4, NumKeyValueHeads = 2, SeparateNorms = true, NormBias = true, GatedMlp = false,
        HiddenAct = "gelu_new", MlpBias = true,
        AttentionBias = true, AttentionOutputBias = true, QueryKeyNorm = QueryKeyNorm.PerHead, SlidingWindow = 5,
        LmHeadBias = true, LogitScale = 0.5,
    };

    /// <summary>
    /// Sequential blocks with RMSNorm, queries and keys normed alike, a gate of GELU, scaled rotary frequencies.
    /// </summary>
    public static ModelConfig Normed { get; } = Dense with
    {
        ParallelBlock = false, NormType = NormType.RmsNorm, QueryKeyNorm = QueryKeyNorm.Shared, HiddenAct = "gelu",
        TieWordEmbeddings = false,
        RopeScaling = new(RopeScalingType.Llama3, 4) { LowFreqFactor = 1, HighFreqFactor = 4, OriginalMaxPositionEmbeddings = 8 },
    };

    public static LanguageModel Create(
        ModelConfig config, long seed = 1, ScalarType computeType = ScalarType.Float32, Device device = default,
        bool activationCheckpointing = false, ProcessGroup? expertGroup = null)
    {
        LibTorch.Load();
        var model = new LanguageModel(config, device, computeType, expertGroup: expertGroup)
        {
            ActivationCheckpointing = activationCheckpointing,
        };
        ModelInitializer.Initialize(model, seed);
        // A bias of zero would hide that it is not added.
        foreach (var slice in model.Slices.Where(slice => slice.Parameter.IsBias))
        {
            var values = new float[slice.Count];
            new RandomStream(seed, slice.Parameter.Name).FillNormal(values, 0.1);
            ModelCheckpoint.Write(model.Parameters.Values, slice, values);
        }

        return model;
    }

    /// <summary>[batch, length] ids that depend on the seed alone.</summary>
    public static Tensor Ids(int batch, int length, int seed = 1, Device device = default)
    {
        var random = new Random(seed);
        return Tensor.From<long>(
            [.. Enumerable.Range(0, batch * length).Select(_ => random.NextInt64(Dense.VocabSize))], [batch, length], device);
    }

    /// <summary>
    /// Sets every parameter of the model from those of another, whose tensor's name <paramref name="source"/> gives.
    /// </summary>
    public static void CopyFrom(this LanguageModel model, LanguageModel other, Func<string, string?> source)
    {
        var slices = other.Slices.ToDictionary(slice => slice.Parameter.Name);
        foreach (var slice in model.Slices)
        {
            if (source(slice.Parameter.Name) is { } name)
                ModelCheckpoint.Write(
                    model.Parameters.Values, slice, ModelCheckpoint.Read(other.Parameters.Values, slices[name]));
        }
    }
}
