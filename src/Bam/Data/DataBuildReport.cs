using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Files;
using Bam.Tokenization;

namespace Bam.Data;

/// <summary>Statistics and settings of a build: the <c>report.json</c> next to the shards.</summary>
/// <param name="Name">The domain's name.</param>
/// <param name="Tokenizer">The tokenizer's fingerprint.</param>
/// <param name="VocabularySize">Upper bound of all ids, exclusive.</param>
/// <param name="EndOfTextId">The token at the end of each document.</param>
/// <param name="InputFiles">Number of input files.</param>
/// <param name="InputBytes">Size of the input files on disk, in bytes.</param>
/// <param name="DocumentsRead">Non-empty documents.</param>
/// <param name="EmptyDocuments">Documents skipped because they are blank.</param>
/// <param name="NearDuplicates">Documents removed as near-duplicates of an earlier one.</param>
/// <param name="Contaminated">Training documents removed because they share text with a held-out one.</param>
/// <param name="Train">The training split.</param>
/// <param name="HeldOut">The held-out split.</param>
/// <param name="Settings">Settings of the deduplication and the split.</param>
/// <param name="NearDuplicateExamples">The first few near-duplicates, each with the kept document.</param>
/// <param name="ContaminatedExamples">The first few contaminated documents, each with the held-out document.</param>
/// <param name="BadLines">Invalid JSONL lines and Parquet rows that were skipped.</param>
/// <param name="Bos">Placement of begin tokens.</param>
/// <param name="BeginOfTextIds">The begin tokens; null if there are none.</param>
/// <param name="Chat">How conversations became tokens; null for text.</param>
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
    IReadOnlyList<int>? BeginOfTextIds = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ChatReport? Chat = null)
{
    internal const string FileName = "report.json";

    private static readonly JsonSerializerOptions Json = new(JsonRecord.Options)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The begin token of each window, which is not in the shards; null for none.</summary>
    internal int? BeginOfWindow => Bos == BeginOfText.Window ? BeginOfTextIds![0] : null;

    /// <summary>True if only the assistant's answers count: each split has a mask.</summary>
    internal bool HasMask => Chat?.LossOn == LossOn.Assistant;

    /// <summary>True if the folder is a built domain.</summary>
    public static bool IsIn(string directory) => File.Exists(Path.Combine(directory, FileName));

    /// <summary>Reads the report in a domain's folder.</summary>
    /// <exception cref="InvalidInputException">It is missing or invalid.</exception>
    public static DataBuildReport Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        var report = JsonRecord.Load<DataBuildReport>(path, "build the domain with 'bam data build'", Json);
        if (report.Bos == BeginOfText.None
            || (report.BeginOfTextIds is { Count: > 0 } ids && ids.All(id => id >= 0 && id < report.VocabularySize)))
            return report;
        throw new InvalidInputException(
            $"{path}, key 'begin_of_text_ids'", "ids of the vocabulary",
            string.Join(", ", report.BeginOfTextIds ?? []) is { Length: > 0 } found ? found : "none", "build the domain again");
    }

    /// <summary>
    /// Rejects a model with another tokenizer, or without a tokenizer and with a smaller vocabulary. A model with fewer rows than
    /// its own tokenizer has ids may still have a row for every id in the data: see <see cref="IndexedDataset.RequireIdsBelow"/>.
    /// </summary>
    /// <exception cref="InvalidInputException">The model's vocabulary does not match.</exception>
    public void RequireVocabulary(string directory, int vocabSize, Tokenizer? tokenizer, string model = "the model")
    {
        const string Hint = "build the data with the model's tokenizer";
        var where = $"{directory}: domain '{Name}'";
        if (VocabularySize > vocabSize && tokenizer?.HasFingerprint(Tokenizer) != true)
            throw new InvalidInputException(
                where, $"ids of a vocabulary of at most {vocabSize}, {model}'s", $"{VocabularySize}", Hint);
        if (tokenizer is not null && !tokenizer.HasFingerprint(Tokenizer))
            throw new InvalidInputException(
                where, $"ids of {model}'s tokenizer ({Short(tokenizer.Fingerprint)})", $"those of another ({Short(Tokenizer)})",
                Hint);
    }

    internal string ToJson() => JsonSerializer.Serialize(this, Json) + "\n";

    private static string Short(string fingerprint) => fingerprint.Length > 12 ? $"{fingerprint[..12]}…" : fingerprint;
}

/// <summary>Statistics of one split.</summary>
/// <param name="Documents">Number of documents.</param>
/// <param name="Tokens">Number of tokens, including one end-of-text token per document.</param>
/// <param name="Utf8Bytes">UTF-8 bytes of the text, without end-of-text tokens.</param>
/// <param name="Sha256">Of the <c>.bin</c> file.</param>
internal sealed record SplitReport(int Documents, long Tokens, long Utf8Bytes, string Sha256);

/// <summary>A document that was removed because of another one.</summary>
/// <param name="Document">Its location: a file, or a file and a line.</param>
/// <param name="Because">The document that was kept.</param>
/// <param name="Share">
/// For a near-duplicate the estimated similarity, else the fraction of its shingles that the other contains.
/// </param>
internal sealed record DroppedDocument(string Document, string Because, double Share);
