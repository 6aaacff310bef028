namespace Bam.Evaluation;

/// <summary>How well a model predicts one text.</summary>
/// <param name="TotalNll">The sum of the targets' negative log-likelihoods, in nats.</param>
/// <param name="Tokens">The targets.</param>
/// <param name="Bytes">The text's UTF-8 bytes; null when they are not known, or only a part of the text was read.</param>
internal sealed record PerplexityResult(double TotalNll, long Tokens, long? Bytes)
{
    /// <summary>Nats per token.</summary>
    public double Nll => TotalNll / Tokens;

    /// <summary>exp of the mean negative log-likelihood.</summary>
    public double Perplexity => Math.Exp(Nll);

    /// <summary>Bits per UTF-8 byte, which compares across tokenizers; null when the bytes are not known.</summary>
    public double? BitsPerByte => Bytes is { } bytes ? TotalNll / Math.Log(2) / bytes : null;

    /// <summary>The arithmetic mean of the perplexities of several texts.</summary>
    public static double Mean(IEnumerable<PerplexityResult> results) => results.Average(result => result.Perplexity);
}
