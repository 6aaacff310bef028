using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Experiments.Phases;

/// <summary>A model that exists: nothing is done, but what it holds is part of every later key.</summary>
/// <param name="name">The model's name in the recipe.</param>
/// <param name="checkpoint">Its directory.</param>
/// <param name="hashes">Of its files.</param>
internal sealed class CheckpointPhase(string name, string checkpoint, FileHashes hashes) : ModelPhase("checkpoint", name, [])
{
    /// <inheritdoc/>
    public override string ModelIn(PhaseStore store) => checkpoint;

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context) => [];

    /// <inheritdoc/>
    protected override PhaseInputs Describe() => new()
    {
        Kind = Kind,
        Version = 1,
        Settings = EndsBeyondConfig(),
        Files = Directory.EnumerateFiles(checkpoint)
            .Where(path => Path.GetFileName(path) is ModelConfig.FileName or "tokenizer.json" || path.EndsWith(".safetensors", StringComparison.Ordinal))
            .Concat(DecidingIndex())
            .ToDictionary(path => Path.GetFileName(path), hashes.Of),
    };

    // Only what config.json does not say, so that other checkpoints keep their keys.
    private JsonObject EndsBeyondConfig()
    {
        if (GenerationSettings.Find(checkpoint) is null) return [];
        var file = Path.Combine(checkpoint, ModelConfig.FileName);
        var config = ModelConfigReader.Parse(InputFile.ReadAllText(file, "check the path"), file, SilentReporter.Instance);
        var ends = GenerationSettings.Join(config, checkpoint, SilentReporter.Instance).EosTokenIds;
        return ends.Count == config.EosTokenIds.Count ? [] : new() { ["eos_token_id"] = new JsonArray([.. ends.Select(id => (JsonNode)id)]) };
    }

    private IEnumerable<string> DecidingIndex() =>
        Directory.EnumerateFiles(checkpoint, "*.index*.json").Any() && WeightSet.FindAll(checkpoint, SilentReporter.Instance)[0].DecidingIndex is { } index
            ? [Path.Combine(checkpoint, index)]
            : [];
}
