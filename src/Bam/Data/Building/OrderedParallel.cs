using Bam.Data.Text;

namespace Bam.Data.Building;

/// <summary>Processes documents on several threads with ordered results and few documents in memory.</summary>
internal static class OrderedParallel
{
    private const int BatchDocuments = 256;
    private const int BatchCharacters = 1 << 18;

    /// <summary>Batches that are processed or wait, for each thread.</summary>
    private const int BatchesPerThread = 3;

    /// <summary>
    /// Reads documents in batches, of which <paramref name="threads"/> are processed while others are read and the results of
    /// earlier ones are taken. <paramref name="work"/> gets each document with its number from 0. The exception of the first
    /// document that fails is thrown.
    /// </summary>
    public static IEnumerable<(TextDocument Document, TResult Result)> Select<TResult>(
        IEnumerable<TextDocument> documents, Func<int, TextDocument, TResult> work, int threads, CancellationToken cancellation)
    {
        var scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, threads).ConcurrentScheduler;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var stop = stopping.Token;
        var running = new Queue<Task<(TextDocument, TResult)[]>>();
        try
        {
            var first = 0;
            foreach (var batch in Batches(documents))
            {
                var number = first;
                running.Enqueue(Task.Factory.StartNew(() => Process(batch, number), stop, TaskCreationOptions.None, scheduler));
                first += batch.Count;
                if (running.Count < threads * BatchesPerThread) continue;
                foreach (var result in running.Dequeue().GetAwaiter().GetResult()) yield return result;
            }

            while (running.TryDequeue(out var task))
            {
                foreach (var result in task.GetAwaiter().GetResult()) yield return result;
            }
        }
        finally
        {
            // After a failure, or if not all results were wanted.
            stopping.Cancel();
            Task.WhenAll(running).ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        }

        (TextDocument, TResult)[] Process(List<TextDocument> batch, int number)
        {
            var results = new (TextDocument, TResult)[batch.Count];
            for (var i = 0; i < results.Length; i++)
            {
                stop.ThrowIfCancellationRequested();
                results[i] = (batch[i], work(number + i, batch[i]));
            }

            return results;
        }
    }

    private static IEnumerable<List<TextDocument>> Batches(IEnumerable<TextDocument> documents)
    {
        var batch = new List<TextDocument>();
        var characters = 0;
        foreach (var document in documents)
        {
            batch.Add(document);
            characters += document.Text.Length;
            if (batch.Count < BatchDocuments && characters < BatchCharacters) continue;
            yield return batch;
            batch = [];
            characters = 0;
        }

        if (batch.Count > 0) yield return batch;
    }
}
