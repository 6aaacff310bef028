using System.Globalization;
using System.Numerics;

namespace Bam.Evaluation.Tasks.Texts;

/// <summary>
/// Answers of MATH (Hendrycks et al. 2021), compared as lm-evaluation-harness's <c>hendrycks_math</c> does: as LaTeX text after
/// both are brought to one spelling.
/// </summary>
internal static class MathAnswer
{
    private const string Box = "\\boxed{";
    private const string BoxWithoutBraces = "\\boxed ";
    private const string Root = "\\sqrt";
    private const string Fraction = "\\frac";
    private const string Unit = "\\text{ ";

    /// <summary>What is replaced first, in this order.</summary>
    private static readonly (string Old, string New)[] Spellings =
    [
        ("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\left", ""), ("\\right", ""),
        ("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""),
    ];

    /// <summary>The content of a solution's last box; null if it has none.</summary>
    public static string? Boxed(string solution)
    {
        if (solution.LastIndexOf(BoxWithoutBraces, StringComparison.Ordinal) is >= 0 and var open)
            return solution[(open + BoxWithoutBraces.Length)..].Split('$')[0];
        var start = solution.LastIndexOf(Box, StringComparison.Ordinal);
        if (start < 0) return null;
        var depth = 0;
        for (var i = start; i < solution.Length; i++)
        {
            if (solution[i] == '{') depth++;
            if (solution[i] == '}' && --depth == 0) return solution[(start + Box.Length)..i];
        }

        return null;
    }

    /// <summary>True if a generated text, or what stands between its first and last dollar sign, is the answer.</summary>
    public static bool IsCorrect(string generated, string answer)
    {
        var (first, last) = (generated.IndexOf('$', StringComparison.Ordinal), generated.LastIndexOf('$'));
        var found = first < last ? generated[(first + 1)..last] : generated;
        return Normalize(found) is { } normalized && Normalize(answer) is { } wanted ? normalized == wanted : found == answer;
    }

    /// <summary>An answer in the common spelling; null for one that has none, which is compared as it is.</summary>
    public static string? Normalize(string answer)
    {
        foreach (var (old, replacement) in Spellings) answer = answer.Replace(old, replacement, StringComparison.Ordinal);
        var beforeUnit = answer.Split(Unit);
        if (beforeUnit.Length > 2) return null;
        answer = beforeUnit[0].Replace("\\%", "", StringComparison.Ordinal)
            .Replace(" .", " 0.", StringComparison.Ordinal).Replace("{.", "{0.", StringComparison.Ordinal);
        if (answer.Length == 0) return answer;
        if (answer[0] == '.') answer = $"0{answer}";
        // "x = 3" is 3
        if (answer.Split('=') is [{ Length: <= 2 }, var right]) answer = right;
        if (WithBracedRoots(answer) is not { } rooted) return null;
        if (WithBracedFractions(rooted.Replace(" ", "", StringComparison.Ordinal)) is not { } braced) return null;
        return WithoutSlash(braced == "0.5" ? "\\frac{1}{2}" : braced);
    }

    // \sqrt3 is \sqrt{3}
    private static string? WithBracedRoots(string text)
    {
        var parts = text.Split(Root);
        for (var i = 1; i < parts.Length; i++)
        {
            if (parts[i].Length == 0) return null;
            if (parts[i][0] != '{') parts[i] = $"{{{parts[i][0]}}}{parts[i][1..]}";
        }

        return string.Join(Root, parts);
    }

    // \frac12 is \frac{1}{2}, and \frac1{72} is \frac{1}{72}
    private static string? WithBracedFractions(string text)
    {
        var parts = text.Split(Fraction);
        for (var i = 1; i < parts.Length; i++)
        {
            if (parts[i].Length == 0) return null;
            if (parts[i][0] == '{') continue;
            if (parts[i].Length < 2) return text;
            var (numerator, denominator, rest) = (parts[i][0], parts[i][1], parts[i][2..]);
            parts[i] = denominator == '{' ? $"{{{numerator}}}{{{rest}" : $"{{{numerator}}}{{{denominator}}}{rest}";
        }

        return string.Join(Fraction, parts);
    }

    // 1/2 is \frac{1}{2}; null for a slash between other things than whole numbers
    private static string? WithoutSlash(string text)
    {
        if (text.Split('/') is not [var left, var right]) return text;
        if (!TryParse(left, out var numerator) || !TryParse(right, out var denominator)) return null;
        return string.Create(CultureInfo.InvariantCulture, $"{numerator}/{denominator}") == text
            ? string.Create(CultureInfo.InvariantCulture, $"\\frac{{{numerator}}}{{{denominator}}}")
            : text;
    }

    private static bool TryParse(string text, out BigInteger number) =>
        BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
}
