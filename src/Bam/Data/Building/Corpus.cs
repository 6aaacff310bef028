using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Bam.Data.Text;
using Bam.Files;

namespace Bam.Data.Building;

/// <summary>The first pass over the text: tokenizes it and removes near-duplicates.</summary>
internal sealed class Corpus
{
    /// <summary>How many dropped documents a report lists.</summary>
    public const int Examples = 20;

    private readonly List<KeptDocument> kept = [];
    private readonly List<int> keptIndex = [];
    private readonly List<DroppedDocument> nearDuplicateExamples = [];
    private readonly List<BadLine> refused = [];
    private int withoutAnswer;

    private Corpus() { }

    /// <summary>The documents that are not near-duplicates, in order.</summary>
    public IReadOnlyList<KeptDocument> Kept => kept;

    /// <summary>Per document read: its index in <see cref="Kept"/>; -1 for near-duplicates.</summary>
    public IReadOnlyList<int> KeptIndex => keptIndex;

    /// <summary>Documents that are neither empty nor refused.</summary>
    public long DocumentsRead => keptIndex.Count - refused.Count - withoutAnswer;

    /// <summary>Blank documents, and conversations without an answer where only answers count.</summary>
    public long EmptyDocuments { get; private set; }

    /// <summary>Conversations that the chat template refuses.</summary>
    public long RefusedConversations => refused.Count;

    /// <summary>True if every conversation begins with the tokenizer's begin tokens.</summary>
    public bool ChatsBeginWithToken { get; private set; } = true;

    public IReadOnlyList<DroppedDocument> NearDuplicateExamples => nearDuplicateExamples;

    /// <summary>Writes the tokens of all kept documents to one dataset.</summary>
    public static Corpus Tokenize(DocumentSource source, DataBuildOptions options, string prefix, TokenType type)
    {
        var corpus = new Corpus();
        using var index = new NearDuplicateIndex(options.NearDuplicateSimilarity, prefix + ".sketches");
        using var writer = new IndexedDatasetWriter(prefix, type);
        var mask = options.Chat?.LossOn == LossOn.Assistant ? new TokenMaskWriter(prefix) : null;
        var memory = new IdMemory();
        var documents = source.Pass("tokenize", (_, document) => PreparedDocument.Of(document, options, memory));
        foreach (var (origin, prepared) in documents)
        {
            if (corpus.Accepts(prepared, mask is not null))
            {
                if (index.FindOrAdd(prepared.Sketch) is { } duplicate)
                {
                    corpus.Drop(origin, corpus.kept[duplicate.Representative], duplicate.Similarity);
                }
                else
                {
                    corpus.Keep(origin, prepared);
                    writer.Append(prepared.Ids.Span);
                    mask?.Append(prepared.Ids.Length, prepared.Answers);
                }
            }

            memory.Return(prepared.Ids);
        }

        corpus.Finish(source, options, mask is not null);
        mask?.Complete();
        writer.Complete();
        return corpus;
    }

    private bool Accepts(PreparedDocument document, bool answersOnly)
    {
        if (document.Fault is null && !(answersOnly && document.Answers.Count == 0)) return true;
        keptIndex.Add(-1);
        if (document.Fault is { } fault) refused.Add(fault);
        else withoutAnswer++;
        return false;
    }

    private void Keep(DocumentOrigin origin, PreparedDocument document)
    {
        keptIndex.Add(kept.Count);
        kept.Add(new(
            origin, document.SplitHash, document.Ids.Length, document.Characters, document.Utf8Bytes, document.AnswerBytes));
        ChatsBeginWithToken &= document.BeginsWithToken;
    }

    private void Finish(DocumentSource source, DataBuildOptions options, bool answersOnly)
    {
        EmptyDocuments = source.EmptyDocuments + withoutAnswer;
        var bad = new BadLines(options.SkipBadLines - source.BadLines);
        foreach (var fault in refused) bad.Add(fault);
        if (bad.AreTooMany) throw bad.Refusal();
        bad.Warn(source.Reporter);
        if (kept.Count == 0 && answersOnly)
            throw new InvalidInputException(
                string.Join(", ", options.Inputs), "conversations with answers of the assistant", "none",
                "leave --loss-on out, or give others");
    }

