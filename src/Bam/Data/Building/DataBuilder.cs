using Bam.Files;

namespace Bam.Data.Building;

/// <summary>
/// Builds a domain's token shards from text. Near-duplicates are removed, documents are held out, and training documents that
/// share text with a held-out one are removed. The text is read three times; memory holds about 0.3 kB per document and the
/// shingles of the held-out documents.
/// </summary>
internal static class DataBuilder
{
    private const string TrainName = "train";
    private const string HeldOutName = "heldout";
    private const string AllName = "all";

    private static readonly string[] FileNames =
        [$"{TrainName}.bin", $"{TrainName}.idx", $"{HeldOutName}.bin", $"{HeldOutName}.idx", DataBuildReport.FileName];

    private static readonly OwnFiles Files = new(
        "an earlier build", IsFileName, directory => FileNames.All(name => File.Exists(Path.Combine(directory, name))));

    // Beside them where only answers count.
    private static readonly string[] MaskNames = [TrainName + TokenMask.Extension, HeldOutName + TokenMask.Extension];

    internal static bool IsFileName(string name) => FileNames.Contains(name) || MaskNames.Contains(name);

    /// <summary>
    /// Builds <see cref="DataBuildOptions.Output"/>, which appears only when complete. An earlier build is replaced, other
    /// content rejected.
    /// </summary>
    /// <returns>The content of <c>report.json</c>.</returns>
    /// <exception cref="InvalidInputException">
    /// An input is missing, invalid or empty, an option is out of range, or the output overlaps an input or contains other files.
    /// </exception>
    /// <exception cref="WorkFailedException">The disk is full, or an input changed during the build.</exception>
    public static DataBuildReport Build(
        DataBuildOptions options, IReporter? reporter = null, CancellationToken cancellation = default)
    {
        options.Validate();
        OutputPath.RequireDirectory(options.Output, Files, options.Inputs);
        var source = new DocumentSource(options, reporter ?? SilentReporter.Instance, cancellation);
        OutputPath.RequireDirectory(options.Output, Files, source.Files);
        var type = TokenTypes.For(options.Encoder.VocabularySize);
        FreeSpace.Require(options.Output, source.EstimateTokens() * type.Width() * 2);

        using var directory = new AtomicDirectory(options.Output, Files);
        var all = Path.Combine(directory.TemporaryPath, AllName);
        var corpus = Corpus.Tokenize(source, options, all, type);
        var heldOut = HeldOutSplit.Choose(
            corpus.Kept, options.HeldOutFraction, options.HeldOutMaxTokens, string.Join(", ", options.Inputs));
        var contamination = Contamination.Find(source, options, corpus, heldOut);
        var (train, held, chat) = Split(directory.TemporaryPath, all, corpus, heldOut, contamination, options.Chat);
        if (train.Documents == 0)
        {
            throw new InvalidInputException(
                string.Join(", ", options.Inputs), "documents to train on",
                $"none that shares less than {options.ContaminationShare:P0} of its text with a held-out one", "give more text");
        }

        var report = Report(options, source, corpus, contamination, train, held, chat);
        AtomicFile.WriteText(Path.Combine(directory.TemporaryPath, DataBuildReport.FileName), report.ToJson());
        cancellation.ThrowIfCancellationRequested();
        directory.Commit();
        return report;
    }

    private static (SplitReport Train, SplitReport HeldOut, ChatReport? Chat) Split(
        string folder, string allPrefix, Corpus corpus, bool[] heldOut, Contamination contamination, ChatData? chat)
    {
        SplitReport train, held;
        ChatReport? chatReport;
        using (var all = IndexedDataset.Open(allPrefix))
        using (var tokens = File.OpenRead(allPrefix + ".bin"))
        using (var trainShard = new Shard(Path.Combine(folder, TrainName), all.TokenType, all.Mask is not null))
        using (var heldOutShard = new Shard(Path.Combine(folder, HeldOutName), all.TokenType, all.Mask is not null))
        {
            for (var i = 0; i < corpus.Kept.Count; i++)
            {
                if (contamination.IsDropped[i]) continue;
                (heldOut[i] ? heldOutShard : trainShard).Copy(all, tokens, i, corpus.Kept[i].Utf8Bytes);
            }

            chatReport = chat is null ? null : ReportOf(chat, all, trainShard, heldOutShard) with
            {
                HeldOutAnswerBytes = all.Mask is null ? null : AnswerBytes(corpus, heldOut, contamination),
            };
            train = trainShard.Complete();
            held = heldOutShard.Complete();
        }

        File.Delete(allPrefix + ".bin");
        File.Delete(allPrefix + ".idx");
        File.Delete(allPrefix + TokenMask.Extension);
        return (train, held, chatReport);
    }

