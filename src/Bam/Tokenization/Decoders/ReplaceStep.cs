using Bam.Tokenization.Normalizers;

namespace Bam.Tokenization.Decoders;

/// <summary>Replaces inside every token: SentencePiece's ▁ becomes a space.</summary>
internal sealed class ReplaceStep(Replace replace, DecodingStep next) : DecodingStep(next)
{
    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token) => Pass(replace.Normalize(token));
}
