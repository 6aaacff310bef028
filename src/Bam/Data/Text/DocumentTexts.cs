namespace Bam.Data.Text;

/// <summary>The texts of files, for work that needs neither where they come from nor how they belong together.</summary>
internal static class DocumentTexts
{
    /// <summary>Reads the documents of files one after another, in order, holding one at a time; empty ones are passed over.</summary>
    /// <param name="files">Text files (one document each), .jsonl and .jsonl.gz; see <see cref="InputFiles.Resolve"/>.</param>
    /// <param name="reporter">Told of bad lines and empty documents that are passed over.</param>
    /// <param name="textKey">The field of a JSONL line that holds the text.</param>
    /// <param name="skipBadLines">How many lines of JSONL that cannot be read are passed over; with more, the text is refused.</param>
    /// <param name="bytesRead">Told with every document how many bytes of the files are read, as they lie on the disk.</param>
    /// <exception cref="InvalidInputException">A file is missing, damaged or without text, or there are too many bad lines.</exception>
    public static IEnumerable<string> Read(
        IReadOnlyList<string> files, IReporter reporter, string textKey = "text", long skipBadLines = 0, Action<long>? bytesRead = null)
    {
        ArgumentNullException.ThrowIfNull(reporter);
        return ReadAll(new DocumentReader(files, new DocumentFormat(textKey, SkipBadLines: skipBadLines), reporter), reporter, bytesRead);
    }

    private static IEnumerable<string> ReadAll(DocumentReader reader, IReporter reporter, Action<long>? bytesRead)
    {
        foreach (var document in reader.Read())
        {
            bytesRead?.Invoke(reader.BytesRead);
            yield return document.Text;
        }

        if (reader.EmptyDocuments > 0) reporter.Say($"passed over {Counted(reader.EmptyDocuments)} without text");
    }

    private static string Counted(long documents) => documents == 1 ? "1 document" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{documents:N0} documents");
}
