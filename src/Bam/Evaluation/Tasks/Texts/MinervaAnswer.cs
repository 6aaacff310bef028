using System.Text.RegularExpressions;

namespace Bam.Evaluation.Tasks.Texts;

/// <summary>
/// Answers of MATH in the form of Minerva (Lewkowycz et al. 2022, appendix D): the model ends with "Final Answer: The final
/// answer is …. I hope it is correct." Answers are equal if their normalized texts are. lm-evaluation-harness compares these with
/// sympy, which also accepts another notation of the same value, but no answer that sympy cannot read or subtract.
/// </summary>
internal static partial class MinervaAnswer
{
    private const string End = "I hope it is correct.";

    /// <summary>What is replaced first, in this order.</summary>
    private static readonly (string Old, string New)[] Substitutions =
    [
        ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text"), (",\\text{and}", ","),
        ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
    ];

    /// <summary>Units and marks that are removed, in this order.</summary>
    private static readonly string[] Removed =
    [
        "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", "\\ldots", "sue", "points",
        "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students",
        "childrentickets", "multiples", "\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}",
        "\\text{}", "\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", "\"", "\\dots",
    ];

    /// <summary>True if a generated text ends with the answer.</summary>
    /// <param name="generated">What the model wrote.</param>
    /// <param name="answer">The answer, normalized.</param>
    public static bool IsCorrect(string generated, string answer) =>
        FinalAnswer().Match(generated + End) is { Success: true } match
        && Normalize(PythonText.Strip(match.Groups[1].Value)) == answer;

    /// <summary>An answer without units, fonts and formatting.</summary>
    public static string Normalize(string answer)
    {
        answer = answer.Split('=')[^1];
        foreach (var (old, replacement) in Substitutions) answer = answer.Replace(old, replacement, StringComparison.Ordinal);
        foreach (var text in Removed) answer = answer.Replace(text, "", StringComparison.Ordinal);
        answer = InDollars().Replace(answer, "$$$1$$");
        answer = Text().Replace(answer, "$1");
        answer = Bold().Replace(answer, "$1");
        answer = Overline().Replace(answer, "$1");
        answer = Boxed().Replace(answer, "$1");
        answer = ShortFraction().Replace(answer, "frac{$1}{$2}");
        answer = ShortRoot().Replace(answer, "sqrt{$1}").Replace("$", "", StringComparison.Ordinal);
        var digits = answer.Replace(",", "", StringComparison.Ordinal);
        return digits.Length > 0 && digits.All(char.IsDigit) ? digits : answer;
    }

    [GeneratedRegex("Final Answer: The final answer is(.*?). I hope it is correct.")]
    private static partial Regex FinalAnswer();

    [GeneratedRegex(@".*?\$(.*?)\$.*")]
    private static partial Regex InDollars();

    [GeneratedRegex(@"\\text\{(.*?)\}")]
    private static partial Regex Text();

    [GeneratedRegex(@"\\textbf\{(.*?)\}")]
    private static partial Regex Bold();

    [GeneratedRegex(@"\\overline\{(.*?)\}")]
    private static partial Regex Overline();

    [GeneratedRegex(@"\\boxed\{(.*)\}")]
    private static partial Regex Boxed();

    [GeneratedRegex("frac([^{])(.)")]
    private static partial Regex ShortFraction();

    [GeneratedRegex("sqrt([^{])")]
    private static partial Regex ShortRoot();
}
