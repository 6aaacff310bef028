namespace Bam.Upcycling;

/// <summary>What a mixture was made of.</summary>
/// <param name="Method">The method's name; null where the record does not say.</param>
/// <param name="Models">What the models are called, the seed first.</param>
internal sealed record MixtureOrigin(string? Method, IReadOnlyList<string> Models);
