namespace Bam.Experiments.Reporting;

/// <summary>One point of a loss curve.</summary>
/// <param name="Tokens">Training tokens seen so far.</param>
/// <param name="Loss">Mean negative log-likelihood of the next token, in nats.</param>
internal readonly record struct LossPoint(double Tokens, double Loss);
