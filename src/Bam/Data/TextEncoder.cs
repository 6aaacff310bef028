namespace Bam.Data;

/// <summary>What building a corpus needs of a tokenizer.</summary>
/// <param name="Encode">Ids of a text, without special tokens around it; called from several threads at once.</param>
/// <param name="VocabularySize">All ids are below it.</param>
/// <param name="EndOfTextId">What each document ends with.</param>
/// <param name="Fingerprint">The tokenizer's identity.</param>
public sealed record TextEncoder(Func<string, int[]> Encode, int VocabularySize, int EndOfTextId, string Fingerprint);
