using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Bam.Tokenization.Models;
using Bam.Tokenization.Pipeline;

namespace Bam.Tokenization.Training;

/// <summary>Counts the words of documents on many threads.</summary>
internal static class WordCounter
{
    // UTF-16 units. Long documents are cut, so that a single one keeps every thread busy.
    private const int ChunkLength = 1 << 16;

    /// <summary>Counts the words of all documents.</summary>
    /// <param name="pipeline">Normalises and cuts into words.</param>
    /// <param name="documents">Read once, by one thread at a time.</param>
    /// <param name="threads">How many threads count.</param>
    /// <param name="counted">Told how many UTF-16 units are done, from any thread.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="Exception">Whatever <paramref name="documents"/> throws.</exception>
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
            // A document that cannot be read: its own message is the one to show.
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

    // Cuts only between a single line feed and a visible ASCII character: no style has a word across that place, and no
    // normalisation form reaches across it. More white space before the line feed would be a word of its own without it.
    private static int EndOfChunk(string document, int start)
    {
        for (var end = start + ChunkLength; end < document.Length; end++)
        {
            if (document[end - 1] == '\n' && document[end] is > ' ' and <= '~' && !Scan.IsSpace(document[end - 2])) return end;
        }

        return document.Length;
    }
}

/// <summary>How often each distinct word occurs.</summary>
internal sealed class WordCounts
{
    private readonly SpanTable words = new();
    private long[] counts = new long[256];

    /// <summary>How many distinct words there are.</summary>
    public int Count => words.Count;

    /// <summary>The word of that number.</summary>
    public ReadOnlySpan<char> Word(int index) => words[index];

    /// <summary>How often the word of that number occurs.</summary>
    public long Occurrences(int index) => counts[index];

    /// <summary>Counts a word.</summary>
    public void Add(ReadOnlySpan<char> word, long occurrences = 1)
    {
        var index = words.FindOrAdd(word);
        if (index == counts.Length) Array.Resize(ref counts, counts.Length * 2);
        counts[index] += occurrences;
    }

    /// <summary>Adds all of another's.</summary>
    public void Add(WordCounts other)
    {
        for (var i = 0; i < other.Count; i++) Add(other.Word(i), other.Occurrences(i));
    }
}
