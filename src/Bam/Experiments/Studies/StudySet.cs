using Bam.Configuration;

namespace Bam.Experiments.Studies;

/// <summary>Several studies that belong together: they run in one directory and share the models that they have in common.</summary>
public sealed record StudySet
{
    /// <summary>The name of the run; the file's folder when absent.</summary>
    [Key("the name of the run; the set's folder when absent")]
    public string Name { get; init; } = "";

    /// <summary>The title for people.</summary>
    [Key("the title of the set's report; its name when absent")]
    public string? Title { get; init; }

    /// <summary>What the set asks.</summary>
    [Key("what the set is about, in a sentence or two, for its report")]
    public string About { get; init; } = "";

    /// <summary>The recipes, absolute.</summary>
    [Key("the recipes of the set, each with random_seeds", IsPath = true)]
    public required IReadOnlyList<string> Studies { get; init; }

    /// <summary>True when the file holds a set and not a recipe.</summary>
    public static bool IsSet(string path) => File.Exists(path) && ConfigFile.Load(path).Children.ContainsKey("studies");

    /// <summary>Reads a set's file; the recipes in it are not read.</summary>
    /// <exception cref="InvalidInputException">The file is not as it must be: one line names the place.</exception>
    public static StudySet Read(string path)
    {
        var set = ConfigFile.Read<StudySet>(path);
        if (set.Studies.Count == 0) throw new InvalidInputException($"{path}: key 'studies'", "at least one recipe", "none", "name the recipes");
        return set.Name.Length > 0 ? set : set with { Name = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path))!) };
    }
}
