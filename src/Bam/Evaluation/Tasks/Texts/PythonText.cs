namespace Bam.Evaluation.Tasks.Texts;

/// <summary>Text as Python treats it, in which lm-evaluation-harness is written.</summary>
internal static class PythonText
{
    /// <summary>What <c>string.punctuation</c> holds.</summary>
    public const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    /// <summary>True for a character that <c>str.strip</c> removes.</summary>
    public static bool IsSpace(char letter) => char.IsWhiteSpace(letter) || letter is >= '\x1c' and <= '\x1f';

    public static string Strip(string text) => TrimEnd(text[(text.Length - LengthWithoutLeadingSpace(text))..]);

    /// <summary>The text without the white space at its end.</summary>
    public static string TrimEnd(string text) => text[..LengthWithoutTrailingSpace(text)];

    /// <summary>The length that remains without the white space at the end.</summary>
    public static int LengthWithoutTrailingSpace(string text)
    {
        var end = text.Length;
        while (end > 0 && IsSpace(text[end - 1])) end--;
        return end;
    }

    /// <summary>The number of code points, which <c>len</c> counts.</summary>
    public static int Length(string text) => text.Length - text.Count(char.IsLowSurrogate);

    public static string WithoutPunctuation(string text) =>
        string.Concat(text.Where(letter => !Punctuation.Contains(letter, StringComparison.Ordinal)));

    private static int LengthWithoutLeadingSpace(string text)
    {
        var start = 0;
        while (start < text.Length && IsSpace(text[start])) start++;
        return text.Length - start;
    }
}
