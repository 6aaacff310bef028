using Bam.Data.Text;

namespace Bam.Data.Building;

/// <summary>What stays in memory of a document that is no near-duplicate.</summary>
/// <param name="Origin">Where it starts.</param>
/// <param name="SplitHash">Where it stands in the order in which documents are held out; the same for slices of one document.</param>
/// <param name="TokenCount">Its tokens, with the end-of-text token.</param>
/// <param name="Utf8Bytes">The bytes of its text.</param>
internal readonly record struct KeptDocument(DocumentOrigin Origin, ulong SplitHash, int TokenCount, int Utf8Bytes);
