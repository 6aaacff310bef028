using System.Runtime.ExceptionServices;
using System.Text;
using Bam.Data.Text;
using Bam.Files;

namespace Bam.Data.Building;

/// <summary>The first pass over the text: tokenizes it and removes near-duplicates.</summary>
internal sealed class Corpus
{
    /// <summary>How many dropped documents a report names.</summary>
    public const int Examples = 20;

    private readonly List<KeptDocument> kept = [];
    private readonly List<int> keptIndex = [];
    private readonly List<DroppedDocument> nearDuplicateExamples = [];

    private Corpus() { }

    /// <summary>The documents that are no near-duplicates, in order.</summary>
    public IReadOnlyList<KeptDocument> Kept => kept;

    /// <summary>For each document read its index in <see cref="Kept"/>; -1 for near-duplicates.</summary>
    public IReadOnlyList<int> KeptIndex => keptIndex;

    /// <summary>Documents that are not empty.</summary>
    public long DocumentsRead => keptIndex.Count;

    /// <summary>Documents passed over as empty.</summary>
    public long EmptyDocuments { get; private set; }

    /// <summary>The first few near-duplicates.</summary>
    public IReadOnlyList<DroppedDocument> NearDuplicateExamples => nearDuplicateExamples;

    /// <summary>Writes the tokens of all kept documents to one data set.</summary>
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
            corpus.kept.Add(new(document.Origin, prepared.SplitHash, prepared.Ids.Length, Encoding.UTF8.GetByteCount(document.Text)));
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
        if (nearDuplicateExamples.Count < Examples) nearDuplicateExamples.Add(new($"{document.Origin}", $"{representative.Origin}", similarity));
    }
}

/// <summary>What stays in memory of a document that is no near-duplicate.</summary>
/// <param name="Origin">Where it starts.</param>
/// <param name="SplitHash">Where it stands in the order in which documents are held out; the same for slices of one document.</param>
/// <param name="TokenCount">Its tokens, with the end-of-text token.</param>
/// <param name="Utf8Bytes">The bytes of its text.</param>
internal readonly record struct KeptDocument(DocumentOrigin Origin, ulong SplitHash, int TokenCount, int Utf8Bytes);

/// <summary>The inputs of a build, to be read several times from start to end.</summary>
internal sealed class DocumentSource
{
    // English in UTF-8 with a small vocabulary; gzip makes a third to a quarter of it.
    private const double BytesPerToken = 3;
    private const double GzipRatio = 4;

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

    /// <summary>The files' bytes on the disk.</summary>
    public long TotalBytes { get; }

    /// <summary>Documents that the latest pass left out as empty.</summary>
    public long EmptyDocuments { get; private set; }

    /// <summary>Lines of JSONL that the latest pass passed over because they cannot be read.</summary>
    public long BadLines { get; private set; }

    /// <summary>About how many tokens there will be.</summary>
    public long EstimateTokens() =>
        (long)(Files.Zip(states, (file, state) => state.Length * (InputFiles.IsCompressed(file) ? GzipRatio : 1)).Sum() / BytesPerToken);

    /// <summary>Reads everything once more, works on each document, and gives the results in order.</summary>
    /// <param name="activity">What is being done, for the progress.</param>
    /// <param name="work">Called from several threads.</param>
    /// <exception cref="WorkFailedException">A file is not what it was when the build began.</exception>
    public IEnumerable<(TextDocument Document, TResult Result)> Pass<TResult>(string activity, Func<TextDocument, TResult> work)
    {
        for (var i = 0; i < Files.Count; i++)
        {
            if (State(Files[i]) != states[i])
                throw new WorkFailedException($"{Files[i]}: changed while it was read; nothing was written; build again when it is complete");
        }

        var reader = new DocumentReader(Files, format, reporter);
        long reported = -1;
        foreach (var result in OrderedParallel.Select(reader.Read(), work, threads, cancellation))
        {
            // The reader is ahead by a chunk of documents.
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

/// <summary>Work on documents by several threads, with the results in the documents' order and few documents in memory.</summary>
internal static class OrderedParallel
{
    private const int ChunkDocuments = 512;
    private const int ChunkCharacters = 1 << 22;

    /// <summary>Reads a chunk of documents, works on it with all threads, hands the results on, and so forth.</summary>
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

    private static System.Collections.Concurrent.OrderablePartitioner<int> Partitioned(int count) =>
        System.Collections.Concurrent.Partitioner.Create(Enumerable.Range(0, count), System.Collections.Concurrent.EnumerablePartitionerOptions.NoBuffering);

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
