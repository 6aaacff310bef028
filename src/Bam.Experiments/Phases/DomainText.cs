using System.Text.Json.Nodes;
using Bam.Data.Text;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Phases;

/// <summary>Where a domain's text lies: in the user's files, or in what the recipe's script prepared.</summary>
/// <param name="name">The domain's name.</param>
/// <param name="domain">Its section of the recipe.</param>
/// <param name="prepare">The script; null when the files are there already.</param>
/// <param name="hashes">Of the files.</param>
internal sealed class DomainText(string name, RecipeDomain domain, PreparePhase? prepare, FileHashes hashes)
{
    private readonly string? hash = prepare is null ? hashes.OfAll(InputFiles.Resolve(domain.Files), file => Reading(file, domain)) : null;

    /// <summary>The domain's name.</summary>
    public string Name => name;

    /// <summary>Its section of the recipe.</summary>
    public RecipeDomain Domain => domain;

    /// <summary>What must have run before the files can be read.</summary>
    public IReadOnlyList<Phase> Dependencies => prepare is null ? [] : [prepare];

    /// <summary>The files, folders and patterns, absolute.</summary>
    public IReadOnlyList<string> Inputs(PhaseStore store) =>
        prepare is null ? domain.Files : [.. domain.Files.Select(pattern => Path.Combine(prepare.OutputIn(store), pattern))];

    /// <summary>True when a file is compressed, as far as it can be told before a script ran.</summary>
    internal bool IsCompressed => (prepare is null ? InputFiles.Resolve(domain.Files) : domain.Files).Any(InputFiles.IsCompressed);

    /// <summary>What of the section changes the tokens; the names of files do so only where a script writes them.</summary>
    internal JsonObject Settings()
    {
        var settings = SettingsJson.Of(domain);
        if (prepare is null) settings.Remove("files");
        return settings;
    }

    /// <summary>The hash of the files' content and formats, by the domain's name.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Files() => hash is null ? [] : [new($"text of {name}", hash)];

    // A file's ending says how it is read. The section's keys speak of one format; only the other one is said, so that keys stay.
    private static string Reading(string file, RecipeDomain domain)
    {
        var isJsonLines = InputFiles.IsJsonLines(file);
        return isJsonLines == domain.SpeaksOfJsonLines ? "" : isJsonLines ? " as JSONL" : " as text";
    }
}
