using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Checkpoints;
using Bam.Checkpoints.Adapters;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Experiments.Phases;

/// <summary>A phase whose outcome is a model.</summary>
internal abstract class ModelPhase(
    string kind, string name, object settings, IReadOnlyList<PhaseNeed> needs, IReadOnlyList<PhaseFiles>? files = null)
    : Phase(kind, name, settings, needs, files)
{
    /// <summary>The folder of the model in the phase's directory.</summary>
    private protected const string FolderName = "model";

    /// <summary>The model's checkpoint.</summary>
    public virtual string ModelIn(PhaseStore store) => Path.Combine(store.DirectoryOf(this), FolderName);
}

/// <summary>A model that exists: nothing is done, but its content is part of every later key.</summary>
internal sealed class CheckpointPhase(string name, string model, FileHashes hashes)
    : ModelPhase(
        "checkpoint",
        name,
        new CheckpointSettings { EosTokenId = EndsBeyondConfig(ModelPath.Of(model).Base) },
        [],
        [
            .. FilesOf(ModelPath.Of(model).Base).Select(path => new PhaseFiles(Path.GetFileName(path), [path], hashes.Of(path))),
            .. ModelPath.Of(model).Adapters.SelectMany((adapter, i) => AdapterFolding.FileNames.Select(file =>
                new PhaseFiles(
                    $"{AdapterRole}{i + 1}: {file}", [Path.Combine(adapter, file)], hashes.Of(Path.Combine(adapter, file))))),
        ])
{
    private const string AdapterRole = "adapter ";

    /// <inheritdoc/>
    public override string ModelIn(PhaseStore store) => new ModelPath(
        DirectoryOf(Files[0]),
        [
            .. Files.Where(file => file.Role.StartsWith(AdapterRole, StringComparison.Ordinal))
                .Where((_, i) => i % AdapterFolding.FileNames.Count == 0).Select(DirectoryOf),
        ]).ToString();

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context) => [];

    private static string DirectoryOf(PhaseFiles file) => Path.GetDirectoryName(file.Paths[0])!;

    private static ValueList<int>? EndsBeyondConfig(string checkpoint)
    {
        if (GenerationSettings.Find(checkpoint) is null) return null;
        var file = Path.Combine(checkpoint, ModelConfig.FileName);
        var config = ModelConfigReader.Parse(InputFile.ReadAllText(file, "check the path"), file, SilentReporter.Instance);
        var ends = GenerationSettings.Join(config, checkpoint, SilentReporter.Instance).EosTokenIds;
        return ends.Count == config.EosTokenIds.Count ? null : ends;
    }

    private static IEnumerable<string> FilesOf(string checkpoint) => Directory.EnumerateFiles(checkpoint)
        .Where(path => Path.GetFileName(path) is ModelConfig.FileName or "tokenizer.json"
            || path.EndsWith(".safetensors", StringComparison.Ordinal))
        .Concat(DecidingIndex(checkpoint));

    private static IEnumerable<string> DecidingIndex(string checkpoint) =>
        Directory.EnumerateFiles(checkpoint, "*.index*.json").Any()
        && WeightSet.FindAll(checkpoint, SilentReporter.Instance)[0].DecidingIndex is { } index
            ? [Path.Combine(checkpoint, index)]
            : [];
}

/// <summary>The settings of a <see cref="CheckpointPhase"/>.</summary>
internal sealed record CheckpointSettings
{
    /// <summary>The ends of text if there are more than those in config.json; null otherwise, so that most keys stay.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<int>? EosTokenId { get; init; }
}
