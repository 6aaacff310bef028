using System.Text.Json;
using System.Text.RegularExpressions;
using Bam.Checkpoints;
using Bam.Configuration;
using Bam.Files;
using Bam.Training.Runs;
using Bam.Upcycling;

namespace Bam.Training;

/// <summary>
/// What a mixture's experts are called: the directories of the models that it was made of, as <c>upcycling.json</c> records them. A trained
/// mixture has no such record; the run that trained it knows which one it began with.
/// </summary>
public static partial class ExpertNames
{
    /// <summary>A name for each expert, copies of the seed at the end; null when the checkpoint does not say.</summary>
    /// <param name="checkpoint">The mixture's directory.</param>
    /// <param name="config">Its configuration.</param>
    /// <exception cref="InvalidInputException">A record is damaged.</exception>
    public static IReadOnlyList<string>? Of(string checkpoint, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (RecordOf(checkpoint) is not { } record) return null;
        var models = JsonInput.ReadObject(InputFile.ReadAllBytes(record, "it was there a moment ago"), record, "make the mixture again", root =>
            root.TryGetProperty("seed", out var seed) && root.TryGetProperty("experts", out var experts) && experts.ValueKind == JsonValueKind.Array
                ? experts.EnumerateArray().Prepend(seed).Select(path => NameOf(path.GetString()!)).ToList()
                : throw new InvalidInputException(record, "'seed' and 'experts'", "other keys", "make the mixture again"));
        var count = Math.Max(config.NumAttentionExperts, config.NumLocalExperts);
        return [.. models, .. Enumerable.Repeat(models[0], Math.Max(0, count - models.Count))];
    }

    // A run leaves its checkpoints in RUN/model and RUN/checkpoints/step-N.
    private static string? RecordOf(string checkpoint)
    {
        for (var level = 0; level < 3; level++)
        {
            if (RecordIn(checkpoint) is { } record) return record;
            var run = Directory.GetParent(Path.GetFullPath(checkpoint))?.FullName;
            if (run is not null && !File.Exists(Path.Combine(run, RunDirectory.ConfigFileName))) run = Directory.GetParent(run)?.FullName;
            if (run is null || !File.Exists(Path.Combine(run, RunDirectory.ConfigFileName))) return null;
            if (ConfigFile.Read<TrainingConfig>(Path.Combine(run, RunDirectory.ConfigFileName)).Model is not { } start) return null;
            checkpoint = start;
        }

        return null;
    }

    private static string? RecordIn(string checkpoint) =>
        Path.Combine(checkpoint, Upcycler.RecordFileName) is var path && File.Exists(path) ? path : null;

    private static string NameOf(string model)
    {
        var folder = Path.GetFileName(model) is "model" ? Path.GetDirectoryName(model)! : model;
        return RecipePhase().Replace(Path.GetFileName(folder), "${name}");
    }

    // A model that a recipe trained lies in phases/train-NAME-KEY/model.
    [GeneratedRegex("^train-(?<name>.+)-[0-9a-f]{12}$")]
    private static partial Regex RecipePhase();
}
