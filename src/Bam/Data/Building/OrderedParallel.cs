using System.Collections.Concurrent;
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
    /// earlier ones are taken. <paramref name="work"/> gets each document with its number from 0; the text is valid only until it
    /// returns. The exception of the first document that fails is thrown.
    /// </summary>
    public static IEnumerable<TResult> Select<TResult>(
        IEnumerable<TextDocument> documents, Func<int, TextDocument, TResult> work, int threads, CancellationToken cancellation)
    {
        var scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, threads).ConcurrentScheduler;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var stop = stopping.Token;
        var running = new Queue<Task<TResult[]>>();
        try
        {
            var first = 0;
            var free = new ConcurrentBag<Batch>();
            foreach (var batch in Batches(documents, free))
            {
                var number = first;
                first += batch.Count; // before it may be used again
                running.Enqueue(
                    Task.Factory.StartNew(() => Process(batch, number, free), stop, TaskCreationOptions.None, scheduler));
                while (running.Count >= threads * BatchesPerThread || (running.TryPeek(out var oldest) && oldest.IsCompleted))
                {
                    foreach (var result in running.Dequeue().GetAwaiter().GetResult()) yield return result;
                }
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

        TResult[] Process(Batch batch, int number, ConcurrentBag<Batch> free)
        {
            var results = new TResult[batch.Count];
            for (var i = 0; i < results.Length; i++)
            {
                stop.ThrowIfCancellationRequested();
                results[i] = work(number + i, batch[i]);
            }

            batch.Clear();
            free.Add(batch);
            return results;
        }
    }

    private static IEnumerable<Batch> Batches(IEnumerable<TextDocument> documents, ConcurrentBag<Batch> free)
    {
        var batch = Free();
        foreach (var document in documents)
        {
            batch.Add(document);
            if (!batch.IsFull) continue;
            yield return batch;
            batch = Free();
        }

        if (batch.Count > 0) yield return batch;

        Batch Free() => free.TryTake(out var used) ? used : new();
    }

    /// <summary>Documents with their texts in one array, which is used again: as garbage, it would be collected late.</summary>
    private sealed class Batch
    {
        /// <summary>Longer texts stay where they are.</summary>
        private const int LongestText = 1 << 20;

        private readonly List<TextDocument> documents = [];
        private readonly char[] texts = GC.AllocateUninitializedArray<char>(BatchCharacters + LongestText);
        private int characters;

        public int Count => documents.Count;

        public bool IsFull => Count == BatchDocuments || characters >= BatchCharacters;

        /// <summary>A document; its text is valid until <see cref="Clear"/>.</summary>
        public TextDocument this[int index] => documents[index];

        /// <summary>Adds a document and gives its memory back, unless it is very long, to a batch that is not full.</summary>
        public void Add(TextDocument document)
        {
            var text = document.Characters;
            if (text.Length <= LongestText)
            {
                var copy = texts.AsMemory(characters, text.Length);
                text.CopyTo(copy);
                document.Release();
                document = document with { Characters = copy };
            }

            documents.Add(document);
            characters += text.Length;
        }

        public void Clear()
        {
            documents.Clear();
            characters = 0;
        }
    }
}
