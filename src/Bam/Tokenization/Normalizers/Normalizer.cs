namespace Bam.Tokenization.Normalizers;

/// <summary>Rewrites text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    /// <summary>
    /// The first letter of the result comes from the first letter of the text. Where it does not, Hugging Face's tokenizers take
    /// what follows for the middle of a text.
    /// </summary>
    public virtual bool KeepsStart => true;

    /// <summary>The rewritten text, or <paramref name="text"/> itself when nothing changes.</summary>
    public abstract ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text);
}
