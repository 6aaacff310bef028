using System.Globalization;
using System.Text.RegularExpressions;
using Bam.Files;

namespace Bam.Training;

/// <summary>A run's <c>checkpoints/step-N</c> directories: whole ones only, and only the newest few.</summary>
internal sealed partial class CheckpointStore(string directory)
{
    private const string Prefix = "step-";

    private static readonly OwnFiles Own = OwnFiles.InRun(TrainingCheckpoint.IsName);
    private readonly HashSet<string> kept = [];

    /// <summary>The directory that holds them.</summary>
    public string Directory { get; } = directory;

    /// <summary>The whole checkpoints, newest first.</summary>
    public IReadOnlyList<string> Newest =>
        System.IO.Directory.Exists(Directory)
            ? [.. System.IO.Directory.GetDirectories(Directory, $"{Prefix}*")
                .Where(d => StepOf(d) is not null).OrderByDescending(StepOf)]
            : [];

    /// <summary>Where the checkpoint after that many steps is, or will be.</summary>
    public string PathOf(long step) => Path.Combine(Directory, $"{Prefix}{step.ToString(CultureInfo.InvariantCulture)}");

    /// <summary>The steps done by a checkpoint, or null when it is none.</summary>
    public static long? StepOf(string checkpoint) =>
        Path.GetFileName(checkpoint) is var name && name.StartsWith(Prefix, StringComparison.Ordinal)
        && long.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            ? step
            : null;

    /// <summary>Removes what a killed process left incomplete. Only the holder of the run's lock may call it.</summary>
    public void RemoveLeftovers()
    {
        if (!System.IO.Directory.Exists(Directory)) return;
        foreach (var leftover in System.IO.Directory.GetDirectories(Directory, $".{Prefix}*"))
            if (LeftoverName().IsMatch(Path.GetFileName(leftover))) System.IO.Directory.Delete(leftover, recursive: true);
    }

    /// <summary>
    /// Adds a checkpoint, which appears only when it is complete, then removes all but the newest <paramref name="keep"/>; those
    /// with files that are not Bam's stay, with a warning.
    /// </summary>
    /// <exception cref="InvalidInputException">A damaged checkpoint of that step holds a file that is not Bam's.</exception>
    /// <exception cref="WorkFailedException">The disk is full; the checkpoints before are intact.</exception>
    public void Add(long step, int keep, Action<string> write, IReporter reporter)
    {
        using (var checkpoint = new AtomicDirectory(PathOf(step), Own))
        {
            write(checkpoint.TemporaryPath);
            checkpoint.Commit();
        }

        foreach (var old in Newest.Where(c => StepOf(c) < step).Skip(keep - 1))
        {
            if (Own.FirstForeignFileIn(old) is not { } stranger) Delete(old);
            else if (kept.Add(old))
            {
                reporter.Warn(
                    $"{stranger}: was not written by Bam, and its checkpoint is kept for it; move it elsewhere to have old "
                    + "checkpoints removed");
            }
        }
    }

    // A deletion that is cut short must not leave a part under a checkpoint's name.
    private void Delete(string checkpoint)
    {
        var hidden = Path.Combine(Directory, $".{Path.GetFileName(checkpoint)}.old");
        if (System.IO.Directory.Exists(hidden)) System.IO.Directory.Delete(hidden, recursive: true);
        System.IO.Directory.Move(checkpoint, hidden);
        System.IO.Directory.Delete(hidden, recursive: true);
    }

    [GeneratedRegex(@"^\.step-[0-9]+\.(.+\.)?(tmp|old)$")]
    private static partial Regex LeftoverName();
}
