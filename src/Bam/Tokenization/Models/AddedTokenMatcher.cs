using System.Buffers;
using System.Text;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Models;

/// <summary>A token that is matched in the text before the model is applied.</summary>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>A control token without text; decoding can skip it.</summary>
    public bool Special { get; init; }

    /// <summary>Matched after normalization, in its normalized form; otherwise before.</summary>
    public bool Normalized { get; init; }

    /// <summary>Not matched inside a word.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Strips white space on its left.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>Strips white space on its right.</summary>
    public bool RightStrip { get; init; }
}

/// <summary>Splits text at added tokens: leftmost match first, the longest one at the same position.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly SearchValues<string> anywhere;
    private readonly Dictionary<char, (string Pattern, AddedToken Token)[]> byFirstLetter;

    /// <summary>Searches each token by its pattern: the non-empty content or its normalized form.</summary>
    public AddedTokenMatcher(IReadOnlyCollection<(string Pattern, AddedToken Token)> tokens)
    {
        anywhere = SearchValues.Create([.. tokens.Select(t => t.Pattern)], StringComparison.Ordinal);
        byFirstLetter = tokens.GroupBy(t => t.Pattern[0])
            .ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Pattern.Length).ToArray());
    }

    /// <summary>
    /// Splits the text into <paramref name="output"/>: token ids, or -1 for text; no empty ranges. If
    /// <paramref name="ordinary"/>, special tokens are ordinary text.
    /// </summary>
    public void Cut(ReadOnlySpan<char> text, bool ordinary, List<(int Start, int End, int Id)> output)
    {
        var done = 0; // everything before it is in the output
        for (var position = 0; text[position..].IndexOfAny(anywhere) is var found and >= 0;)
        {
            position += found;
            var (pattern, token) = Longest(text[position..]);
            var (start, end) = (position, position + pattern.Length);
            position = end;
            if (ordinary && token.Special) continue;
            if (token.SingleWord && (EndsInWord(text[..start]) || BeginsWithWord(text[end..]))) continue;
            if (token.LeftStrip) start = Math.Max(done, text[..start].TrimEnd().Length);
            if (token.RightStrip) end = text.Length - text[end..].TrimStart().Length;
            if (done < start) output.Add((done, start, -1));
            if (start < end) output.Add((start, end, token.Id)); // else the previous token has stripped it
            done = end;
        }

        if (done < text.Length) output.Add((done, text.Length, -1));
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out var rune, out _) == OperationStatus.Done && CharacterClasses.IsWord(rune);

    private static bool BeginsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out var rune, out _) == OperationStatus.Done && CharacterClasses.IsWord(rune);

    private (string Pattern, AddedToken Token) Longest(ReadOnlySpan<char> text)
    {
        foreach (var candidate in byFirstLetter[text[0]])
        {
            if (text.StartsWith(candidate.Pattern, StringComparison.Ordinal)) return candidate;
        }

        throw new InvalidOperationException("the search found a token that no token matches");
    }
}
