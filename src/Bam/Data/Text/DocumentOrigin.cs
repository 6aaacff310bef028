namespace Bam.Data.Text;

/// <summary>Where a document starts.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">The line, from 1; 0: the file is the document.</param>
internal readonly record struct DocumentOrigin(string File, long Line)
{
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}";
}
