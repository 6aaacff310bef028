using System.Text;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Decoders;

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
