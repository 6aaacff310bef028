using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Bam.Cli;

/// <summary>
/// Standard error: messages and progress. On a terminal, progress is one line that is redrawn; elsewhere
/// plain lines, fewer the longer the work takes. Write errors are ignored, so that messages never end the work.
/// </summary>
internal sealed class Reporter : IReporter, IDisposable
{
    private const string EraseLine = "\r\x1b[2K";

    private static readonly TimeSpan RedrawInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ShortestLineInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestLineInterval = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly HashSet<string> warnings = [];
    private readonly TextWriter error;
    private readonly bool isLive;
    private readonly Func<int> width;
    private readonly Func<TimeSpan> clock;
    private ProgressRate rate;
    private (string Activity, long Done, long Total) shown;
    private TimeSpan nextShown;
    private bool lineIsOpen;
    private bool isSilent;

    /// <summary>A reporter over the process's standard error, or any other writer.</summary>
    public Reporter(TextWriter error)
        : this(error, Consoles.IsLive(error), () => Consoles.TerminalWidth, () => Stopwatch.GetElapsedTime(0)) { }

    /// <summary>For tests: with a terminal's width in columns and a clock, the time since some fixed moment.</summary>
    internal Reporter(TextWriter error, bool isLive, Func<int> width, Func<TimeSpan> clock)
    {
        this.error = error;
        this.isLive = isLive;
        this.width = width;
        this.clock = clock;
    }

    // Most commands that succeed say nothing.
    private IAnsiConsole MessageConsole => field ??= Consoles.ForMessages(error);

    public void Say(string message) => WriteKept(MessageText.OneLine(message));

    public void Warn(string message)
    {
        lock (gate)
        {
            if (!warnings.Add(message)) return;
        }

        WriteKept(MessageText.OneLine(message), "warning: ", Color.Yellow);
    }

    /// <summary>The one line of a failure.</summary>
    public void Fail(string message) => WriteKept(MessageText.OneLine(message), "bam: ", Color.Red);

    /// <summary>More than one line, as it is.</summary>
    public void Trace(string text) => WriteKept(text);

    public void Advance(WorkProgress progress)
    {
        lock (gate)
        {
            var now = clock();
            var isNew = progress.Activity != rate.Activity || progress.Done < rate.Done;
            var isLast = progress.Total > 0 && progress.Done >= progress.Total;
            if (isNew) rate = new ProgressRate(progress, now);
            if (!isNew && !isLast && now < nextShown) return;
            var amounts = (progress.Activity, progress.Done, progress.Total);
            if (amounts == shown) return;
            shown = amounts;
            rate.Move(progress, now);
            var text = MessageText.OneLine(rate.Describe(progress, now));
            if (isLive) Redraw(text, isLast);
            else Write(() => error.WriteLine(text));
            nextShown = now + (isLive ? RedrawInterval : LineInterval(now - rate.Started));
        }
    }

    public void Dispose()
    {
        lock (gate) CloseLine();
    }

    private static TimeSpan LineInterval(TimeSpan elapsed)
    {
        var interval = elapsed / 20;
        return interval < ShortestLineInterval ? ShortestLineInterval
            : interval > LongestLineInterval ? LongestLineInterval
            : interval;
    }

    private void WriteKept(string text, string label = "", Color? color = null)
    {
        lock (gate)
        {
            if (isLive && lineIsOpen) Write(() => error.Write(EraseLine));
            lineIsOpen = false;
            Write(() => MessageConsole.Write(new Paragraph(label, new Style(color)).Append($"{text}\n")));
        }
    }

    private void Redraw(string text, bool isLast)
    {
        var columns = width() - 1;
        Write(() => error.Write($"{EraseLine}{(text.Length > columns ? text[..columns] : text)}"));
        lineIsOpen = true;
        if (isLast) CloseLine();
    }

    private void CloseLine()
    {
        if (lineIsOpen) Write(error.WriteLine);
        lineIsOpen = false;
    }

    private void Write(Action write)
    {
        if (isSilent) return;
        try
        {
            write();
        }
        catch (IOException)
        {
            isSilent = true;
        }
    }
}

/// <summary>The speed of one activity and its remaining time.</summary>
internal struct ProgressRate
{
    // The speed is that of the last seconds; the remaining time follows from the whole activity.
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
