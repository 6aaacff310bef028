using System.Runtime.InteropServices;

namespace Bam.Torch.Kernels;

/// <summary>
/// Runs independent work items on libtorch's own intra-op threads, so that C# kernels and BLAS never compete for the cores.
/// Items are handed out one by one: a thread that was held up does fewer.
/// </summary>
internal static unsafe class ParallelLoop
{
    /// <summary>Calls <paramref name="body"/> once for each of 0 … <paramref name="count"/> - 1, in any order.</summary>
    /// <exception cref="Exception">The first exception of any item, after all threads have stopped.</exception>
    public static void For(int count, Action<int> body)
    {
        var run = new Run(count, body);
        var handle = GCHandle.Alloc(run);
        try
        {
            Native.Check(Native.bam_parallel_run(count, &OnThread, GCHandle.ToIntPtr(handle)), "parallel_run");
        }
        finally
        {
            handle.Free();
        }

        run.Rethrow();
    }

    [UnmanagedCallersOnly]
    private static void OnThread(nint state) => ((Run)GCHandle.FromIntPtr(state).Target!).Work();

    private sealed class Run(int count, Action<int> body)
    {
        private int next = -1;
        private Exception? failure;

        public void Work()
        {
            try
            {
                for (var item = Interlocked.Increment(ref next); item < count; item = Interlocked.Increment(ref next)) body(item);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
                Interlocked.Exchange(ref next, count);
            }
        }

        public void Rethrow()
        {
            if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }
}
