using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>Further text on which models are measured: text that no model has seen, or held-out text made harder.</summary>
internal sealed record RecipeProbe : ICheckedSection
{
    private const string DefaultTextKey = "text";
    private const long DefaultMaxTokens = 1_000_000;

    [Key(
        "text that no model has seen: files (.txt, .jsonl, .parquet; also .gz, .zst), folders, or patterns; relative to the "
        + "recipe, or to the output of 'probe_prepare'")]
    public IReadOnlyList<string>? Files { get; init; }

    [Key("with files: the field of a .jsonl line, or the .parquet column, that holds the text")]
    public string TextKey { get; init; } = DefaultTextKey;

    [Key(
        "with files: the field of a .jsonl line, or the .parquet column, that names the document of which the line or row is a "
        + "slice; if omitted, each is a document")]
    public string? GroupKey { get; init; }

    [Key("with files: the line that separates the documents of a text file; if omitted, a file is a document")]
    public string? SectionSeparator { get; init; }

    [Key(
        "with files: how many unreadable .jsonl lines or .parquet rows are skipped, with a warning; more are an error; none if "
        + "omitted",
        Minimum = 0)]
    public long? SkipBadLines { get; init; }

    [Key("with files: the most tokens that are measured, in whole documents", Minimum = 2)]
    public long MaxTokens { get; init; } = DefaultMaxTokens;

    [Key("instead of files: the domains whose held-out text is used")]
    public IReadOnlyList<string>? Of { get; init; }

    [Key(
        "with of: the probability with which each byte is replaced by another printable character; with several domains, each is "
        + "a probe of its own, NAME-DOMAIN",
        Minimum = 0, AboveMinimum = true, Maximum = 1, BelowMaximum = true)]
    public double? Corrupt { get; init; }

    [Key(
        "with of: documents are cut into pieces of about this many characters, and pieces of all these domains take turns in one "
        + "document",
        Minimum = 16)]
    public int? Pieces { get; init; }

    /// <summary>The files as a domain's; null if held-out text is used.</summary>
    internal RecipeDomain? Text => Files is null ? null : new()
    {
        Files = Files,
        TextKey = TextKey,
        GroupKey = GroupKey,
        SectionSeparator = SectionSeparator,
        SkipBadLines = SkipBadLines,
    };

    /// <summary>
    /// The probes of their own that it stands for: one for each domain if the text of several is corrupted, else itself.
    /// </summary>
    internal IEnumerable<(string Name, RecipeProbe Probe)> Parts(string name) =>
        Corrupt is not null && Of is { Count: > 1 } domains
            ? domains.Select(domain => ($"{name}-{domain}", this with { Of = [domain] }))
            : [(name, this)];

    /// <inheritdoc/>
    public void Check(SectionLocation section)
    {
        if (Files is null && Of is null)
            throw section.Fault("files", "a probe needs 'files', or 'of' with 'corrupt' or 'pieces'; name one");
        if (Files is null) CheckHeldOut(section, Of!);
        else CheckFiles(section, Files);
    }

    private void CheckFiles(SectionLocation section, IReadOnlyList<string> files)
    {
        if (Of is not null) throw section.Fault("of", "key 'of' and key 'files' exclude each other; keep one");
        if (files.Count == 0) throw section.Fault("files", "key 'files': expected at least one file, found none");
        if (Corrupt is not null) throw ForHeldOut(section, "corrupt");
        if (Pieces is not null) throw ForHeldOut(section, "pieces");
    }

    private void CheckHeldOut(SectionLocation section, IReadOnlyList<string> domains)
    {
        if (TextKey != DefaultTextKey) throw ForFiles(section, "text_key");
        if (GroupKey is not null) throw ForFiles(section, "group_key");
        if (SectionSeparator is not null) throw ForFiles(section, "section_separator");
        if (SkipBadLines is not null) throw ForFiles(section, "skip_bad_lines");
        if (MaxTokens != DefaultMaxTokens) throw ForFiles(section, "max_tokens");
        if (domains.Count == 0) throw section.Fault("of", "key 'of': expected at least one domain, found none");
        if (domains.Distinct().Count() < domains.Count) throw section.Fault("of", "key 'of': a domain is there twice; keep one");
        switch (Corrupt, Pieces)
        {
            case (null, null):
                throw section.Fault(
                    "of", "key 'of': what is to be done with the text is missing; add 'corrupt' or 'pieces'");
            case (not null, not null):
                throw section.Fault("pieces", "key 'pieces' and key 'corrupt' exclude each other; keep one");
            case (null, not null) when domains.Count < 2:
                throw section.Fault("of", "key 'of': expected at least two domains to mix, found one");
        }
    }

    private static InvalidInputException ForFiles(SectionLocation section, string key) =>
        section.Fault(key, $"key '{key}' has no meaning with 'of', whose text is what the domains hold out; remove it");

    private static InvalidInputException ForHeldOut(SectionLocation section, string key) =>
        section.Fault(key, $"key '{key}' has no meaning for files; it changes the held-out text of domains ('of')");
}
