namespace Bam.Data;

/// <summary>How text becomes a domain's token shards.</summary>
internal sealed record DataBuildOptions
{
    /// <summary>Files (<c>.txt</c>, <c>.jsonl</c>, <c>.jsonl.gz</c>), folders and patterns; see <see cref="Text.InputFiles.Resolve"/>.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>The tokenizer.</summary>
    public required TextEncoder Encoder { get; init; }

    /// <summary>The folder to make: <c>train.bin</c>, <c>train.idx</c>, <c>heldout.bin</c>, <c>heldout.idx</c> and <c>report.json</c>.</summary>
    public required string Output { get; init; }

    /// <summary>The domain's name; null: the folder's.</summary>
    public string? Name { get; init; }

    /// <summary>The field of a JSONL line that holds the text.</summary>
    public string TextKey { get; init; } = "text";

    /// <summary>The field of a JSONL line that names the document of which the line is a slice; null: each line is a document.</summary>
    public string? GroupKey { get; init; }

    /// <summary>The line that separates the documents of a text file, without white space around it; null: a file is a document.</summary>
    public string? SectionSeparator { get; init; }

    /// <summary>How many lines of JSONL that cannot be read are passed over; with more, nothing is built.</summary>
    public long SkipBadLines { get; init; }

    /// <summary>The part of the tokens to hold out for measuring, in whole documents; 0 to 0.5.</summary>
    public double HeldOutFraction { get; init; } = 0.05;

    /// <summary>The most tokens to hold out. Building needs about 160 bytes of memory for each.</summary>
    public long HeldOutMaxTokens { get; init; } = 1_000_000;

    /// <summary>Which documents are held out.</summary>
    public long Seed { get; init; }

    /// <summary>The estimated Jaccard similarity of 50-character shingles from which two documents count as the same; above 0, at most 1.</summary>
    public double NearDuplicateSimilarity { get; init; } = 0.5;

    /// <summary>A training document that shares more than this part of its 50-character shingles with a held-out one is dropped; 0 to 1.</summary>
    public double ContaminationShare { get; init; } = 0.2;

    /// <summary>Threads; the result does not depend on them.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The domain's name.</summary>
    internal string DomainName => Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Output)));

    /// <summary>Refuses numbers outside their ranges.</summary>
    /// <exception cref="InvalidInputException">One is.</exception>
    internal void Validate()
    {
        Require("the bad lines to skip", SkipBadLines >= 0, "0 or more", SkipBadLines);
        Require("the held-out fraction", HeldOutFraction is >= 0 and <= 0.5, "a number from 0 to 0.5", HeldOutFraction);
        Require("the most held-out tokens", HeldOutMaxTokens >= 0, "0 or more", HeldOutMaxTokens);
        Require("the near-duplicates' similarity", NearDuplicateSimilarity is > 0 and <= 1, "a number above 0, at most 1", NearDuplicateSimilarity);
        Require("the contaminated documents' share", ContaminationShare is >= 0 and <= 1, "a number from 0 to 1", ContaminationShare);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Threads);
    }

    private static void Require(string what, bool holds, string expected, double found)
    {
        if (!holds) throw new InvalidInputException(what, expected, $"{found}", "change the option");
    }
}
