using Spectre.Console;

namespace Bam.Cli;

/// <summary>Spectre consoles over the process's streams or a test's writers.</summary>
internal static class Consoles
{
    // Tables and lines in a file or a pipe are as wide as they need to be.
    private const int UnboundedWidth = 10_000;

    /// <summary>True when a person watches <paramref name="writer"/>.</summary>
    public static bool IsTerminal(TextWriter writer) =>
        (ReferenceEquals(writer, Console.Out) && !Console.IsOutputRedirected)
        || (ReferenceEquals(writer, Console.Error) && !Console.IsErrorRedirected);

    public static IAnsiConsole Create(TextWriter writer)
    {
        var isTerminal = IsTerminal(writer);
        var hasColors = isTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Interactive = InteractionSupport.No,
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = hasColors ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        console.Profile.Width = isTerminal ? Math.Max(40, Console.WindowWidth) : UnboundedWidth;
        return console;
    }
}
