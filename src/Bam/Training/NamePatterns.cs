using System.IO.Enumeration;
using Bam.Configuration;

namespace Bam.Training;

/// <summary>Selects checkpoint tensors by <c>freeze</c> and <c>train_only</c>.</summary>
internal static class NamePatterns
{
    /// <summary>The names that are trained.</summary>
    /// <param name="names">The checkpoint's tensor names.</param>
    /// <param name="settings">The patterns: '*' stands for any characters, '?' for one.</param>
    /// <exception cref="InvalidInputException">A pattern matches no tensor, or nothing is left to train.</exception>
    public static IReadOnlySet<string> Trained(IReadOnlyCollection<string> names, TrainingSettings settings)
    {
        var trained = settings.TrainOnly.Count == 0 ? names.ToHashSet() : Matches(names, settings.TrainOnly, "train_only");
        trained.ExceptWith(Matches(names, settings.Freeze, "freeze"));
        return trained.Count > 0
            ? trained
            : throw new InvalidInputException("key 'freeze': nothing is left to train; freeze less or name more in 'train_only'");
    }

    private static HashSet<string> Matches(IReadOnlyCollection<string> names, IReadOnlyList<string> patterns, string key)
    {
        var matches = new HashSet<string>();
        foreach (var pattern in patterns)
        {
            var found = names.Where(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)).ToArray();
            if (found.Length == 0)
                throw new InvalidInputException(
                    $"key '{key}': pattern '{pattern}' matches no tensor of the model{Suggestion.For(pattern, names)}; "
                    + "'bam inspect MODEL' lists them");
            matches.UnionWith(found);
        }

        return matches;
    }
}
