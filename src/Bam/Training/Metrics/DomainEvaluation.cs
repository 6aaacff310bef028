namespace Bam.Training.Metrics;

/// <summary>How well a model predicts one domain's held-out text.</summary>
/// <param name="Perplexity">exp of <paramref name="Nll"/>.</param>
/// <param name="Nll">The mean negative log-likelihood of a token, in nats.</param>
/// <param name="BitsPerByte">Bits per UTF-8 byte of the text; null when only a part of the text was read.</param>
/// <param name="Tokens">The targets.</param>
public sealed record DomainEvaluation(double Perplexity, double Nll, double? BitsPerByte, long Tokens);