    private void Drop(DocumentOrigin document, KeptDocument representative, double similarity)
    {
        keptIndex.Add(-1);
        if (nearDuplicateExamples.Count < Examples)
            nearDuplicateExamples.Add(new($"{document}", $"{representative.Origin}", similarity));
    }
}

/// <summary>A document as tokens, with what the passes compare.</summary>
/// <param name="Ids">With the end-of-text token; rented.</param>
/// <param name="Sketch">Of its words.</param>
/// <param name="SplitHash">See <see cref="HeldOutSplit.Hash"/>.</param>
/// <param name="Characters">Of its text (UTF-16 units).</param>
/// <param name="Utf8Bytes">Size of its text, without special tokens of a chat template.</param>
internal sealed record PreparedDocument(ReadOnlyMemory<int> Ids, uint[] Sketch, ulong SplitHash, int Characters, int Utf8Bytes)
{
    /// <summary>The ranges of <see cref="Ids"/> that are answers, where only those count.</summary>
    public IReadOnlyList<Range> Answers { get; init; } = [];

    /// <summary>UTF-8 bytes of the answers, without special tokens.</summary>
    public int AnswerBytes { get; init; }

    /// <summary>True if it begins with the tokenizer's begin tokens.</summary>
    public bool BeginsWithToken { get; init; }

    /// <summary>Why the chat template refuses it; null if it does not.</summary>
    public BadLine? Fault { get; init; }

    /// <summary>Encodes a document. Thread-safe.</summary>
    public static PreparedDocument Of(TextDocument document, DataBuildOptions options, IdMemory memory)
    {
        var text = document.Characters.Span;
        var (sketch, hash) = (MinHash.Sketch(text), HeldOutSplit.Hash(options.Seed, document));
        if (document.Conversation is not { } conversation)
            return new(memory.Encode(text, options.Encoder), sketch, hash, text.Length, Encoding.UTF8.GetByteCount(text));
        var chat = options.Chat!;
        try
        {
            var encoded = chat.Encoder.Encode(conversation, chat.LossOn == LossOn.Assistant);
            int[] ids = encoded.Ids is [.., var last] && last == options.Encoder.EndOfTextId
                ? encoded.Ids
                : [.. encoded.Ids, options.Encoder.EndOfTextId];
            return new(memory.CopyOf(ids), sketch, hash, text.Length, chat.Encoder.TextBytes(ids))
            {
                Answers = encoded.Answers,
                AnswerBytes = encoded.Answers.Sum(answer => chat.Encoder.TextBytes(ids.AsSpan(answer))),
                BeginsWithToken = chat.Encoder.BeginOfTextIds is { Count: > 0 } begin && ids.AsSpan().StartsWith([.. begin]),
            };
        }
        catch (InvalidInputException e)
        {
            return new(default, sketch, hash, text.Length, 0) { Fault = BadLine.Of($"{document.Origin}: {e.Message}") };
        }
    }
}

/// <summary>The memory of documents' tokens. Thread-safe.</summary>
internal sealed class IdMemory
{
    private readonly ConcurrentBag<List<int>> buffers = [];
    private readonly RentedMemory<int> memory = new(maxLength: 1 << 20, count: 16);

    public ReadOnlyMemory<int> Encode(ReadOnlySpan<char> text, TextEncoder encoder)
    {
        if (!buffers.TryTake(out var buffer)) buffer = [];
        buffer.Clear();
        encoder.AppendDocument(text, buffer);
        var ids = CopyOf(CollectionsMarshal.AsSpan(buffer));
        buffers.Add(buffer);
        return ids;
    }

    public ReadOnlyMemory<int> CopyOf(ReadOnlySpan<int> ids)
    {
        var copy = memory.Rent(ids.Length);
        ids.CopyTo(copy.Span);
        return copy;
    }

    /// <summary>Takes the memory of tokens back, which must not be used any more.</summary>
    public void Return(ReadOnlyMemory<int> ids) => memory.Return(ids);
}

