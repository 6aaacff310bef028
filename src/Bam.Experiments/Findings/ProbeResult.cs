namespace Bam.Experiments.Findings;

/// <summary>How well a model predicts a probe's text.</summary>
/// <param name="Perplexity">Perplexity over non-overlapping windows; only compares between models, as probes become other tokens.</param>
/// <param name="BitsPerByte">Bits per UTF-8 byte, which compare between probes too.</param>
/// <param name="Tokens">The targets.</param>
internal sealed record ProbeResult(double Perplexity, double BitsPerByte, long Tokens);
