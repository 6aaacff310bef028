using System.CommandLine;
using Bam.Files;

namespace Bam.Cli.Commands;

/// <summary>The text to continue: an option's, a file's or standard input's.</summary>
internal static class PromptText
{
    public static string Read(Invocation invocation, Option<string?> text, Option<string?> file)
    {
        var path = invocation.Get(file);
        if (invocation.Get(text) is { } given)
            return path is null ? given : throw new InvalidInputException("--prompt and --prompt-file", "one of them", "both", "leave one out");
        if (path is not null) return WithoutLastLineBreak(InputFile.ReadAllText(path, "check the path"));
        if (!Console.IsInputRedirected) invocation.Reporter.Say("the prompt is read from here; Ctrl-D ends it");
        using var input = Console.OpenStandardInput();
        return WithoutLastLineBreak(StandardInput.ReadAllText(input));
    }

    // Editors and echo end a text with one that is not meant.
    private static string WithoutLastLineBreak(string text) => text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
}
