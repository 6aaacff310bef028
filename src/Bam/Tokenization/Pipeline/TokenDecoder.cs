using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Pipeline;

/// <summary>A tokenizer's decoder: the steps that every text goes through. Immutable.</summary>
/// <param name="steps">In the order in which a token meets them.</param>
/// <param name="bytesOf">The bytes of a token that stands for bytes rather than for letters; null for any other.</param>
internal sealed class TokenDecoder(IReadOnlyList<DecodingStepFactory> steps, Func<string, byte[]?> bytesOf)
{
    /// <summary>Begins a text.</summary>
    /// <param name="continues">It is the rest of a longer one, so that a space at its beginning stays.</param>
    public TextDecoding Start(bool continues = false)
    {
        var text = new DecodedText();
        DecodingStep first = text;
        for (var i = steps.Count - 1; i >= 0; i--) first = steps[i](first, continues);
        return new TextDecoding(first, text);
    }

    /// <summary>What a token stands for inside a text.</summary>
    public byte[] BytesOf(string token)
    {
        if (bytesOf(token) is { } bytes) return bytes;
        var decoding = Start(continues: true);
        decoding.Append(token);
        decoding.Finish();
        return Encoding.UTF8.GetBytes(decoding.Take());
    }
}

/// <summary>Begins a decoder's step for one text.</summary>
/// <param name="next">Takes what the step hands on.</param>
/// <param name="continues">The text is the rest of a longer one: its first token is not the text's first.</param>
internal delegate DecodingStep DecodingStepFactory(DecodingStep next, bool continues);

/// <summary>One text on its way through a <see cref="TokenDecoder"/>.</summary>
internal sealed class TextDecoding(DecodingStep first, DecodedText text)
{
    /// <summary>Text that follows if the text ends here, and may turn out to be another if it does not.</summary>
    public string Held => first.Held;

    /// <summary>Adds a token.</summary>
    public void Append(ReadOnlySpan<char> token) => first.Append(token);

    /// <summary>Ends the text.</summary>
    public void Finish() => first.Finish();

    /// <summary>The text that has become certain since the last time.</summary>
    public string Take() => text.Take();
}

/// <summary>
/// One step on the way from tokens to text, of one text: it is given tokens one by one and hands on what it makes of them, as
/// soon as that is certain.
/// </summary>
/// <param name="next">Takes what this step hands on; null for the last step.</param>
internal abstract class DecodingStep(DecodingStep? next)
{
    /// <summary>Text that is handed on if the text ends here, and may turn out to be another if it does not.</summary>
    public virtual string Held => next?.Held ?? "";

    /// <summary>Takes a token.</summary>
    public abstract void Append(ReadOnlySpan<char> token);

    /// <summary>Ends the text: hands on whatever is held.</summary>
    public virtual void Finish() => next?.Finish();

    /// <summary>Hands a token on.</summary>
    protected void Pass(ReadOnlySpan<char> token) => next!.Append(token);
}

/// <summary>The last step: keeps the text until it is taken.</summary>
internal sealed class DecodedText() : DecodingStep(next: null)
{
    private readonly StringBuilder text = new();

    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token) => text.Append(token);

    /// <summary>What has come since the last time.</summary>
    public string Take()
    {
        var taken = text.ToString();
        text.Clear();
        return taken;
    }
}

/// <summary>Tokens of <see cref="ByteAlphabet"/>: their bytes are UTF-8 together; what is none becomes U+FFFD.</summary>
internal sealed class ByteLevelStep(DecodingStep next) : DecodingStep(next)
{
    private readonly Decoder utf8 = Encoding.UTF8.GetDecoder();

    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token) => Decode(ByteAlphabet.BytesOf(token), isLast: false);

    /// <inheritdoc/>
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
/// Byte tokens in a row are UTF-8 together. As with Hugging Face, a row that is not becomes U+FFFD for every byte of it, also for
/// those that would make a letter; so nothing of a row is certain before it ends.
/// </summary>
internal sealed class ByteFallbackStep(DecodingStep next) : DecodingStep(next)
{
    private readonly List<byte> row = [];

    /// <inheritdoc/>
    public override string Held => Text() + base.Held;

    /// <inheritdoc/>
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

    /// <inheritdoc/>
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

    // Empty for bytes that are no text.
    private string Text()
    {
        var bytes = CollectionsMarshal.AsSpan(row);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : "";
    }
}

/// <summary>Replaces inside every token: SentencePiece's ▁ becomes a space.</summary>
internal sealed class ReplaceStep(Replace replace, DecodingStep next) : DecodingStep(next)
{
    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token) => Pass(replace.Normalize(token));
}

/// <summary>The replacement becomes a space; the first token loses it where encoding has put one there.</summary>
/// <param name="replacement">What stands for a space in tokens, mostly ▁.</param>
/// <param name="atStart">The next token is the first one and loses its replacements.</param>
/// <param name="next">Takes the tokens.</param>
internal sealed class MetaspaceStep(string replacement, bool atStart, DecodingStep next) : DecodingStep(next)
{
    private bool isFirst = atStart;

    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token)
    {
        var space = isFirst ? "" : " ";
        isFirst = false;
        Pass(token.Contains(replacement, StringComparison.Ordinal)
            ? token.ToString().Replace(replacement, space, StringComparison.Ordinal)
            : token);
    }
}

/// <summary>Takes letters of one kind off the two ends of the text.</summary>
/// <param name="content">The letter.</param>
/// <param name="start">How many go at most at the beginning.</param>
/// <param name="stop">How many go at most at the end.</param>
/// <param name="next">Takes the text.</param>
internal sealed class StripStep(string content, int start, int stop, DecodingStep next) : DecodingStep(next)
{
    private int startLeft = start;
    private int waiting; // letters that go if the text ends here

    /// <inheritdoc/>
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
