using System.Buffers;
using System.Text;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Models;

/// <summary>A token that is recognised in the text as it stands, before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">The text that it is recognised by.</param>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>It steers the model and is no text: left out when decoding without special tokens.</summary>
    public bool Special { get; init; }

    /// <summary>It is looked for after normalisation, in its own normalised form; otherwise before.</summary>
    public bool Normalized { get; init; }

    /// <summary>It is not recognised inside a word.</summary>
    public bool SingleWord { get; init; }

    /// <summary>It swallows the white space on its left.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>It swallows the white space on its right.</summary>
    public bool RightStrip { get; init; }
}

/// <summary>Cuts text at added tokens: leftmost first, the longest of those that start together.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly SearchValues<string> anywhere;
    private readonly Dictionary<char, (string Pattern, AddedToken Token)[]> byFirstLetter;

    /// <summary>Looks for each token by its pattern, which is the content or its normalised form and not empty.</summary>
    public AddedTokenMatcher(IReadOnlyCollection<(string Pattern, AddedToken Token)> tokens)
    {
        anywhere = SearchValues.Create([.. tokens.Select(t => t.Pattern)], StringComparison.Ordinal);
        byFirstLetter = tokens.GroupBy(t => t.Pattern[0])
            .ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Pattern.Length).ToArray());
    }

    /// <summary>Cuts the text; nothing is cut off an empty one.</summary>
    /// <param name="text">The text.</param>
    /// <param name="ordinary">Special tokens are taken for the text that they look like.</param>
    /// <param name="output">Receives the stretches in order: a token's id, or -1 for text. Empty stretches are left out.</param>
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
            if (start < end) output.Add((start, end, token.Id)); // else the token before it has swallowed it
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
