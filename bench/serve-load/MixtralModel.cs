using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;

namespace Bam.Bench.ServeLoad;

/// <summary>
/// A Mixtral-shaped model with Mixtral's vocabulary size and random weights, of 290 M parameters unless its experts are wider.
/// </summary>
internal static class MixtralModel
{
    private static readonly ModelConfig Config = new()
    {
        VocabSize = 32_000,
        HiddenSize = 768,
        IntermediateSize = 1536,
        NumHiddenLayers = 8,
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

    /// <summary>Writes a checkpoint into a directory, with a tokenizer that is filled up to the model's vocabulary.</summary>
    public static void Save(string directory, string tokenizer, int intermediateSize = 1536)
    {
        LibTorch.Load();
        using var model = new LanguageModel(
            Config with { IntermediateSize = intermediateSize }, Device.Cpu, withGradients: false);
        ModelInitializer.Initialize(model, seed: 1);
        Directory.CreateDirectory(directory);
        ModelCheckpoint.Save(model, directory);
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), Filled(tokenizer).ToJsonString());
        Console.WriteLine($"{model.Slices.Sum(slice => slice.Count):N0} parameters");
    }

    // A token without text would not be streamed.
    private static JsonNode Filled(string tokenizer)
    {
        var json = JsonNode.Parse(File.ReadAllText(tokenizer))!;
        var vocabulary = json["model"]!["vocab"]!.AsObject();
        for (var id = vocabulary.Count; id < Config.VocabSize; id++) vocabulary.Add($"word{id}", id);
        return json;
    }
}
