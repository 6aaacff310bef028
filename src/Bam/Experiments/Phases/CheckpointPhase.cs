using System.Text.Json.Nodes;
using Bam.Checkpoints;

namespace Bam.Experiments.Phases;

/// <summary>A model that exists: nothing is done, but what it holds is part of every later key.</summary>
/// <param name="name">The model's name in the recipe.</param>
/// <param name="checkpoint">Its directory.</param>
/// <param name="hashes">Of its files.</param>
public sealed class CheckpointPhase(string name, string checkpoint, FileHashes hashes) : ModelPhase("checkpoint", name, [])
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
        Settings = [],
        Files = Directory.EnumerateFiles(checkpoint)
            .Where(path => Path.GetFileName(path) is ModelConfig.FileName or "tokenizer.json" || path.EndsWith(".safetensors", StringComparison.Ordinal))
            .ToDictionary(path => Path.GetFileName(path), hashes.Of),
    };
}
