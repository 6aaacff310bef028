namespace Bam.Tokenization.PreTokenizers;

/// <summary>A stretch of the text, in UTF-16 units.</summary>
internal readonly record struct Piece(int Start, int Length);
