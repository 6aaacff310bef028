namespace Bam.Experiments.Findings;

/// <summary>One point of a loss curve.</summary>
/// <param name="X">Where the training is: the tokens seen, or the core-seconds spent.</param>
/// <param name="Loss">Mean negative log-likelihood of the next token, in nats.</param>
internal readonly record struct LossPoint(double X, double Loss);
