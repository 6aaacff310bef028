using System.Globalization;

namespace Bam.Cli;

/// <summary>The speed of one activity and the time it has left.</summary>
internal struct ProgressRate
{
    // The shown speed follows the last seconds, the time left the whole activity.
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    private readonly long startDone;
    private long windowDone;
    private TimeSpan windowStart;
    private double speed;

    public ProgressRate(WorkProgress first, TimeSpan now)
    {
        Activity = first.Activity;
        Started = windowStart = now;
        Done = startDone = windowDone = first.Done;
    }

    public string? Activity { get; }

    public TimeSpan Started { get; }

    public long Done { get; private set; }

    public void Move(WorkProgress progress, TimeSpan now)
    {
        Done = progress.Done;
        var elapsed = now - windowStart;
        if (elapsed < Window && speed > 0) return;
        if (elapsed > TimeSpan.Zero) speed = (Done - windowDone) / elapsed.TotalSeconds;
        if (elapsed < Window) return;
        windowStart = now;
        windowDone = Done;
    }

    /// <summary>"train btx  42 %  1.3 M of 3.0 M tokens  5,120 tokens/s  loss 3.214  2 min 10 s left".</summary>
    public readonly string Describe(WorkProgress progress, TimeSpan now)
    {
        List<string> parts = [progress.Activity];
        if (progress.Total > 0)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{100.0 * progress.Done / progress.Total,3:0} %"));
        parts.Add(progress.Total > 0
            ? $"{Count(progress.Done)} of {Count(progress.Total)} {progress.Unit}"
            : $"{Count(progress.Done)} {progress.Unit}");
        if (speed > 0) parts.Add($"{Speed(speed)} {progress.Unit}/s");
        if (progress.Detail is not null) parts.Add(progress.Detail);
        var elapsed = (now - Started).TotalSeconds;
        if (progress.Total > progress.Done && progress.Done > startDone && elapsed >= 1)
        {
            var left = elapsed / (progress.Done - startDone) * (progress.Total - progress.Done);
            parts.Add($"{Duration(left)} left");
        }

        return string.Join("  ", parts);
    }

    private static string Count(long value) => value switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e9:0.00} G"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e6:0.00} M"),
        _ => value.ToString("N0", CultureInfo.InvariantCulture),
    };

    private static string Speed(double value) =>
        value < 100 ? value.ToString("0.0", CultureInfo.InvariantCulture) : Count((long)value);

    private static string Duration(double seconds) => seconds switch
    {
        < 60 => $"{Math.Ceiling(seconds):0} s",
        < 3600 => $"{Math.Floor(seconds / 60):0} min {Math.Floor(seconds % 60):00} s",
        < 86400 => $"{Math.Floor(seconds / 3600):0} h {Math.Floor(seconds % 3600 / 60):00} min",
        _ => $"{Math.Floor(seconds / 86400):0} d {Math.Floor(seconds % 86400 / 3600):0} h",
    };
}
