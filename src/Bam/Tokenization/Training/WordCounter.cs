using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Bam.Tokenization.Models;
using Bam.Tokenization.Pipeline;

namespace Bam.Tokenization.Training;

/// <summary>Counts the words of documents on several threads.</summary>
internal static class WordCounter
{
    // UTF-16 units. Long documents are split, so that a single one keeps all threads busy.
    private const int ChunkLength = 1 << 16;

    /// <summary>
    /// Counts the words of all documents, which are read once, by one thread at a time. <paramref name="counted"/> receives the
    /// UTF-16 units processed, from any thread.
    /// </summary>
    /// <exception cref="Exception">Thrown by <paramref name="documents"/>.</exception>
    public static WordCounts Count(
        Tokenizer pipeline, IEnumerable<string> documents, int threads, Action<long> counted, CancellationToken cancellation)
    {
        var total = new WordCounts();
        var characters = 0L;
        try
        {
            Parallel.ForEach(
                Partitioner.Create(documents.SelectMany(Chunks), EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation },
                () => (Counts: new WordCounts(), Pieces: new PieceList(), Spare: new PieceList()),
                (chunk, _, mine) =>
                {
                    var text = chunk.Document.AsSpan(chunk.Start, chunk.Length);
                    var state = pipeline.PreTokenize(text, continues: chunk.Start > 0, mine.Pieces, mine.Spare);
                    foreach (var piece in state.Pieces.Items) mine.Counts.Add(state.Text.Slice(piece.Start, piece.Length));
                    counted(Interlocked.Add(ref characters, chunk.Length));
                    return mine;
                },
                mine =>
                {
                    lock (total) total.Add(mine.Counts);
                });
        }
        catch (AggregateException e)
        {
            // Rethrow the exception of the document that cannot be read.
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }

        return total;
    }

    private static IEnumerable<(string Document, int Start, int Length)> Chunks(string document)
    {
        for (var start = 0; start < document.Length;)
        {
            var end = EndOfChunk(document, start);
            yield return (document, start, end - start);
            start = end;
        }
    }

    // Splits only between a single line feed and a visible ASCII character: in no style does a word or a normalization form span
    // this position. With more white space before the line feed, the words would change.
    private static int EndOfChunk(string document, int start)
    {
        for (var end = start + ChunkLength; end < document.Length; end++)
        {
            if (document[end - 1] == '\n' && document[end] is > ' ' and <= '~' && !Scan.IsSpace(document[end - 2])) return end;
        }

        return document.Length;
    }
}

/// <summary>The frequencies of distinct words.</summary>
internal sealed class WordCounts
{
    private readonly SpanTable words = new();
    private long[] counts = new long[256];

    public int Count => words.Count;

    public ReadOnlySpan<char> Word(int index) => words[index];

    public long Occurrences(int index) => counts[index];

    public void Add(ReadOnlySpan<char> word, long occurrences = 1)
    {
        var index = words.FindOrAdd(word);
        if (index == counts.Length) Array.Resize(ref counts, counts.Length * 2);
        counts[index] += occurrences;
    }

    public void Add(WordCounts other)
    {
        for (var i = 0; i < other.Count; i++) Add(other.Word(i), other.Occurrences(i));
    }
}
