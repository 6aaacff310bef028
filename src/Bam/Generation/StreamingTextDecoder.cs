using System.Text;
using Bam.Tokenization;
using Bam.Tokenization.Pipeline;

namespace Bam.Generation;

/// <summary>
/// Decodes token ids incrementally, with the same result as <see cref="Tokenizer.Decode"/>. Text is held back until it is final:
/// incomplete UTF-8 sequences (for Llama 2's byte tokens, the whole run) and possible beginnings of a stop string. Special tokens
/// have no text.
/// </summary>
internal sealed class StreamingTextDecoder
{
    private readonly Tokenizer tokenizer;
    private readonly IReadOnlyList<string> stopStrings;
    private readonly TextDecoding decoding;
    private readonly StringBuilder held = new();

    /// <summary>
    /// Starts an empty text. It ends before the first stop string, independent of token boundaries. After a prompt with text, a
    /// leading space is kept.
    /// </summary>
    /// <exception cref="InvalidInputException">A stop string is empty.</exception>
    public StreamingTextDecoder(Tokenizer tokenizer, IReadOnlyList<string> stopStrings, IReadOnlyList<int>? prompt = null)
    {
        if (stopStrings.Contains("")) throw new InvalidInputException("--stop", "text", "an empty string", "leave it out");
        (this.tokenizer, this.stopStrings) = (tokenizer, stopStrings);
        decoding = tokenizer.StartDecoding(continues: prompt is not null && prompt.Any(id => !tokenizer.IsSpecial(id)));
    }

    /// <summary>The stop string that ended the text, or null.</summary>
    public string? StoppedBy { get; private set; }

    /// <summary>Adds a token.</summary>
    /// <returns>The text that became final, often empty.</returns>
    /// <exception cref="InvalidOperationException">A stop string has ended the text.</exception>
    public string Append(int id)
    {
        if (StoppedBy is not null) throw new InvalidOperationException("a stop string has ended the text");
        if (!tokenizer.IsSpecial(id)) decoding.Append(tokenizer.IdToToken(id));
        return Certain(isLast: false);
    }

    /// <summary>Ends the text.</summary>
    /// <returns>The text held back; incomplete UTF-8 sequences become U+FFFD.</returns>
    public string Finish()
    {
        if (StoppedBy is not null) return "";
        decoding.Finish();
        return Certain(isLast: true);
    }

    private string Certain(bool isLast)
    {
        var text = held.Append(decoding.Take()).ToString();
        held.Clear();

        // A stop string discards the text that the decoder holds.
        if (stopStrings.Count > 0 && Stop(text + decoding.Held) is { } stopped) return stopped;
        if (isLast) return text;
        var certain = text.Length - LengthOfBeginning(text);
        held.Append(text, certain, text.Length - certain);
        return text[..certain];
    }

    // The text before the earliest stop string; null if there is none.
    private string? Stop(string text)
    {
        var end = int.MaxValue;
        foreach (var stop in stopStrings)
        {
            var place = text.IndexOf(stop, StringComparison.Ordinal);
            if (place < 0 || place >= end) continue;
            (end, StoppedBy) = (place, stop);
        }

        return StoppedBy is null ? null : text[..end];
    }

    // The length of the longest suffix of the text that is a prefix of a stop string.
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
