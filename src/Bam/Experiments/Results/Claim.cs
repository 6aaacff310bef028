namespace Bam.Experiments.Results;

/// <summary>A statement that a run was to show.</summary>
/// <param name="Text">"law beats the seed on law".</param>
/// <param name="Held">Whether it did.</param>
/// <param name="Detail">The two figures: "12.3 against 18.9 (-34.9 %)".</param>
public sealed record Claim(string Text, bool Held, string Detail);
