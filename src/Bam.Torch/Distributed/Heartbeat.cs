using System.Collections.Concurrent;
using System.Diagnostics;

namespace Bam.Torch.Distributed;

/// <summary>
/// Tells the other ranks that this one lives, and finds out which one does not: Gloo says only that a connection was closed. A
/// thread with its own connection to the store increments <c>alive/RANK</c> every second. The first rank that fails, or finds a
/// silent one, writes <c>cause</c>, which all others repeat.
/// </summary>
/// <remarks>A store that does not answer blocks this thread alone; whoever asks it waits for a bounded time.</remarks>
internal sealed class Heartbeat
{
    /// <summary>A rank whose counter has not risen for that many beats is silent.</summary>
    public const int Patience = 3;

    private const string CauseKey = "cause";
    private const string CauseClaims = "cause-claims";
    private const string Ended = "ended";

    /// <summary>The time between two beats.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // The rank that runs the store waits at most that long for the others to end.
    private static readonly TimeSpan LongestFarewell = 10 * Interval;
    private static readonly TimeSpan FarewellPoll = Interval / 20;

    private readonly BlockingCollection<Action<TcpStore>> requests = [];
    private readonly TaskCompletionSource<string?> verdict = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StoreAddress address;
    private readonly int rank;
    private readonly int size;
    private readonly Thread thread;
    private long lastBeat = Stopwatch.GetTimestamp();
    private volatile string? cause;
    private volatile string? storeFailure;
    private long[]? counters;
    private int beatsWatched;
    private long watchStart;
    private bool isEnded;

    private Heartbeat(StoreAddress address, TcpStore store, int rank, int size)
    {
        this.address = address;
        this.rank = rank;
        this.size = size;
        thread = new Thread(() => Run(store)) { IsBackground = true, Name = "heartbeat" };
        thread.Start();
    }

    private bool RunsStore => rank == 0 && address.IsServedByRankZero;

    /// <summary>Connects to the store and begins to beat.</summary>
    /// <exception cref="ProcessGroupException">The store is not there.</exception>
    public static Heartbeat Start(StoreAddress address, int rank, int size, TimeSpan timeout) =>
        new(address, TcpStore.Connect(address, timeout), rank, size);

    /// <summary>
    /// Says which rank is at fault after an operation failed: what a rank that failed wrote, or which ranks have fallen silent
    /// for <see cref="Patience"/> beats. Returns in at most a few seconds.
    /// </summary>
    /// <returns>A clause such as "rank 1 does not respond"; null if every rank responds.</returns>
    public string? FindCause()
    {
        if (cause is { } known)
            return known;
        if (Stopwatch.GetElapsedTime(Interlocked.Read(ref lastBeat)) > Patience * Interval)
            return StoreIsSilent;
        requests.Add(Watch);
        return verdict.Task.Wait(2 * (Patience + 1) * Interval) ? verdict.Task.Result : StoreIsSilent;
    }

    /// <summary>Tells the other ranks why this one ends. The first failure of a run is the one that they repeat.</summary>
    public void ReportFailure(string message)
    {
        var isWritten = new TaskCompletionSource();
        requests.Add(store =>
        {
            Publish(store, $"rank {rank} failed: {message}");
            isWritten.SetResult();
        });
        while (!isWritten.Task.Wait(Interval / 10) && thread.IsAlive && IsBeating) { }
    }

    /// <summary>Stops. The rank that runs the store waits, for at most ten beats, until the others have stopped.</summary>
    public void Stop()
    {
        requests.Add(SayFarewell);
        // If the store is silent the thread may never return; it ends with the process.
        while (!thread.Join(Interval / 10) && IsBeating) { }
    }

    private bool IsBeating => Stopwatch.GetElapsedTime(Interlocked.Read(ref lastBeat)) < Patience * Interval;

    private string StoreIsSilent =>
        cause
            ?? (address.IsServedByRankZero ? $"rank 0, which runs the store at {address}, does not respond"
                : $"the store at {address} does not respond")
            + (storeFailure is { } reason ? $" ({reason})" : "");

    private void Run(TcpStore store)
    {
        try
        {
            while (!isEnded)
            {
                Beat(store);
                var next = Stopwatch.GetTimestamp();
                while (!isEnded && Interval - Stopwatch.GetElapsedTime(next) is var left && left > TimeSpan.Zero)
                {
                    if (requests.TryTake(out var request, left))
                        request(store);
                }
            }
        }
        catch (TorchException e)
        {
            storeFailure = e.Message;
            verdict.TrySetResult(StoreIsSilent);
        }
        finally
        {
            store.Dispose();
        }
    }

    private void Beat(TcpStore store)
    {
        store.Add($"alive/{rank}", 1);
        Interlocked.Exchange(ref lastBeat, Stopwatch.GetTimestamp());
        ReadCause(store);
        if (counters is null || verdict.Task.IsCompleted || beatsWatched++ < Patience)
            return;

        var silent = SilentRanks(store);
        if (silent.Count > 0)
            Publish(store, Describe(store, silent));
        verdict.TrySetResult(cause);
    }

    private void Watch(TcpStore store)
    {
        ReadCause(store);
        if (counters is null)
            BeginWatch(store);
    }

    private void BeginWatch(TcpStore store) => (counters, watchStart) = (Counters(store), Stopwatch.GetTimestamp());

    private void ReadCause(TcpStore store)
    {
        if (cause is null && store.Has(CauseKey))
            cause = store.Get(CauseKey);
        if (cause is not null)
            verdict.TrySetResult(cause);
    }

    /// <summary>Makes a cause the run's, unless another rank was first.</summary>
    private void Publish(TcpStore store, string text)
    {
        ReadCause(store);
        if (cause is null && store.Add(CauseClaims, 1) == 1)
            store.Set(CauseKey, text);
        cause ??= store.Has(CauseKey) ? store.Get(CauseKey) : text;
    }

    private long[] Counters(TcpStore store) =>
        [.. Enumerable.Range(0, size).Select(other => store.Add($"alive/{other}", 0))];

    private List<int> SilentRanks(TcpStore store)
    {
        var now = Counters(store);
        return [.. Enumerable.Range(0, size).Where(other => other != rank && now[other] == counters![other])];
    }

    private static string Describe(TcpStore store, List<int> silent)
    {
        // A rank that ended without a failure is at fault only if no other rank is silent.
        var gone = silent.Where(other => !HasEnded(store, other)).ToList();
        var (ranks, verb) = gone.Count > 0 ? (gone, ("does not respond", "do not respond"))
            : (silent, ("has already ended", "have already ended"));
        return ranks.Count == 1 ? $"rank {ranks[0]} {verb.Item1}" : $"ranks {string.Join(", ", ranks)} {verb.Item2}";
    }

    private static bool HasEnded(TcpStore store, int other) => store.Has($"{Ended}/{other}");

    private void SayFarewell(TcpStore store)
    {
        isEnded = true;
        store.Set($"{Ended}/{rank}", "");
        store.Add(Ended, 1);
        if (!RunsStore)
            return;

        var clock = Stopwatch.StartNew();
        if (counters is null)
            BeginWatch(store);
        while (store.Add(Ended, 0) is var ended && ended < size && clock.Elapsed < LongestFarewell)
        {
            Thread.Sleep(FarewellPoll);
            Interlocked.Exchange(ref lastBeat, Stopwatch.GetTimestamp());
            if (Stopwatch.GetElapsedTime(watchStart) < Patience * Interval)
                continue;
            if (ended + SilentRanks(store).Count(other => !HasEnded(store, other)) >= size)
                return;
            BeginWatch(store);
        }
    }
}
