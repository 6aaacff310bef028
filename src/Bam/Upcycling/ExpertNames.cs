using System.Text.RegularExpressions;
using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>What a mixture's experts are called: the directories of the models that it was made of.</summary>
internal static partial class ExpertNames
{
    /// <summary>A name for each expert, copies of the seed at the end; null when the checkpoint does not say.</summary>
    /// <param name="checkpoint">The mixture's directory.</param>
    /// <param name="config">Its configuration.</param>
    /// <exception cref="InvalidInputException">The record is damaged.</exception>
    public static IReadOnlyList<string>? Of(string checkpoint, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (MixtureRecord.Read(checkpoint) is not { Models: var models }) return null;
        var count = Math.Max(config.NumAttentionExperts, config.NumLocalExperts);
        return [.. models, .. Enumerable.Repeat(models[0], Math.Max(0, count - models.Count))];
    }

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
