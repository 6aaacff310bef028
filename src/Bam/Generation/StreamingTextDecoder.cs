using System.Text;
using Bam.Tokenization;

namespace Bam.Generation;

/// <summary>
/// Turns token ids into text as they come. What is not certain yet is held back: bytes until they are a whole UTF-8 sequence, and text
/// until it can no longer be the beginning of a stop string. Special tokens have no text.
/// </summary>
public sealed class StreamingTextDecoder
{
    private readonly Tokenizer tokenizer;
    private readonly IReadOnlyList<string> stopStrings;
    private readonly HashSet<int> specialIds;
    private readonly Decoder utf8 = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder held = new();

    /// <summary>Starts an empty text.</summary>
    /// <param name="tokenizer">Knows the tokens' bytes.</param>
    /// <param name="stopStrings">The text ends before the first of these, wherever token boundaries lie.</param>
    /// <exception cref="InvalidInputException">A stop string is empty.</exception>
    public StreamingTextDecoder(Tokenizer tokenizer, IReadOnlyList<string> stopStrings)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(stopStrings);
        if (stopStrings.Contains("")) throw new InvalidInputException("stop", "text", "an empty string", "leave it out");
        (this.tokenizer, this.stopStrings) = (tokenizer, stopStrings);
        specialIds = [.. tokenizer.AddedTokens.Where(token => token.Special).Select(token => token.Id)];
    }

    /// <summary>The stop string that ended the text; null while there is none.</summary>
    public string? StoppedBy { get; private set; }

    /// <summary>Adds a token.</summary>
    /// <returns>The text that has become certain with it, often empty.</returns>
    /// <exception cref="InvalidOperationException">A stop string has ended the text.</exception>
    public string Append(int id) => Append(specialIds.Contains(id) ? default : tokenizer.BytesOf(id), isLast: false);

    /// <summary>Ends the text.</summary>
    /// <returns>What was held back; bytes that never became whole are U+FFFD.</returns>
    public string Finish() => StoppedBy is null ? Append(default, isLast: true) : "";

    private string Append(ReadOnlySpan<byte> bytes, bool isLast)
    {
        if (StoppedBy is not null) throw new InvalidOperationException("a stop string has ended the text");
        var letters = new char[utf8.GetCharCount(bytes, isLast)];
        utf8.GetChars(bytes, letters, isLast);
        held.Append(letters);
        var text = held.ToString();
        held.Clear();

        // The earliest one; two at one place leave the same text.
        var end = int.MaxValue;
        foreach (var stop in stopStrings)
        {
            var place = text.IndexOf(stop, StringComparison.Ordinal);
            if (place < 0 || place >= end) continue;
            (end, StoppedBy) = (place, stop);
        }

        if (StoppedBy is not null) return text[..end];
        if (isLast) return text;
        var certain = text.Length - LengthOfBeginning(text);
        held.Append(text, certain, text.Length - certain);
        return text[..certain];
    }

    // The longest end of the text that a stop string begins with.
    private int LengthOfBeginning(string text)
    {
        var longest = stopStrings.Count == 0 ? 0 : Math.Min(text.Length, stopStrings.Max(stop => stop.Length) - 1);
        for (var length = longest; length > 0; length--)
        {
            if (stopStrings.Any(stop => stop.AsSpan().StartsWith(text.AsSpan(text.Length - length)))) return length;
        }

        return 0;
    }
}
