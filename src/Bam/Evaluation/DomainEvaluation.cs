using System.Text.Json.Serialization;

namespace Bam.Evaluation;

/// <summary>How well a model predicts one domain's held-out text.</summary>
/// <param name="Perplexity">exp of <paramref name="Nll"/>; infinite from 710 nats on, in JSON "Infinity".</param>
/// <param name="Nll">The mean negative log-likelihood of a token, in nats.</param>
/// <param name="BitsPerByte">Bits per UTF-8 byte of the text; null when the bytes are not known, or only a part of the text was read.</param>
/// <param name="Tokens">The targets.</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
internal sealed record DomainEvaluation(double Perplexity, double Nll, double? BitsPerByte, long Tokens);
