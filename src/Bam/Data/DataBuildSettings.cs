namespace Bam.Data;

/// <summary>The options of a build that its result depends on; see <see cref="DataBuildOptions"/>.</summary>
/// <param name="TextKey">The field of a JSONL line that holds the text.</param>
/// <param name="GroupKey">The field that names the document of which a line is a slice.</param>
/// <param name="SectionSeparator">The line between a text file's documents.</param>
/// <param name="HeldOutFraction">The part of the tokens to hold out.</param>
/// <param name="HeldOutMaxTokens">The most tokens to hold out.</param>
/// <param name="Seed">Which documents are held out.</param>
/// <param name="NearDuplicateSimilarity">From which similarity two documents count as the same.</param>
/// <param name="ContaminationShare">Up to which shared part a training document stays.</param>
/// <param name="SkipBadLines">How many lines of JSONL that cannot be read may be passed over.</param>
internal sealed record DataBuildSettings(
    string TextKey,
    string? GroupKey,
    string? SectionSeparator,
    double HeldOutFraction,
    long HeldOutMaxTokens,
    long Seed,
    double NearDuplicateSimilarity,
    double ContaminationShare,
    long SkipBadLines = 0);