/// <summary>What is kept in memory of a document that is not a near-duplicate.</summary>
/// <param name="Origin">Its location.</param>
/// <param name="SplitHash">Sort key of the held-out selection; equal for slices of one document.</param>
/// <param name="TokenCount">Number of tokens, including the end-of-text token.</param>
/// <param name="Characters">Length of its text in UTF-16 units.</param>
/// <param name="Utf8Bytes">Size of its text in bytes.</param>
/// <param name="AnswerBytes">Size of its answers, where only those count.</param>
internal readonly record struct KeptDocument(
    DocumentOrigin Origin, ulong SplitHash, int TokenCount, int Characters, int Utf8Bytes, int AnswerBytes = 0);

/// <summary>The inputs of a build, which are read several times from start to end.</summary>
internal sealed class DocumentSource
{
    // English in UTF-8 with a small vocabulary; gzip, zstd and Parquet compress it by a factor of 3 to 4.
    private const double BytesPerToken = 3;
    private const double CompressionRatio = 4;

    private readonly DocumentFormat format;
    private readonly string name;
    private readonly int threads;
    private readonly IReporter reporter;
    private readonly CancellationToken cancellation;
    private readonly List<(long Length, DateTime Written)> states;

    public DocumentSource(DataBuildOptions options, IReporter reporter, CancellationToken cancellation)
    {
        format = new(
            options.TextKey, options.GroupKey, options.SectionSeparator, options.SkipBadLines, options.Format == DataFormat.Chat);
        name = options.DomainName;
        threads = options.Threads;
        this.reporter = reporter;
        this.cancellation = cancellation;
        Files = InputFiles.Resolve(options.Inputs, reporter);
        states = [.. Files.Select(State)];
        TotalBytes = states.Sum(state => state.Length);
    }

    public IReporter Reporter => reporter;

    public IReadOnlyList<string> Files { get; }

    /// <summary>Size of the files on disk, in bytes.</summary>
    public long TotalBytes { get; }

    /// <summary>Documents that the latest pass skipped as empty.</summary>
    public long EmptyDocuments { get; private set; }

    /// <summary>Invalid JSONL lines and Parquet rows that the latest pass skipped.</summary>
    public long BadLines { get; private set; }

    /// <summary>An estimate of the number of tokens.</summary>
    public long EstimateTokens()
    {
        var bytes = Files.Zip(states, TextBytes).Sum();
        return (long)(bytes / BytesPerToken);

        static double TextBytes(string file, (long Length, DateTime) state) =>
            state.Length * (InputFiles.IsCompressed(file) ? CompressionRatio : 1);
    }

    /// <summary>
    /// Reads all documents and applies <paramref name="work"/> to each and its number on several threads; results are in order.
    /// A document's text is valid in the work only.
    /// </summary>
    /// <exception cref="WorkFailedException">A file changed since the build began.</exception>
    public IEnumerable<(DocumentOrigin Origin, TResult Result)> Pass<TResult>(
        string activity, Func<int, TextDocument, TResult> work)
    {
        for (var i = 0; i < Files.Count; i++)
        {
            if (State(Files[i]) != states[i])
                throw new WorkFailedException(
                    $"{Files[i]}: changed while it was read; nothing was written; build again when it is complete");
        }

        var reader = new DocumentReader(Files, format, reporter);
        long reported = -1;
        var garbage = new Garbage();
        foreach (var result in OrderedParallel.Select(
            reader.Read(), (number, document) => (document.Origin, work(number, document)), threads, cancellation))
        {
            // The reader is ahead by a few batches of documents.
            if (reader.BytesRead != reported)
            {
                reported = reader.BytesRead;
                reporter.Advance(new($"{activity} {name}", reported, TotalBytes, "bytes"));
            }

            garbage.CollectIfMuch();
            yield return result;
        }

        (EmptyDocuments, BadLines) = (reader.EmptyDocuments, reader.BadLines);
    }

    private static (long Length, DateTime Written) State(string file)
    {
        try
        {
            var info = new FileInfo(file);
            return (info.Length, info.LastWriteTimeUtc);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.Unreadable(file, "check the path", e);
        }
    }
}
