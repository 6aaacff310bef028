namespace Bam.Experiments.Findings;

/// <summary>Perplexities in the middle of a training.</summary>
/// <param name="Tokens">The tokens trained on.</param>
/// <param name="Perplexity">By domain.</param>
internal sealed record HeldOutMoment(long Tokens, IReadOnlyDictionary<string, double> Perplexity);
