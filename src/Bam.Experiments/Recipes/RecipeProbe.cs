using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>
/// Text beside the domains' on which models are measured: text that no model saw, or held-out text made harder.
/// </summary>
internal sealed record RecipeProbe : ICheckedSection
{
    private const string DefaultTextKey = "text";
    private const long DefaultMaxTokens = 1_000_000;

    /// <summary>Files, folders or patterns of text that no model saw; null where held-out text is taken.</summary>
    [Key("text that no model saw: files (.txt, .jsonl, .jsonl.gz), folders, or patterns; relative to the recipe, or to what 'probe_prepare' made")]
    public IReadOnlyList<string>? Files { get; init; }

    /// <summary>The field of a JSONL line that holds the text.</summary>
    [Key("with files: the field of a .jsonl line that holds the text")]
    public string TextKey { get; init; } = DefaultTextKey;

    /// <summary>The field of a JSONL line that names the document of which the line is a slice.</summary>
    [Key("with files: the field of a .jsonl line that names the document of which the line is a slice; each line is a document when absent")]
    public string? GroupKey { get; init; }

    /// <summary>The line between a text file's documents.</summary>
    [Key("with files: the line that separates the documents of a text file; a file is a document when absent")]
    public string? SectionSeparator { get; init; }

    /// <summary>How many lines of JSONL that cannot be read are passed over; null for none.</summary>
    [Key("with files: how many lines of .jsonl that cannot be read are passed over, with a warning; more are refused; none when absent", Minimum = 0)]
    public long? SkipBadLines { get; init; }

    /// <summary>The most tokens that are measured.</summary>
    [Key("with files: the most tokens that are measured, in whole documents", Minimum = 2)]
    public long MaxTokens { get; init; } = DefaultMaxTokens;

    /// <summary>The domains whose held-out text is taken; null where files are named.</summary>
    [Key("instead of files: the domains whose held-out text is taken")]
    public IReadOnlyList<string>? Of { get; init; }

    /// <summary>The probability with which a byte is replaced; null where nothing is.</summary>
    [Key("with of: each byte becomes another printable character with this probability; of several domains, each is a probe of its own, NAME-DOMAIN", Minimum = 0, AboveMinimum = true, Maximum = 1, BelowMaximum = true)]
    public double? Corrupt { get; init; }

    /// <summary>
    /// The characters of a piece, where documents of several domains are cut up and mixed; null where they stay whole.
    /// </summary>
    [Key("with of: documents are cut into pieces of about so many characters, and pieces of all these domains take turns in one document", Minimum = 16)]
    public int? Pieces { get; init; }

    /// <summary>The files as a domain's; null where held-out text is taken.</summary>
    internal RecipeDomain? Text =>
        Files is null ? null : new RecipeDomain { Files = Files, TextKey = TextKey, GroupKey = GroupKey, SectionSeparator = SectionSeparator, SkipBadLines = SkipBadLines };

    /// <summary>
    /// What is measured apart: where the text of several domains is corrupted, each of them; else the probe itself.
    /// </summary>
    /// <param name="name">The probe's name.</param>
    internal IEnumerable<(string Name, RecipeProbe Probe)> Parts(string name) =>
        Corrupt is not null && Of is { Count: > 1 } domains ? domains.Select(domain => ($"{name}-{domain}", this with { Of = [domain] })) : [(name, this)];

    /// <inheritdoc/>
    public void Check(SectionLocation section)
    {
        if (Files is null && Of is null) throw section.Fault("files", "a probe needs 'files', or 'of' with 'corrupt' or 'pieces'; name one");
        if (Files is not null)
        {
            if (Of is not null) throw section.Fault("of", "key 'of' and key 'files' exclude each other; keep one");
            if (Files.Count == 0) throw section.Fault("files", "key 'files': expected at least one file, found none");
            if (Corrupt is not null) throw ForHeldOut(section, "corrupt");
            if (Pieces is not null) throw ForHeldOut(section, "pieces");
            return;
        }

        if (TextKey != DefaultTextKey) throw ForFiles(section, "text_key");
        if (GroupKey is not null) throw ForFiles(section, "group_key");
        if (SectionSeparator is not null) throw ForFiles(section, "section_separator");
        if (SkipBadLines is not null) throw ForFiles(section, "skip_bad_lines");
        if (MaxTokens != DefaultMaxTokens) throw ForFiles(section, "max_tokens");
        if (Of!.Count == 0) throw section.Fault("of", "key 'of': expected at least one domain, found none");
        if (Of.Distinct().Count() < Of.Count) throw section.Fault("of", "key 'of': a domain is there twice; keep one");
        if (Corrupt is null && Pieces is null) throw section.Fault("of", "key 'of': what is to be done with the text is missing; add 'corrupt' or 'pieces'");
        if (Corrupt is not null && Pieces is not null) throw section.Fault("pieces", "key 'pieces' and key 'corrupt' exclude each other; keep one");
        if (Pieces is not null && Of.Count < 2) throw section.Fault("of", "key 'of': expected at least two domains to mix, found one");
    }

    private static InvalidInputException ForFiles(SectionLocation section, string key) =>
        section.Fault(key, $"key '{key}' has no meaning with 'of', whose text is what the domains hold out; remove it");

    private static InvalidInputException ForHeldOut(SectionLocation section, string key) =>
        section.Fault(key, $"key '{key}' has no meaning for files; it changes the held-out text of domains ('of')");
}
