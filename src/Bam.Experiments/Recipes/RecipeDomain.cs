using Bam.Configuration;
using Bam.Data.Text;

namespace Bam.Experiments.Recipes;

/// <summary>One domain's text.</summary>
internal sealed record RecipeDomain
{
    private const string DefaultTextKey = "text";

    /// <summary>Files, folders or patterns; relative to the recipe's folder, or to what its script prepared.</summary>
    [Key("the text: files (.txt, .jsonl, .jsonl.gz), folders, or patterns such as 'law/*.txt'; relative to the recipe, or to what 'prepare' made")]
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>The field of a JSONL line that holds the text.</summary>
    [Key("the field of a .jsonl line that holds the text")]
    public string TextKey { get; init; } = DefaultTextKey;

    /// <summary>The field of a JSONL line that names the document of which the line is a slice.</summary>
    [Key("the field of a .jsonl line that names the document of which the line is a slice; each line is a document when absent")]
    public string? GroupKey { get; init; }

    /// <summary>The line between a text file's documents.</summary>
    [Key("the line that separates the documents of a text file; a file is a document when absent")]
    public string? SectionSeparator { get; init; }

    /// <summary>How many lines of JSONL that cannot be read are passed over; null for none.</summary>
    [Key("how many lines of .jsonl that cannot be read are passed over, with a warning; more are refused; none when absent", Minimum = 0)]
    public long? SkipBadLines { get; init; }

    /// <summary>How documents lie in the files.</summary>
    internal DocumentFormat Format => new(TextKey, GroupKey, SectionSeparator, SkipBadLines ?? 0);

    /// <summary>True when a key is set that only .jsonl files have a use for.</summary>
    internal bool SpeaksOfJsonLines => TextKey != DefaultTextKey || GroupKey is not null;
}
