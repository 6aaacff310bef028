namespace Bam.Data;

/// <summary>One side of the split.</summary>
/// <param name="Documents">Documents.</param>
/// <param name="Tokens">Tokens, with one end-of-text token per document.</param>
/// <param name="Utf8Bytes">Bytes of the text, without end-of-text tokens.</param>
/// <param name="Sha256">Of the <c>.bin</c> file.</param>
internal sealed record SplitReport(int Documents, long Tokens, long Utf8Bytes, string Sha256);
