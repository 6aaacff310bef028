namespace Bam.Data;

/// <summary>A document that was left out because of another.</summary>
/// <param name="Document">Where it starts: a file, or a file and a line.</param>
/// <param name="Because">The document that stayed.</param>
/// <param name="Share">For a near-duplicate the estimated similarity, else the part of its shingles that are in the other, too.</param>
internal sealed record DroppedDocument(string Document, string Because, double Share);
