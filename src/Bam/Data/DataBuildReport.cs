using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Files;
using Bam.Tokenization;

namespace Bam.Data;

/// <summary>What became of the documents: the <c>report.json</c> beside the shards.</summary>
/// <param name="Name">The domain.</param>
/// <param name="Tokenizer">The tokenizer's fingerprint.</param>
/// <param name="VocabularySize">All ids are below it.</param>
/// <param name="EndOfTextId">What each document ends with.</param>
/// <param name="InputFiles">Files read.</param>
/// <param name="InputBytes">Their bytes on the disk.</param>
/// <param name="DocumentsRead">Documents that are not empty.</param>
/// <param name="EmptyDocuments">Documents passed over because they hold nothing but white space.</param>
/// <param name="NearDuplicates">Documents removed because an earlier one is nearly the same.</param>
/// <param name="Contaminated">Training documents removed because they share text with a held-out one.</param>
/// <param name="Train">What is trained on.</param>
/// <param name="HeldOut">What is measured on.</param>
/// <param name="Settings">How documents were compared and split.</param>
/// <param name="NearDuplicateExamples">The first few, each with the document that stayed.</param>
/// <param name="ContaminatedExamples">The first few, each with the held-out document.</param>
/// <param name="BadLines">Lines of JSONL passed over because they cannot be read.</param>
/// <param name="Bos">Where begin tokens stand.</param>
/// <param name="BeginOfTextIds">Them; null where there are none.</param>
internal sealed record DataBuildReport(
    string Name,
    string Tokenizer,
    int VocabularySize,
    int EndOfTextId,
    int InputFiles,
    long InputBytes,
    long DocumentsRead,
    long EmptyDocuments,
    long NearDuplicates,
    long Contaminated,
    SplitReport Train,
    SplitReport HeldOut,
    DataBuildSettings Settings,
    IReadOnlyList<DroppedDocument> NearDuplicateExamples,
    IReadOnlyList<DroppedDocument> ContaminatedExamples,
    long BadLines = 0,
    BeginOfText Bos = BeginOfText.None,
    IReadOnlyList<int>? BeginOfTextIds = null)
{
    internal const string FileName = "report.json";

    private static readonly JsonSerializerOptions Json = new(JsonRecord.Options)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The token that each window begins with, which is not in the shards; null for none.</summary>
    internal int? BeginOfWindow => Bos == BeginOfText.Window ? BeginOfTextIds![0] : null;

    /// <summary>True for the folder of a built domain.</summary>
    public static bool IsIn(string directory) => File.Exists(Path.Combine(directory, FileName));

    /// <summary>Reads the report of a built domain.</summary>
    /// <param name="directory">The domain's folder.</param>
    /// <exception cref="InvalidInputException">There is none, or it is damaged.</exception>
    public static DataBuildReport Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        var report = JsonRecord.Load<DataBuildReport>(path, "build the domain with 'bam data build'", Json);
        if (report.Bos == BeginOfText.None || (report.BeginOfTextIds is { Count: > 0 } ids && ids.All(id => id >= 0 && id < report.VocabularySize))) return report;
        throw new InvalidInputException($"{path}, key 'begin_of_text_ids'", "ids of the vocabulary", string.Join(", ", report.BeginOfTextIds ?? []) is { Length: > 0 } found ? found : "none", "build the domain again");
    }

    /// <summary>
    /// Refuses a model that knows other ids: one with another tokenizer, or one without a tokenizer and with fewer ids. A model that has fewer rows than its own
    /// tokenizer has ids may know all that occur: <see cref="IndexedDataset.RequireIdsBelow"/> tells.
    /// </summary>
    /// <param name="directory">The domain's folder.</param>
    /// <param name="vocabSize">V of the model.</param>
    /// <param name="tokenizer">Its tokenizer, or null when it has none.</param>
    /// <param name="model">What messages call the model.</param>
    /// <exception cref="InvalidInputException">The model knows other ids.</exception>
    public void RequireVocabulary(string directory, int vocabSize, Tokenizer? tokenizer, string model = "the model")
    {
        const string Hint = "build the data with the model's tokenizer";
        var where = $"{directory}: domain '{Name}'";
        if (VocabularySize > vocabSize && tokenizer?.HasFingerprint(Tokenizer) != true)
            throw new InvalidInputException(where, $"ids of a vocabulary of at most {vocabSize}, {model}'s", $"{VocabularySize}", Hint);
        if (tokenizer is not null && !tokenizer.HasFingerprint(Tokenizer))
            throw new InvalidInputException(where, $"ids of {model}'s tokenizer ({Short(tokenizer.Fingerprint)})", $"those of another ({Short(Tokenizer)})", Hint);
    }

    internal string ToJson() => JsonSerializer.Serialize(this, Json) + "\n";

    private static string Short(string fingerprint) => fingerprint.Length > 12 ? $"{fingerprint[..12]}…" : fingerprint;
}

/// <summary>One side of the split.</summary>
/// <param name="Documents">Documents.</param>
/// <param name="Tokens">Tokens, with one end-of-text token per document.</param>
/// <param name="Utf8Bytes">Bytes of the text, without end-of-text tokens.</param>
/// <param name="Sha256">Of the <c>.bin</c> file.</param>
internal sealed record SplitReport(int Documents, long Tokens, long Utf8Bytes, string Sha256);

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

/// <summary>A document that was left out because of another.</summary>
/// <param name="Document">Where it starts: a file, or a file and a line.</param>
/// <param name="Because">The document that stayed.</param>
/// <param name="Share">For a near-duplicate the estimated similarity, else the part of its shingles that are in the other, too.</param>
internal sealed record DroppedDocument(string Document, string Because, double Share);
