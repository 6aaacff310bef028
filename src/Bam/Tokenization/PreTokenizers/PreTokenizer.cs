namespace Bam.Tokenization.PreTokenizers;

/// <summary>One step of cutting a text into the pieces that byte-pair encoding never merges across.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Cuts every piece further.</summary>
    public abstract void Apply(ref PreTokenization state);
}
