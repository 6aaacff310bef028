namespace Bam.Tokenization.Normalizers;

/// <summary>Several normalizers, one after the other.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<Normalizer> steps) : Normalizer
{
    /// <summary>The normalizers.</summary>
    public IReadOnlyList<Normalizer> Steps => steps;

    /// <inheritdoc/>
    public override bool KeepsStart => steps.All(step => step.KeepsStart);

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        foreach (var step in steps) text = step.Normalize(text);
        return text;
    }
}
