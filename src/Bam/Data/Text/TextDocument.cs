namespace Bam.Data.Text;

/// <summary>One document as read.</summary>
/// <param name="Origin">Where it starts.</param>
/// <param name="Text">Its text; not only white space.</param>
/// <param name="Group">What else it belongs to: slices with the same group stay on the same side of the split. Null: only to itself.</param>
internal readonly record struct TextDocument(DocumentOrigin Origin, string Text, string? Group);
