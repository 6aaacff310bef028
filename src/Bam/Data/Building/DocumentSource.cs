using Bam.Data.Text;
using Bam.Files;

namespace Bam.Data.Building;

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
