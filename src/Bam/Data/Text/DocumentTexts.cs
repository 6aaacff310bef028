namespace Bam.Data.Text;

/// <summary>The texts of files, for work that needs neither where they come from nor how they belong together.</summary>
public static class DocumentTexts
{
    /// <summary>Reads the documents of files one after another, in order, holding one at a time; empty ones are passed over.</summary>
    /// <param name="files">Text files (one document each), .jsonl and .jsonl.gz; see <see cref="InputFiles.Resolve"/>.</param>
    /// <param name="textKey">The field of a JSONL line that holds the text.</param>
    /// <param name="bytesRead">Told with every document how many bytes of the files are read, as they lie on the disk.</param>
    /// <exception cref="InvalidInputException">A file is missing, damaged or without text.</exception>
    public static IEnumerable<string> Read(IReadOnlyList<string> files, string textKey = "text", Action<long>? bytesRead = null)
    {
        var reader = new DocumentReader(files, new DocumentFormat(textKey, GroupKey: null, SectionSeparator: null));
        foreach (var document in reader.Read())
        {
            bytesRead?.Invoke(reader.BytesRead);
            yield return document.Text;
        }
    }
}
