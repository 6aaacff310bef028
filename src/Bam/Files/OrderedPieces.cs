using System.Runtime.ExceptionServices;

namespace Bam.Files;

/// <summary>
/// Processes numbered pieces on several threads with buffers per thread. Pieces start in order; after a failure no more start,
/// and the exception of the first failed piece is thrown, so that it is deterministic.
/// </summary>
internal static class OrderedPieces
{
    /// <summary>
    /// One thread per processor: at least 2, so that reading and writing overlap, and at most 8, to limit the buffers.
    /// </summary>
    public static int Threads => Math.Clamp(Environment.ProcessorCount, 2, 8);

    /// <summary>
    /// Processes pieces 0 to <paramref name="count"/> - 1. <paramref name="create"/> makes a thread's worker, on that thread.
    /// </summary>
    public static void Run<TWorker>(int count, Func<TWorker> create, Action<TWorker, int> work, CancellationToken cancellation)
        where TWorker : IDisposable
    {
        var next = -1;
        var gate = new Lock();
        var failedPiece = count;
        ExceptionDispatchInfo? failure = null;

        var threads = Enumerable.Range(0, Math.Min(Threads, count)).Select(_ => new Thread(WorkUntilDone)).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        failure?.Throw();

        void WorkUntilDone()
        {
            var piece = -1;
            try
            {
                using var worker = create();
                while (Volatile.Read(ref failedPiece) == count && (piece = Interlocked.Increment(ref next)) < count)
                {
                    cancellation.ThrowIfCancellationRequested();
                    work(worker, piece);
                }
            }
            catch (Exception e)
            {
                lock (gate)
                {
                    if (piece >= failedPiece) return;
                    failedPiece = piece;
                    failure = ExceptionDispatchInfo.Capture(e);
                }
            }
        }
    }
}
