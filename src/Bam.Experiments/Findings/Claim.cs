namespace Bam.Experiments.Findings;

/// <summary>A sentence that an experiment was to show.</summary>
/// <param name="Text">The sentence, as "bam beats the seed on law".</param>
/// <param name="Held">Whether the measurement agrees.</param>
/// <param name="Detail">The numbers behind the verdict, as "31.20 against 35.85".</param>
internal sealed record Claim(string Text, bool Held, string Detail);
