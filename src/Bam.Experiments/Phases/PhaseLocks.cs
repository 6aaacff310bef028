using System.Net;
using Bam.Files;

namespace Bam.Experiments.Phases;

/// <summary>
/// One lock for each phase of a run, in <c>.locks/</c> of its directory, so that several workers share the phases. It is a lock
/// of the kernel on a file; a record in the file names the worker that has the phase (<see cref="PhaseOwner"/>). If the record
/// names another host, the phase is taken only after the record has not changed for <see cref="Patience"/> (decision 0143).
/// </summary>
internal sealed class PhaseLocks
{
    /// <summary>The folder of the locks in the run's root.</summary>
    public const string FolderName = ".locks";

    /// <summary>How long the record of a worker on another host must stay the same before the worker counts as dead.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string folder;
    private readonly LockSystem system;
    private readonly Dictionary<string, (PhaseOwner Owner, long Since)> watched = [];

    /// <summary>The locks of a run.</summary>
    public PhaseLocks(string runDirectory)
        : this(runDirectory, LockSystem.OfThisMachine) { }

    /// <summary>For tests, which simulate other hosts and their clocks.</summary>
    internal PhaseLocks(string runDirectory, LockSystem system) =>
        (folder, this.system) = (Path.Combine(runDirectory, FolderName), system);

    /// <summary>True once a lock could not be had because the file system has none.</summary>
    public bool AreUnsupported { get; private set; }

    /// <summary>Takes a phase unless a living worker has it.</summary>
    /// <param name="name">The name of the phase's directory.</param>
    /// <param name="holder">Who has it, or had it, for a message; null if it was taken or nothing is known.</param>
    /// <returns>Null if it is not free.</returns>
    /// <exception cref="WorkFailedException">The lock's file cannot be written.</exception>
    public PhaseClaim? TryTake(string name, out string? holder)
    {
        var file = FileLock.Open(Path.Combine(folder, $"{name}.lock"));
        try
        {
            var attempt = system.TryLock(file, LockKind.Exclusive);
            if (attempt == LockAttempt.Unsupported) AreUnsupported = true;
            var owner = PhaseOwner.Read(file);
            holder = owner?.ToString();
            if (attempt == LockAttempt.Busy)
            {
                watched.Remove(name);
            }
            else if (owner is null || IsDead(name, owner, attempt, ref holder))
            {
                watched.Remove(name);
                var claim = PhaseClaim.Of(file, system);
                (file, holder) = (null!, null);
                return claim;
            }

            return null;
        }
        catch (IOException e)
        {
            throw new WorkFailedException(
                $"{Path.Combine(folder, name)}.lock: cannot be used ({IoFailure.Describe(e)}); check the file system", e);
        }
        finally
        {
            file?.Dispose();
        }
    }

    /// <summary>
    /// Takes this machine for a phase, together with other workers or, for a phase that measures time, <paramref name="alone"/>.
    /// </summary>
    /// <returns>Gives it back when disposed of; null if the phase must wait for other workers on this machine.</returns>
    /// <exception cref="WorkFailedException">The lock's file cannot be written.</exception>
    public IDisposable? TryTakeMachine(bool alone)
    {
        var file = FileLock.Open(Path.Combine(folder, $"machine.{system.Host}.lock"));
        if (system.TryLock(file, alone ? LockKind.Exclusive : LockKind.Shared) != LockAttempt.Busy) return file;
        file.Dispose();
        return null;
    }

    /// <summary>
    /// Whether the worker of a record is gone, given that the lock could be taken. On this host the lock proves it. A file system
    /// may know only the locks of its own host, or none: there, a living worker is recognised by its record, which changes.
    /// </summary>
    private bool IsDead(string name, PhaseOwner owner, LockAttempt attempt, ref string? holder)
    {
        if (attempt == LockAttempt.Acquired && owner.Host == system.Host) return true;
        if (!watched.TryGetValue(name, out var seen) || seen.Owner != owner)
        {
            seen = (owner, system.Time.GetTimestamp());
            watched[name] = seen;
        }

        holder = $"{owner}; it is taken over after {Patience.TotalSeconds:0} s without a sign of life";
        return system.Time.GetElapsedTime(seen.Since) >= Patience;
    }
}

/// <summary>What locks depend on besides the files.</summary>
/// <param name="Host">This machine's name.</param>
/// <param name="Time">Its clock.</param>
/// <param name="TryLock">Locks a file.</param>
internal sealed record LockSystem(string Host, TimeProvider Time, Func<FileLock, LockKind, LockAttempt> TryLock)
{
    public static LockSystem OfThisMachine { get; } =
        new(Dns.GetHostName(), TimeProvider.System, (file, kind) => file.TryLock(kind));
}
