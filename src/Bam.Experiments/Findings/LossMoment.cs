namespace Bam.Experiments.Findings;

/// <summary>The training loss over a part of the training.</summary>
/// <param name="Tokens">The tokens trained on at its end.</param>
/// <param name="CoreSeconds">The core-seconds spent at its end.</param>
/// <param name="Nll">The mean negative log-likelihood of the next token, in nats.</param>
internal sealed record LossMoment(long Tokens, double CoreSeconds, double Nll);
