using System.Runtime.ExceptionServices;
using Bam.Data.Text;

namespace Bam.Data.Building;

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
