using System.Text.Json.Nodes;
using Bam.Data.Text;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Phases;

/// <summary>Where a domain's text lies: in the user's files, or in what the recipe's script prepared.</summary>
/// <param name="name">The domain's name.</param>
/// <param name="domain">Its section of the recipe.</param>
/// <param name="prepare">The script; null when the files are there already.</param>
/// <param name="hashes">Of the files.</param>
public sealed class DomainText(string name, RecipeDomain domain, PreparePhase? prepare, FileHashes hashes)
{
    private readonly string? hash = prepare is null ? hashes.OfAll(InputFiles.Resolve(domain.Files)) : null;

    /// <summary>The domain's name.</summary>
    public string Name => name;

    /// <summary>Its section of the recipe.</summary>
    public RecipeDomain Domain => domain;

    /// <summary>What must have run before the files can be read.</summary>
    public IReadOnlyList<Phase> Dependencies => prepare is null ? [] : [prepare];

    /// <summary>The files, folders and patterns, absolute.</summary>
    public IReadOnlyList<string> Inputs(PhaseStore store) =>
        prepare is null ? domain.Files : [.. domain.Files.Select(pattern => Path.Combine(prepare.OutputIn(store), pattern))];

    /// <summary>What of the section changes the tokens; the names of files do so only where a script writes them.</summary>
    internal JsonObject Settings()
    {
        var settings = SettingsJson.Of(domain);
        if (prepare is null) settings.Remove("files");
        return settings;
    }

    /// <summary>The hash of the files' content, by the domain's name.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Files() => hash is null ? [] : [new($"text of {name}", hash)];
}
