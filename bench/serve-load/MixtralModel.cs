using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;

namespace Bam.Bench.ServeLoad;

/// <summary>A Mixtral-shaped model of 300 M parameters with random weights.</summary>
internal static class MixtralModel
{
    private static readonly ModelConfig Config = new()
    {
        VocabSize = 1500,  // the tokenizer's: a token without text would not be streamed
        HiddenSize = 768,
        IntermediateSize = 1536,
        NumHiddenLayers = 9,
        NumAttentionHeads = 12,
        NumKeyValueHeads = 4,
        HeadDim = 64,
        MaxPositionEmbeddings = 4096,
        ParallelBlock = false,
        NormType = NormType.RmsNorm,
        TieWordEmbeddings = false,
        NumLocalExperts = 8,
        NumExpertsPerTok = 2,
        NormTopkProb = true,
        TorchDtype = "float32",
    };

    /// <summary>Writes a checkpoint with a tokenizer into a directory.</summary>
    public static void Save(string directory, string tokenizer)
    {
        LibTorch.Load();
        using var model = new LanguageModel(Config, Device.Cpu, withGradients: false);
        ModelInitializer.Initialize(model, seed: 1);
        Directory.CreateDirectory(directory);
        ModelCheckpoint.Save(model, directory);
        File.Copy(tokenizer, Path.Combine(directory, "tokenizer.json"), overwrite: true);
        Console.WriteLine($"{model.Slices.Sum(slice => slice.Count):N0} parameters");
    }
}
