using Spectre.Console;

namespace Bam.Cli;

/// <summary>Spectre consoles over the process's streams or a test's writers.</summary>
internal static class Consoles
{
    private const int UnboundedWidth = 10_000;
    private const int NarrowestTerminal = 40;

    // Nothing that is drawn depends on it, and to ask a terminal takes time.
    private const int AnyHeight = 24;

    /// <summary>True if <paramref name="writer"/> is a terminal.</summary>
    public static bool IsTerminal(TextWriter writer) =>
        (ReferenceEquals(writer, Console.Out) && !Console.IsOutputRedirected)
        || (ReferenceEquals(writer, Console.Error) && !Console.IsErrorRedirected);

    /// <summary>True if lines can be redrawn there.</summary>
    public static bool IsLive(TextWriter writer) =>
        IsTerminal(writer) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>For results: tables fit the terminal; in a file or a pipe they have their full width.</summary>
    public static IAnsiConsole ForResults(TextWriter writer) =>
        Create(writer, IsTerminal(writer) ? TerminalWidth : UnboundedWidth);

    /// <summary>For messages: the terminal breaks long lines itself, so that a path can be copied whole.</summary>
    public static IAnsiConsole ForMessages(TextWriter writer) => Create(writer, UnboundedWidth);

    /// <summary>
    /// Has what tables and messages need compiled on another thread, for verbs that read files before they write (decision 0161).
    /// </summary>
    public static void BeginLoad() =>
        new Thread(() => ForResults(TextWriter.Null).Write(new Table().AddColumn("").AddRow(""))) { IsBackground = true }.Start();

    /// <summary>The current width of the terminal.</summary>
    public static int TerminalWidth => Math.Max(NarrowestTerminal, Console.WindowWidth);

    private static IAnsiConsole Create(TextWriter writer, int width)
    {
        var isTerminal = IsTerminal(writer);
        var hasColors = isTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Interactive = InteractionSupport.No,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false }, // of services such as GitHub's
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = hasColors ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        console.Profile.Width = width;
        console.Profile.Height = AnyHeight;
        return console;
    }
}
