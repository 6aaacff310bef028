using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Pipeline;

/// <summary>A tokenizer's decoder. Immutable.</summary>
/// <param name="steps">The steps in order of application.</param>
/// <param name="bytesOf">The bytes of a token that represents bytes; null for other tokens.</param>
internal sealed class TokenDecoder(IReadOnlyList<DecodingStepFactory> steps, Func<string, byte[]?> bytesOf)
{
    /// <summary>Starts decoding a text. If it <paramref name="continues"/> another one, a leading space is kept.</summary>
    public TextDecoding Start(bool continues = false)
    {
        var text = new DecodedText();
        DecodingStep first = text;
        for (var i = steps.Count - 1; i >= 0; i--) first = steps[i](first, continues);
        return new TextDecoding(first, text);
    }

    /// <summary>The bytes of a token inside a text.</summary>
    public byte[] BytesOf(string token)
    {
        if (bytesOf(token) is { } bytes) return bytes;
        var decoding = Start(continues: true);
        decoding.Append(token);
        decoding.Finish();
        return Encoding.UTF8.GetBytes(decoding.Take());
    }
}

/// <summary>Creates a decoder step for one text, which may continue another one.</summary>
internal delegate DecodingStep DecodingStepFactory(DecodingStep next, bool continues);

/// <summary>The incremental decoding of one text.</summary>
internal sealed class TextDecoding(DecodingStep first, DecodedText text)
{
    /// <summary>The text that follows if the text ends here; it may change with the next token.</summary>
    public string Held => first.Held;

    public void Append(ReadOnlySpan<char> token) => first.Append(token);

    public void Finish() => first.Finish();

    /// <summary>The text that became final since the last call.</summary>
    public string Take() => text.Take();
}

/// <summary>
/// One step of the decoder for one text. It receives tokens one by one and passes its output on as soon as it is final.
/// </summary>
internal abstract class DecodingStep(DecodingStep? next)
{
    /// <summary>The text that follows if the text ends here; it may change with the next token.</summary>
    public virtual string Held => next?.Held ?? "";

    public abstract void Append(ReadOnlySpan<char> token);

    /// <summary>Ends the text and passes on the held text.</summary>
    public virtual void Finish() => next?.Finish();

    protected void Pass(ReadOnlySpan<char> token) => next!.Append(token);
}

/// <summary>The last step: collects the text.</summary>
internal sealed class DecodedText() : DecodingStep(next: null)
{
    private readonly StringBuilder text = new();

    public override void Append(ReadOnlySpan<char> token) => text.Append(token);

    /// <summary>Removes and returns the collected text.</summary>
    public string Take()
    {
        var taken = text.ToString();
        text.Clear();
        return taken;
    }
}

/// <summary>Decodes tokens in <see cref="ByteAlphabet"/> to bytes and these as UTF-8; invalid bytes become U+FFFD.</summary>
internal sealed class ByteLevelStep(DecodingStep next) : DecodingStep(next)
{
    private readonly Decoder utf8 = Encoding.UTF8.GetDecoder();

    public override void Append(ReadOnlySpan<char> token) => Decode(ByteAlphabet.BytesOf(token), isLast: false);

    public override void Finish()
    {
        Decode([], isLast: true);
        base.Finish();
    }

    private void Decode(ReadOnlySpan<byte> bytes, bool isLast)
    {
        const int OnStack = 256;
        var size = Encoding.UTF8.GetMaxCharCount(bytes.Length);
        var letters = size <= OnStack ? stackalloc char[OnStack] : new char[size];
        Pass(letters[..utf8.GetChars(bytes, letters, isLast)]);
    }
}

/// <summary>
/// Decodes runs of byte tokens as UTF-8. As in Hugging Face's tokenizers, an invalid run becomes one U+FFFD per byte, including
/// its valid parts; so the text of a run is final only at its end.
/// </summary>
internal sealed class ByteFallbackStep(DecodingStep next) : DecodingStep(next)
{
    private readonly List<byte> row = [];

    public override string Held => Text() + base.Held;

    public override void Append(ReadOnlySpan<char> token)
    {
        if (ByteToken.ValueOf(token) is var value and >= 0)
        {
            row.Add((byte)value);
            return;
        }

        EndRow();
        Pass(token);
    }

    public override void Finish()
    {
        EndRow();
        base.Finish();
    }

    private void EndRow()
    {
        if (row.Count == 0) return;
        if (Text() is { Length: > 0 } text)
        {
            Pass(text);
        }
        else
        {
            for (var i = 0; i < row.Count; i++) Pass("\uFFFD");
        }

        row.Clear();
    }

    // Empty for invalid UTF-8.
    private string Text()
    {
        var bytes = CollectionsMarshal.AsSpan(row);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : "";
    }
}

/// <summary>Replaces text inside every token, such as SentencePiece's ▁ by a space.</summary>
internal sealed class ReplaceStep(Replace replace, DecodingStep next) : DecodingStep(next)
{
    public override void Append(ReadOnlySpan<char> token) => Pass(replace.Normalize(token));
}

/// <summary>Replaces the Metaspace character by a space, or by nothing in the first token if encoding has prepended it.</summary>
/// <param name="replacement">The character that represents a space, usually ▁.</param>
/// <param name="atStart">True if the next token is the first one.</param>
/// <param name="next">The next step.</param>
internal sealed class MetaspaceStep(string replacement, bool atStart, DecodingStep next) : DecodingStep(next)
{
    private bool isFirst = atStart;

    public override void Append(ReadOnlySpan<char> token)
    {
        var space = isFirst ? "" : " ";
        isFirst = false;
        Pass(token.Contains(replacement, StringComparison.Ordinal)
            ? token.ToString().Replace(replacement, space, StringComparison.Ordinal)
            : token);
    }
}

/// <summary>
/// Strips a character from both ends of the text, at most <paramref name="start"/> times at the start and
/// <paramref name="stop"/> times at the end.
/// </summary>
internal sealed class StripStep(string content, int start, int stop, DecodingStep next) : DecodingStep(next)
{
    private int startLeft = start;
    private int waiting; // characters that are stripped if the text ends here

    public override void Append(ReadOnlySpan<char> token)
    {
        while (startLeft > 0 && token.StartsWith(content, StringComparison.Ordinal))
        {
            token = token[content.Length..];
            startLeft--;
        }

        if (token.IsEmpty) return;
        startLeft = 0;
        var inner = token;
        while (inner.EndsWith(content, StringComparison.Ordinal)) inner = inner[..^content.Length];
        if (!inner.IsEmpty)
        {
            Release(waiting);
            Pass(inner);
        }

        waiting += (token.Length - inner.Length) / content.Length;
        Release(waiting - stop);
    }

    private void Release(int count)
    {
        for (var i = 0; i < count; i++) Pass(content);
        waiting -= Math.Max(0, count);
    }
}
