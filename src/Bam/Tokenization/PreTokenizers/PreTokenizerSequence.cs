namespace Bam.Tokenization.PreTokenizers;

/// <summary>Several pre-tokenizers, one after the other.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    /// <inheritdoc/>
    public override void Apply(ref PreTokenization state)
    {
        foreach (var step in steps) step.Apply(ref state);
    }
}
