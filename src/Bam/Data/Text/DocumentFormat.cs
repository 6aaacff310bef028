namespace Bam.Data.Text;

/// <summary>How documents lie in files.</summary>
/// <param name="TextKey">The field of a JSONL line that holds the text.</param>
/// <param name="GroupKey">The field of a JSONL line that names the document of which the line is a slice; null: each line is a document.</param>
/// <param name="SectionSeparator">The line that separates the documents of a text file; null: a file is a document.</param>
/// <param name="SkipBadLines">How many lines of JSONL that cannot be read are passed over; with more, the text is refused.</param>
internal sealed record DocumentFormat(string TextKey, string? GroupKey = null, string? SectionSeparator = null, long SkipBadLines = 0);