    private static ChatReport ReportOf(ChatData chat, IndexedDataset all, Shard train, Shard heldOut) => all.Mask is null
        ? new(chat.LossOn, chat.Encoder.TemplateSha256)
        : new(chat.LossOn, chat.Encoder.TemplateSha256, train.CountedTokens, heldOut.CountedTokens);

    private static long AnswerBytes(Corpus corpus, bool[] heldOut, Contamination contamination) =>
        corpus.Kept.Index().Where(kept => heldOut[kept.Index] && !contamination.IsDropped[kept.Index])
            .Sum(kept => (long)kept.Item.AnswerBytes);

    private static DataBuildReport Report(
        DataBuildOptions options, DocumentSource source, Corpus corpus, Contamination contamination, SplitReport train,
        SplitReport heldOut, ChatReport? chat)
    {
        // The chat template writes the begin tokens, or leaves them out.
        var (bos, begin) = options.Chat is not { } format ? (options.Encoder.Bos, options.Encoder.BeginOfTextIds)
            : corpus.ChatsBeginWithToken ? (BeginOfText.Document, format.Encoder.BeginOfTextIds)
            : (BeginOfText.None, []);
        return new(
            options.DomainName,
            options.Encoder.Fingerprint,
            options.Encoder.VocabularySize,
            options.Encoder.EndOfTextId,
            source.Files.Count,
            source.TotalBytes,
            corpus.DocumentsRead,
            corpus.EmptyDocuments,
            corpus.DocumentsRead - corpus.Kept.Count,
            contamination.DroppedCount,
            train,
            heldOut,
            options.ToSettings(),
            corpus.NearDuplicateExamples,
            contamination.Examples,
            source.BadLines + corpus.RefusedConversations,
            bos,
            bos == BeginOfText.None ? null : begin,
            chat);
    }
}

/// <summary>Writer of one split.</summary>
internal sealed class Shard(string prefix, TokenType type, bool hasMask = false) : IDisposable
{
    private readonly IndexedDatasetWriter writer = new(prefix, type);
    private readonly TokenMaskWriter? mask = hasMask ? new(prefix) : null;
    private byte[] buffer = [];
    private long utf8Bytes;

    /// <summary>The tokens that count, of a dataset with a mask.</summary>
    public long CountedTokens => mask?.Counted ?? 0;

    /// <summary>
    /// Appends a document of another dataset of the same type. The tokens are read from its stream: pages of a mapped file would
    /// count as memory.
    /// </summary>
    public void Copy(IndexedDataset from, FileStream tokens, int document, int documentBytes)
    {
        var (start, length) = from.Document(document);
        var size = checked((int)length * type.Width());
        if (buffer.Length < size) buffer = new byte[size];
        tokens.Position = start * type.Width();
        tokens.ReadExactly(buffer, 0, size);
        writer.AppendStored(buffer.AsSpan(0, size));
        utf8Bytes += documentBytes;
        if (mask is null) return;
        var counts = new bool[length];
        from.Mask!.Read(start, counts);
        mask.Append(counts);
    }

    /// <summary>Appends a document, including its end-of-text token.</summary>
    public void Add(ReadOnlySpan<int> ids, int documentBytes)
    {
        writer.Append(ids);
        utf8Bytes += documentBytes;
    }

    public SplitReport Complete()
    {
        mask?.Complete();
        return new(writer.DocumentCount, writer.TokenCount, utf8Bytes, writer.Complete());
    }

    public void Dispose() => writer.Dispose();
}
