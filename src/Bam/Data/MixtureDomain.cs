namespace Bam.Data;

/// <summary>One domain of a training mixture.</summary>
/// <param name="Name">The domain's name.</param>
/// <param name="Tokens">Its training text.</param>
/// <param name="Weight">Its share of the windows, relative to the other domains'; more than 0.</param>
/// <param name="BeginOfWindow">The token that each window begins with, before its text; null for none.</param>
internal sealed record MixtureDomain(string Name, IndexedDataset Tokens, double Weight, int? BeginOfWindow = null);
