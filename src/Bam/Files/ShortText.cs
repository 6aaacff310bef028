namespace Bam.Files;

/// <summary>Texts of files as messages quote them: their beginning, where they are long.</summary>
internal static class ShortText
{
    private const int Usual = 60;

    /// <summary>The text, or its beginning and an ellipsis; no surrogate pair is cut.</summary>
    /// <param name="text">A text of whatever length.</param>
    /// <param name="most">The most UTF-16 units that are kept.</param>
    public static string Of(string text, int most = Usual)
    {
        if (text.Length <= most) return text;
        return $"{text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)]}…";
    }
}
