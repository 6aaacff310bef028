using System.Text.Json;
using System.Text.RegularExpressions;
using Bam.Checkpoints;
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
    private const string Hint = "make the mixture again";

    /// <summary>A name for each expert, copies of the seed at the end; null when the checkpoint does not say.</summary>
    /// <param name="checkpoint">The mixture's directory.</param>
    /// <param name="config">Its configuration.</param>
    /// <exception cref="InvalidInputException">A record is damaged.</exception>
    public static IReadOnlyList<string>? Of(string checkpoint, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (OriginOf(checkpoint) is not { Models: var models }) return null;
        var count = Math.Max(config.NumAttentionExperts, config.NumLocalExperts);
        return [.. models, .. Enumerable.Repeat(models[0], Math.Max(0, count - models.Count))];
    }

    /// <summary>What the mixture, trained since or not, was made of; null when the checkpoint does not say.</summary>
    /// <param name="checkpoint">The mixture's directory.</param>
    /// <exception cref="InvalidInputException">A record is damaged.</exception>
    public static MixtureOrigin? OriginOf(string checkpoint) => RecordOf(checkpoint) is { } record
        ? JsonInput.ReadObject(InputFile.ReadAllBytes(record, "it was there a moment ago"), record, Hint, root => Read(root, record))
        : null;

    private static MixtureOrigin Read(JsonElement root, string record)
    {
        if (root.TryGetProperty("seed", out var seed) && root.TryGetProperty("experts", out var experts) && experts.ValueKind == JsonValueKind.Array)
        {
            var models = experts.EnumerateArray().Prepend(seed).ToList();
            if (models.TrueForAll(model => model.ValueKind == JsonValueKind.String))
            {
                var method = root.TryGetProperty("method", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
                return new(method, [.. models.Select(model => NameOf(model.GetString()!))]);
            }
        }

        throw new InvalidInputException(record, "paths under 'seed' and 'experts'", "something else", Hint);
    }

    private static string? RecordOf(string checkpoint)
    {
        for (var level = 0; level < 3; level++)
        {
            if (RecordIn(checkpoint) is { } record) return record;
            if (RunDirectory.ConfigOf(checkpoint)?.Model is not { } start) return null;
            checkpoint = start;
        }

        return null;
    }

    private static string? RecordIn(string checkpoint) =>
        Path.Combine(checkpoint, Upcycler.RecordFileName) is var path && File.Exists(path) ? path : null;

    /// <summary>What a model is called: its folder, or the phase of a recipe that made it.</summary>
    /// <param name="model">Its directory, without a separator at the end.</param>
    internal static string NameOf(string model)
    {
        var folder = Path.GetFileName(model) is "model" ? Path.GetDirectoryName(model)! : model;
        return RecipePhase().Replace(Path.GetFileName(folder), "${name}");
    }

    // A model that a recipe trained lies in phases/train-NAME-KEY/model.
    [GeneratedRegex("^train-(?<name>.+)-[0-9a-f]{12}$")]
    private static partial Regex RecipePhase();
}
