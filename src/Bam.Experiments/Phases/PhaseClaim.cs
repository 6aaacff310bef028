using System.Globalization;
using Bam.Files;

namespace Bam.Experiments.Phases;

/// <summary>
/// A phase that this worker has. The claim renews its record in the lock's file every 10 s, and notices when another worker has
/// taken the phase, which can happen only if the file system does not share locks between hosts.
/// </summary>
internal sealed class PhaseClaim : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource lost = new();
    private readonly FileLock file;
    private readonly ITimer timer;
    private PhaseOwner owner;
    private bool isFinished;
    private bool isDisposed;

    private PhaseClaim(FileLock file, PhaseOwner owner, TimeProvider time)
    {
        (this.file, this.owner) = (file, owner);
        owner.Write(file);
        timer = time.CreateTimer(_ => Renew(), null, Beat, Beat);
    }

    /// <summary>Writes this worker's name into the lock's file, which the claim disposes of.</summary>
    internal static PhaseClaim Of(FileLock file, LockSystem system) => new(
        file,
        new PhaseOwner(system.Host, Environment.ProcessId, Guid.NewGuid().ToString("N"), 0),
        system.Time);

    /// <summary>Set when another worker has the phase.</summary>
    public CancellationToken Lost => lost.Token;

    /// <summary>Checks that the phase is still this worker's.</summary>
    /// <exception cref="WorkFailedException">Another worker has taken it.</exception>
    public void RequireHeld()
    {
        Renew();
        if (!lost.IsCancellationRequested) return;
        throw new WorkFailedException(
            $"{file.Path}: another host has taken the phase, so this file system does not share its locks between hosts; start "
            + "workers on one host only, or mount it with shared locks (NFS without 'nolock' and 'local_lock', Lustre with "
            + "'flock')");
    }

    /// <summary>
    /// The phase's outcome is stored. The record stays, so that a host that does not see the outcome yet does not start again.
    /// </summary>
    public void Finish() => isFinished = true;

    /// <summary>Writes the record with a higher number, unless another worker's is there.</summary>
    internal void Renew()
    {
        lock (gate)
        {
            if (isDisposed) return;
            try
            {
                // A file opened anew shows what other hosts wrote.
                using var look = FileLock.Open(file.Path);
                if (PhaseOwner.Read(look) is { } found && found.Token != owner.Token)
                {
                    lost.Cancel();
                    return;
                }

                owner = owner with { Beats = owner.Beats + 1 };
                owner.Write(file);
            }
            catch (Exception e) when (e is IOException or WorkFailedException)
            {
                // The next beat tries again; the lock itself does not depend on it.
            }
        }
    }

    /// <summary>Gives the phase back.</summary>
    public void Dispose()
    {
        timer.Dispose();
        lock (gate)
        {
            if (isDisposed) return;
            isDisposed = true;
            try
            {
                if (lost.IsCancellationRequested) return;
                if (isFinished) new PhaseOwner(owner.Host, null, owner.Token, 0).Write(file);
                else file.Clear();
            }
            catch (IOException)
            {
                // The record then looks like a dead worker's, which others know how to take over.
            }
            finally
            {
                file.Dispose();
                lost.Dispose();
            }
        }
    }
}

/// <summary>
/// The record in a lock's file, which names the worker: one line of a fixed length, written at once, so that nobody reads half of
/// it.
/// </summary>
/// <param name="Host">The machine.</param>
/// <param name="Process">Null once the phase is finished.</param>
/// <param name="Token">Distinguishes claims with the same host and process number.</param>
/// <param name="Beats">How often the record was renewed.</param>
internal sealed record PhaseOwner(string Host, int? Process, string Token, int Beats)
{
    private const int Length = 512;

    /// <summary>The worker; null if the file names none.</summary>
    public static PhaseOwner? Read(FileLock file)
    {
        var words = file.ReadText(Length).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0) return null;
        return words is [var host, var process, var token, var beats] && TryNumber(beats) is { } count
            ? new(host, TryNumber(process), token, count)
            : new("an unknown host", null, string.Join(' ', words), 0);
    }

    private static int? TryNumber(string word) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>Names it in the file.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(FileLock file)
    {
        var process = Process?.ToString(CultureInfo.InvariantCulture) ?? "finished";
        var line = string.Create(CultureInfo.InvariantCulture, $"{Host} {process} {Token} {Beats}");
        file.WriteText($"{line.PadRight(Length - 1)}\n");
    }

    /// <summary>"process 4711 on node7".</summary>
    public override string ToString() => Process is { } process
        ? string.Create(CultureInfo.InvariantCulture, $"process {process} on {Host}")
        : Host;
}
