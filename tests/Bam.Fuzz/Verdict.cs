using System.Text.RegularExpressions;

namespace Bam.Fuzz;

/// <summary>What became of a mutant.</summary>
internal enum Outcome
{
    /// <summary>Status 0: the mutant was still valid.</summary>
    Accepted,

    /// <summary>One line that names a place.</summary>
    Refused,

    /// <summary>Anything else.</summary>
    Fault,
}

/// <summary>The outcome of one case, and what is wrong with it.</summary>
/// <param name="Outcome">The outcome.</param>
/// <param name="Message">The refusal, or the fault and the standard error behind it.</param>
internal sealed partial record Verdict(Outcome Outcome, string Message)
{
    private const int LongestLine = 2000;

    /// <summary>Of a word that is shown shortened, so many letters are there in any case.</summary>
    private const int ShownStart = 80;

    /// <summary>Judges what a command line did.</summary>
    /// <param name="arguments">Its words.</param>
    /// <param name="status">The exit status.</param>
    /// <param name="error">Standard error.</param>
    public static Verdict Of(IReadOnlyList<string> arguments, int status, string error)
    {
        if (status == 0) return new(Outcome.Accepted, "");
        var line = error.Split('\n').LastOrDefault(text => text.StartsWith("bam:", StringComparison.Ordinal)) ?? "";
        var fault = FaultOf(arguments, status, error, line);
        return fault is null
            ? new(Outcome.Refused, line)
            : new(Outcome.Fault, $"{fault}: {Printable(error.ReplaceLineEndings(" ⏎ "))}");
    }

    private static string Start(string shown) => shown[..Math.Min(shown.Length, ShownStart)];

    private static string Printable(string text) => string.Concat(text.Take(LongestLine)
        .Select(c => char.IsControl(c) || char.IsSurrogate(c) ? $"\\u{(int)c:x4}" : $"{c}"));

    private static string? FaultOf(IReadOnlyList<string> arguments, int status, string error, string line)
    {
        if (error.Contains("fault in Bam", StringComparison.Ordinal)) return "a fault in Bam";
        if (status is not (1 or 2 or 130)) return $"status {status}";
        var messages = error.Split('\n').Count(text => text.StartsWith("bam:", StringComparison.Ordinal));
        if (line.Length == 0 || messages != 1) return "not one line";
        if (!error.EndsWith(line + "\n", StringComparison.Ordinal)) return "words behind the line";
        if (line.Length > LongestLine) return "a long line";
        if (line.Any(c => char.IsControl(c))) return "control characters";
        if (ClrName().IsMatch(line)) return "a name of .NET";
        // A long word is shown shortened, at a length that depends on what follows it.
        var namesAnArgument = arguments.Any(word =>
            word.Length > 0 && line.StartsWith($"bam: {Start(Cli.MessageText.OneLine(word))}", StringComparison.Ordinal));
        return status == 130 || namesAnArgument || Place().IsMatch(line) ? null : "no place";
    }

    [GeneratedRegex(@"\b\w+Exception\b|\bSystem\.\w|\bBam\.[A-Z]\w*\.[A-Z]")]
    private static partial Regex ClrName();

    // A path, an option, an argument, a key, an option in words, or the word of the command line itself.
    [GeneratedRegex(@"/|--\w|\b[A-Z]{3,}\b|key '|^bam: the [\w' -]+:|unknown (argument|option)|which one")]
    private static partial Regex Place();
}
