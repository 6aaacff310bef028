using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
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

    private Corpus() { }

    /// <summary>The documents that are not near-duplicates, in order.</summary>
    public IReadOnlyList<KeptDocument> Kept => kept;

    /// <summary>Per document read: its index in <see cref="Kept"/>; -1 for near-duplicates.</summary>
    public IReadOnlyList<int> KeptIndex => keptIndex;

    /// <summary>Non-empty documents.</summary>
    public long DocumentsRead => keptIndex.Count;

    public long EmptyDocuments { get; private set; }

    public IReadOnlyList<DroppedDocument> NearDuplicateExamples => nearDuplicateExamples;

    /// <summary>Writes the tokens of all kept documents to one dataset.</summary>
    public static Corpus Tokenize(DocumentSource source, DataBuildOptions options, string prefix, TokenType type)
    {
        var corpus = new Corpus();
        var index = new NearDuplicateIndex(options.NearDuplicateSimilarity);
        using var writer = new IndexedDatasetWriter(prefix, type);
        foreach (var (document, prepared) in source.Pass("tokenize", document => Prepare(document, options)))
        {
            if (index.FindOrAdd(prepared.Sketch) is { } duplicate)
            {
                corpus.Drop(document, corpus.kept[duplicate.Representative], duplicate.Similarity);
                continue;
            }

            corpus.keptIndex.Add(corpus.kept.Count);
            corpus.kept.Add(
                new(document.Origin, prepared.SplitHash, prepared.Ids.Length, Encoding.UTF8.GetByteCount(document.Text)));
            writer.Append(prepared.Ids);
        }

        corpus.EmptyDocuments = source.EmptyDocuments;
        writer.Complete();
        return corpus;
    }

    private static (int[] Ids, uint[] Sketch, ulong SplitHash) Prepare(TextDocument document, DataBuildOptions options) =>
        (options.Encoder.Document(document.Text), MinHash.Sketch(document.Text), HeldOutSplit.Hash(options.Seed, document));

    private void Drop(TextDocument document, KeptDocument representative, double similarity)
    {
        keptIndex.Add(-1);
        if (nearDuplicateExamples.Count < Examples)
            nearDuplicateExamples.Add(new($"{document.Origin}", $"{representative.Origin}", similarity));
    }
}

/// <summary>What is kept in memory of a document that is not a near-duplicate.</summary>
/// <param name="Origin">Its location.</param>
/// <param name="SplitHash">Sort key of the held-out selection; equal for slices of one document.</param>
/// <param name="TokenCount">Number of tokens, including the end-of-text token.</param>
/// <param name="Utf8Bytes">Size of its text in bytes.</param>
internal readonly record struct KeptDocument(DocumentOrigin Origin, ulong SplitHash, int TokenCount, int Utf8Bytes);

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
        format = new(options.TextKey, options.GroupKey, options.SectionSeparator, options.SkipBadLines);
        name = options.DomainName;
        threads = options.Threads;
        this.reporter = reporter;
        this.cancellation = cancellation;
        Files = InputFiles.Resolve(options.Inputs, reporter);
        states = [.. Files.Select(State)];
        TotalBytes = states.Sum(state => state.Length);
    }

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

    /// <summary>Reads all documents and applies <paramref name="work"/> on several threads; results are in order.</summary>
    /// <exception cref="WorkFailedException">A file changed since the build began.</exception>
    public IEnumerable<(TextDocument Document, TResult Result)> Pass<TResult>(string activity, Func<TextDocument, TResult> work)
    {
        for (var i = 0; i < Files.Count; i++)
        {
            if (State(Files[i]) != states[i])
                throw new WorkFailedException(
                    $"{Files[i]}: changed while it was read; nothing was written; build again when it is complete");
        }

        var reader = new DocumentReader(Files, format, reporter);
        long reported = -1;
        foreach (var result in OrderedParallel.Select(reader.Read(), work, threads, cancellation))
        {
            // The reader is ahead by one chunk of documents.
            if (reader.BytesRead != reported)
            {
                reported = reader.BytesRead;
                reporter.Advance(new($"{activity} {name}", reported, TotalBytes, "bytes"));
            }

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

/// <summary>Processes documents on several threads with ordered results and few documents in memory.</summary>
internal static class OrderedParallel
{
    private const int ChunkDocuments = 512;
    private const int ChunkCharacters = 1 << 22;

    /// <summary>Reads a chunk of documents, processes it on all threads and yields the results, repeatedly.</summary>
    public static IEnumerable<(TextDocument Document, TResult Result)> Select<TResult>(
        IEnumerable<TextDocument> documents, Func<TextDocument, TResult> work, int threads, CancellationToken cancellation)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        foreach (var chunk in Chunks(documents))
        {
            var results = new TResult[chunk.Count];
            try
            {
                // One item at a time: documents differ in length by orders of magnitude.
                Parallel.ForEach(Partitioned(chunk.Count), options, index => results[index] = work(chunk[index]));
            }
            catch (AggregateException e)
            {
                ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
            }

            for (var i = 0; i < results.Length; i++) yield return (chunk[i], results[i]);
        }
    }

    private static OrderablePartitioner<int> Partitioned(int count) =>
        Partitioner.Create(Enumerable.Range(0, count), EnumerablePartitionerOptions.NoBuffering);

    private static IEnumerable<List<TextDocument>> Chunks(IEnumerable<TextDocument> documents)
    {
        var chunk = new List<TextDocument>();
        var characters = 0;
        foreach (var document in documents)
        {
            chunk.Add(document);
            characters += document.Text.Length;
            if (chunk.Count < ChunkDocuments && characters < ChunkCharacters) continue;
            yield return chunk;
            chunk = [];
            characters = 0;
        }

        if (chunk.Count > 0) yield return chunk;
    }
}
