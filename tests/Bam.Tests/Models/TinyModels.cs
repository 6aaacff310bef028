using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;

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

    public static LanguageModel Create(ModelConfig config, long seed = 1)
    {
        LibTorch.Load();
        var model = new LanguageModel(config, Device.Cpu);
        ModelInitializer.Initialize(model, seed);
        return model;
    }

    /// <summary>[batch, length] ids that depend on the seed alone.</summary>
    public static Tensor Ids(int batch, int length, int seed = 1)
    {
        var random = new Random(seed);
        return Tensor.From<long>([.. Enumerable.Range(0, batch * length).Select(_ => random.NextInt64(Dense.VocabSize))], [batch, length]);
    }

    /// <summary>Sets every parameter of the model from those of another, whose tensor's name <paramref name="source"/> gives.</summary>
    public static void CopyFrom(this LanguageModel model, LanguageModel other, Func<string, string?> source)
    {
        var slices = other.Slices.ToDictionary(slice => slice.Parameter.Name);
        foreach (var slice in model.Slices)
        {
            if (source(slice.Parameter.Name) is { } name)
                ModelCheckpoint.Write(model.Parameters.Values, slice, ModelCheckpoint.Read(other.Parameters.Values, slices[name]));
        }
    }
}
