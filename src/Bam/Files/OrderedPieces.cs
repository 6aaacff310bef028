using System.Runtime.ExceptionServices;

namespace Bam.Files;

/// <summary>
/// Work in numbered pieces by several threads, each with buffers of its own. Pieces begin in order; after a failure no more begin,
/// and the failure of the first piece is thrown, the same one in every run.
/// </summary>
internal static class OrderedPieces
{
    /// <summary>A thread for each processor, at least two, so that one can read while another writes, and few enough for their buffers.</summary>
    public static int Threads => Math.Clamp(Environment.ProcessorCount, 2, 8);

    /// <summary>Works on pieces 0 to <paramref name="count"/> - 1 and returns when all are done.</summary>
    /// <typeparam name="TWorker">What a thread keeps from piece to piece.</typeparam>
    /// <param name="count">How many pieces there are.</param>
    /// <param name="create">Makes a thread's worker; called on that thread.</param>
    /// <param name="work">Does one piece.</param>
    /// <param name="cancellation">Asked before each piece.</param>
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
