namespace Bam.Tokenization.Decoders;

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
