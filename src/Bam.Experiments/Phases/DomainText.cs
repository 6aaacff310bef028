using System.Text.Json.Serialization;
using Bam.Data;
using Bam.Data.Text;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Phases;

/// <summary>Where a domain's text is: in the user's files, or in the output of a script (null: the user's).</summary>
internal sealed class DomainText(string name, RecipeDomain domain, PreparePhase? prepare, FileHashes hashes)
{
    /// <summary>The domain's name.</summary>
    public string Name => name;

    /// <summary>How the files are read.</summary>
    public TextSettings Settings { get; } = TextSettings.Of(domain, isPrepared: prepare is not null);

    /// <summary>What must have run before the files can be read.</summary>
    public IReadOnlyList<PhaseNeed> Needs { get; } = prepare is null ? [] : [PhaseNeed.Of(prepare)];

    /// <summary>The user's files, with the hash of their content and formats; none if a script makes them.</summary>
    public IReadOnlyList<PhaseFiles> Files { get; } =
        prepare is null ? [new(TextSettings.RoleOf(name), domain.Files, HashOf(domain, hashes))] : [];

    /// <summary>True if a file is compressed, as far as it is known before a script runs.</summary>
    public bool IsCompressed { get; } =
        (prepare is null ? InputFiles.Resolve(domain.Files) : domain.Files).Any(InputFiles.IsCompressed);

    private static string HashOf(RecipeDomain domain, FileHashes hashes) =>
        hashes.OfAll(InputFiles.Resolve(domain.Files), file => Reading(file, domain));

    // A file's extension says how it is read. The settings are for one format; only the other one is noted, so that keys stay.
    private static string Reading(string file, RecipeDomain domain)
    {
        var layout = TextFileKind.Of(file)?.Layout;
        if (layout == TextLayout.Parquet) return " as Parquet";
        var isJsonLines = layout == TextLayout.JsonLines;
        return isJsonLines == domain.HasFieldKeys ? "" : isJsonLines ? " as JSONL" : " as text";
    }
}

/// <summary>The settings with which a phase reads a domain's text; see <see cref="RecipeDomain"/>.</summary>
internal sealed record TextSettings
{
    /// <summary>What a script makes, relative to its output; null for the user's files.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Files { get; init; }

    public required string TextKey { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? GroupKey { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? SectionSeparator { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? SkipBadLines { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public DataFormat DataFormat { get; init; }

    /// <summary>Those of a section of a recipe, whose files a script makes or the user has.</summary>
    public static TextSettings Of(RecipeDomain domain, bool isPrepared) => new()
    {
        Files = isPrepared ? domain.Files : null,
        TextKey = domain.TextKey,
        GroupKey = domain.GroupKey,
        SectionSeparator = domain.SectionSeparator,
        SkipBadLines = domain.SkipBadLines,
        DataFormat = domain.Format,
    };

    /// <summary>How documents lie in the files.</summary>
    public DocumentFormat Format() => new(TextKey, GroupKey, SectionSeparator, SkipBadLines ?? 0, DataFormat == DataFormat.Chat);

    /// <summary>The files, folders and patterns, absolute, for the phase that has these settings.</summary>
    public IReadOnlyList<string> InputsOf(string domain, Phase reader, PhaseStore store) => Files is null
        ? reader.Files.Single(files => files.Role == RoleOf(domain)).Paths
        : [.. Files.Select(pattern => Path.Combine(reader.All<PreparePhase>().Single().OutputIn(store), pattern))];

    /// <summary>The role of a domain's files in a key.</summary>
    internal static string RoleOf(string domain) => $"text of {domain}";
}
