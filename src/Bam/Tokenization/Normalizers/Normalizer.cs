namespace Bam.Tokenization.Normalizers;

/// <summary>Rewrites text before it is cut into pieces.</summary>
internal abstract class Normalizer
{
    /// <summary>The rewritten text, or <paramref name="text"/> itself when nothing changes.</summary>
    public abstract ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text);
}
