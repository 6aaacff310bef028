using System.Text;

namespace Bam.Tokenization.Decoders;

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
