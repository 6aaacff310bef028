namespace Bam.Tokenization.Models;

/// <summary>Two neighbouring tokens and the token that they become.</summary>
/// <param name="First">The id of the left one.</param>
/// <param name="Second">The id of the right one.</param>
/// <param name="Result">The id of the token whose text is both together.</param>
internal readonly record struct Merge(int First, int Second, int Result);
