using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Bam.Torch.Kernels;

/// <summary>
/// Runs independent work items on libtorch's own intra-op threads, so that C# kernels and BLAS never compete for the cores.
/// Items are handed out one by one: a thread that was held up does fewer.
/// </summary>
internal static unsafe class ParallelLoop
{
    // Of a thread inside of Together that is not inside of a loop.
    [ThreadStatic]
    private static Team? t_team;

    /// <summary>Calls <paramref name="body"/> once for each of 0 … <paramref name="count"/> - 1, in any order.</summary>
    /// <exception cref="Exception">The first exception of any item, after all threads have stopped.</exception>
    public static void For(int count, Action<int> body)
    {
        if (count == 1)
        {
            body(0);
            return;
        }

        var run = new Run(count, body);
        if (t_team is { } team)
        {
            t_team = null;
            team.Do(run);
            t_team = team;
        }
        else
        {
            OnThreads(count, run);
        }

        run.Rethrow();
    }

    /// <summary>
    /// Calls a function on this thread, while the other threads wait for its loops without sleeping. Waking a thread takes longer
    /// than many a loop of a decoded token. What libtorch computes inside has one thread.
    /// </summary>
    /// <exception cref="Exception">The function's.</exception>
    public static T Together<T>(Func<T> function)
    {
        if (t_team is not null || LibTorch.Threads == 1) return function();
        T? result = default;
        var team = new Team(() => result = function());
        OnThreads(LibTorch.Threads, team);
        team.Rethrow();
        return result!;
    }

    private static void OnThreads(int count, Work work)
    {
        var handle = GCHandle.Alloc(work);
        try
        {
            Native.Check(Native.bam_parallel_run(count, &OnThread, GCHandle.ToIntPtr(handle)), "parallel_run");
        }
        finally
        {
            handle.Free();
        }
    }

    [UnmanagedCallersOnly]
    private static void OnThread(nint state) => ((Work)GCHandle.FromIntPtr(state).Target!).Take();

    /// <summary>What each thread takes part in.</summary>
    private abstract class Work
    {
        private Exception? failure;

        protected bool HasFailed => failure is not null;

        public abstract void Take();

        public void Rethrow()
        {
            if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        }

        protected void Fail(Exception exception) => Interlocked.CompareExchange(ref failure, exception, null);
    }

    /// <summary>A loop.</summary>
    private sealed class Run(int count, Action<int> body) : Work
    {
        private readonly int count = count;
        private int next = -1;
        private int left = count;

        public bool IsDone => Volatile.Read(ref left) == 0;

        public override void Take()
        {
            for (var item = Interlocked.Increment(ref next); item < count; item = Interlocked.Increment(ref next))
            {
                try
                {
                    if (!HasFailed) body(item);
                }
                catch (Exception e)
                {
                    Fail(e);
                }

                Interlocked.Decrement(ref left);
            }
        }
    }

    /// <summary>A function on the calling thread, and the threads that take part in its loops.</summary>
    private sealed class Team(Action function) : Work
    {
        // About half a millisecond; whoever waits for longer lets others run in between.
        private const int SpinsBeforeYield = 20_000;

        private readonly int caller = Environment.CurrentManagedThreadId;
        private volatile Run? current;
        private volatile bool isDone;

        public override void Take()
        {
            if (Environment.CurrentManagedThreadId != caller) TakePart();
            else if (!isDone) Call();
        }

        public void Do(Run run)
        {
            current = run;
            run.Take();
            for (var spins = 0; !run.IsDone; spins++) Wait(spins);
            current = null;
        }

        private void Call()
        {
            t_team = this;
            try
            {
                function();
            }
            catch (Exception e)
            {
                Fail(e);
            }
            finally
            {
                t_team = null;
                isDone = true;
            }
        }

        private void TakePart()
        {
            Run? last = null;
            for (var spins = 0; !isDone; spins++)
            {
                if (current is { } run && run != last)
                {
                    run.Take();
                    (last, spins) = (run, 0);
                }

                Wait(spins);
            }
        }

        private static void Wait(int spins)
        {
            if (spins < SpinsBeforeYield) Thread.SpinWait(1);
            else Thread.Yield();
        }
    }
}
