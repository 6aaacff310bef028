using System.Text;
using Bam.Tokenization;
using Bam.Tokenization.Pipeline;

namespace Bam.Generation;

/// <summary>
/// Turns token ids into text as they come: the same as <see cref="Tokenizer.Decode"/> of all of them. What is not certain yet is held
/// back: bytes until they are a whole UTF-8 sequence (a row of byte tokens, as Llama 2 has them, until it ends), and text until it can
/// no longer be the beginning of a stop string. Special tokens have no text.
/// </summary>
internal sealed class StreamingTextDecoder
{
    private readonly Tokenizer tokenizer;
    private readonly IReadOnlyList<string> stopStrings;
    private readonly TextDecoding decoding;
    private readonly StringBuilder held = new();

    /// <summary>Starts an empty text.</summary>
    /// <param name="tokenizer">Decodes.</param>
    /// <param name="stopStrings">The text ends before the first of these, wherever token boundaries lie.</param>
    /// <param name="prompt">Ids that the text goes on from; where they are text, a space that it begins with stays.</param>
    /// <exception cref="InvalidInputException">A stop string is empty.</exception>
    public StreamingTextDecoder(Tokenizer tokenizer, IReadOnlyList<string> stopStrings, IReadOnlyList<int>? prompt = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(stopStrings);
        if (stopStrings.Contains("")) throw new InvalidInputException("--stop", "text", "an empty string", "leave it out");
        (this.tokenizer, this.stopStrings) = (tokenizer, stopStrings);
        decoding = tokenizer.StartDecoding(continues: prompt is not null && prompt.Any(id => !tokenizer.IsSpecial(id)));
    }

    /// <summary>The stop string that ended the text; null while there is none.</summary>
    public string? StoppedBy { get; private set; }

    /// <summary>Adds a token.</summary>
    /// <returns>The text that has become certain with it, often empty.</returns>
    /// <exception cref="InvalidOperationException">A stop string has ended the text.</exception>
    public string Append(int id)
    {
        if (StoppedBy is not null) throw new InvalidOperationException("a stop string has ended the text");
        if (!tokenizer.IsSpecial(id)) decoding.Append(tokenizer.IdToToken(id));
        return Certain(isLast: false);
    }

    /// <summary>Ends the text.</summary>
    /// <returns>What was held back; bytes that never became whole are U+FFFD.</returns>
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

        // A stop string ends the text here, and with it what the decoder holds.
        if (stopStrings.Count > 0 && Stop(text + decoding.Held) is { } stopped) return stopped;
        if (isLast) return text;
        var certain = text.Length - LengthOfBeginning(text);
        held.Append(text, certain, text.Length - certain);
        return text[..certain];
    }

    // The text before the earliest stop string, null without one; two at one place leave the same text.
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
