using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Json;

/// <summary>Reads the "pattern" of Split and Replace: {"String": …} or {"Regex": …}.</summary>
internal static class PatternReader
{
    /// <summary>The pattern, ready to match.</summary>
    /// <exception cref="InvalidInputException">It is empty, or a regular expression that Bam cannot match faithfully.</exception>
    public static CodePointRegex Read(JsonField field)
    {
        field.RequireKeys("String", "Regex");
        if (TextOf(field, "String") is { } literal) return CodePointRegex.FromLiteral(literal);
        var regex = field["Regex"];
        var pattern = TextOf(field, "Regex") ?? throw field.Damaged("String or Regex");
        try
        {
            return CodePointRegex.FromPattern(pattern);
        }
        catch (NotSupportedException e)
        {
            throw regex.Unexpected("a regular expression that Bam can match as Oniguruma does", $"not supported: {e.Message}");
        }
    }

    /// <summary>The regular expression's text; null when the pattern is a literal.</summary>
    public static string? RegexOf(JsonField field) => TextOf(field, "Regex");

    private static string? TextOf(JsonField field, string key)
    {
        var text = field[key].TextOrNull();
        if (text is { Length: 0 }) throw field[key].Unexpected("a pattern", "an empty one splits nothing; remove it");
        return text;
    }
}
