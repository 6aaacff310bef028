using System.Text.Json.Serialization;

namespace Bam.Data;

/// <summary>The options that determine the result of a build; recorded in <c>report.json</c>.</summary>
internal record DataBuildSettings
{
    /// <summary>The field of a JSONL line, or Parquet's column, that holds the text.</summary>
    [JsonRequired]
    public string TextKey { get; init; } = "text";

    /// <summary>
    /// The field or column that names the document of which a line or row is a slice; null if each is a document.
    /// </summary>
    [JsonRequired]
    public string? GroupKey { get; init; }

    /// <summary>The line that separates the documents of a text file, stripped; null if a file is a document.</summary>
    [JsonRequired]
    public string? SectionSeparator { get; init; }

    /// <summary>The fraction of tokens to hold out for evaluation, in whole documents; 0 to 0.5.</summary>
    [JsonRequired]
    public double HeldOutFraction { get; init; } = 0.05;

    /// <summary>Maximum number of held-out tokens. Building needs about 80 bytes of memory for each.</summary>
    [JsonRequired]
    public long HeldOutMaxTokens { get; init; } = 1_000_000;

    /// <summary>Selects the held-out documents.</summary>
    [JsonRequired]
    public long Seed { get; init; }

    /// <summary>
    /// The estimated Jaccard similarity of 50-character shingles from which documents are near-duplicates; (0, 1].
    /// </summary>
    [JsonRequired]
    public double NearDuplicateSimilarity { get; init; } = 0.5;

    /// <summary>
    /// Training documents that share more than this fraction of their shingles with a held-out one are dropped; 0 to 1.
    /// </summary>
    [JsonRequired]
    public double ContaminationShare { get; init; } = 0.2;

    /// <summary>Maximum number of invalid JSONL lines and Parquet rows to skip; more are an error.</summary>
    public long SkipBadLines { get; init; }

    /// <summary>Whether documents are text or conversations.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public DataFormat Format { get; init; }

    /// <summary>A copy without the other options of a derived record.</summary>
    public DataBuildSettings ToSettings() => new(this);
}

/// <summary>Options for building a domain's token shards from text.</summary>
internal sealed record DataBuildOptions : DataBuildSettings
{
    /// <summary>
    /// Files (<c>.txt</c>, <c>.jsonl</c>, <c>.parquet</c>; also <c>.gz</c>, <c>.zst</c>), folders and glob patterns; see
    /// <see cref="Text.InputFiles.Resolve"/>.
    /// </summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    public required TextEncoder Encoder { get; init; }

    /// <summary>How conversations become tokens; null unless <see cref="DataBuildSettings.Format"/> is chat.</summary>
    public ChatData? Chat { get; init; }

    /// <summary>
    /// The folder to create, with <c>train.bin</c>, <c>train.idx</c>, <c>heldout.bin</c>, <c>heldout.idx</c> and
    /// <c>report.json</c>.
    /// </summary>
    public required string Output { get; init; }

    /// <summary>The domain's name; null for the folder's name.</summary>
    public string? Name { get; init; }

    /// <summary>Threads; the result does not depend on them.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    internal string DomainName => Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Output)));

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="InvalidInputException">An option is out of range.</exception>
    internal void Validate()
    {
        Require("the bad lines to skip", SkipBadLines >= 0, "0 or more", SkipBadLines);
        Require("the held-out fraction", HeldOutFraction is >= 0 and <= 0.5, "a number from 0 to 0.5", HeldOutFraction);
        Require("the most held-out tokens", HeldOutMaxTokens >= 0, "0 or more", HeldOutMaxTokens);
        Require(
            "the near-duplicates' similarity", NearDuplicateSimilarity is > 0 and <= 1, "a number above 0, at most 1",
            NearDuplicateSimilarity);
        Require(
            "the contaminated documents' share", ContaminationShare is >= 0 and <= 1, "a number from 0 to 1", ContaminationShare);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Threads);
    }

    private static void Require(string what, bool holds, string expected, double found)
    {
        if (!holds) throw new InvalidInputException(what, expected, $"{found}", "change the option");
    }
}
