namespace Bam.Tokenization.Training;

/// <summary>How far training has come.</summary>
/// <param name="Characters">UTF-16 units of text whose words are counted.</param>
/// <param name="Tokens">The size of the vocabulary so far; 0 while words are counted.</param>
/// <param name="VocabSize">The size of the vocabulary wanted.</param>
internal sealed record BpeTrainerProgress(long Characters, int Tokens, int VocabSize);
