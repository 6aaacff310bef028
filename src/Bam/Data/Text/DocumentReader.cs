using Bam.Files;

namespace Bam.Data.Text;

/// <summary>How documents lie in files.</summary>
/// <param name="TextKey">The field of a JSONL line that holds the text.</param>
/// <param name="GroupKey">The field of a JSONL line that names the document of which the line is a slice; null: each line is a document.</param>
/// <param name="SectionSeparator">The line that separates the documents of a text file; null: a file is a document.</param>
/// <param name="SkipBadLines">How many lines of JSONL that cannot be read are passed over; with more, the text is refused.</param>
internal sealed record DocumentFormat(string TextKey, string? GroupKey = null, string? SectionSeparator = null, long SkipBadLines = 0);

/// <summary>One document as read.</summary>
/// <param name="Origin">Where it starts.</param>
/// <param name="Text">Its text; not only white space.</param>
/// <param name="Group">What else it belongs to: slices with the same group stay on the same side of the split. Null: only to itself.</param>
internal readonly record struct TextDocument(DocumentOrigin Origin, string Text, string? Group);

/// <summary>Where a document starts.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">The line, from 1; 0: the file is the document.</param>
internal readonly record struct DocumentOrigin(string File, long Line)
{
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}";
}

/// <summary>Reads the documents of files one after another, in order, holding one at a time.</summary>
/// <param name="files">The files.</param>
/// <param name="format">How documents lie in them.</param>
/// <param name="reporter">Told of bad lines that are passed over.</param>
internal sealed class DocumentReader(IReadOnlyList<string> files, DocumentFormat format, IReporter reporter)
{
    /// <summary>Bytes that are looked at to see whether text is JSONL.</summary>
    private const int LongestHead = 1 << 16;

    private readonly BadLines bad = new(format.SkipBadLines);

    /// <summary>Bytes of the files read so far, as they lie on the disk.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Documents passed over because they hold nothing but white space.</summary>
    public long EmptyDocuments { get; private set; }

    /// <summary>Lines of JSONL passed over because they cannot be read.</summary>
    public long BadLines => bad.Count;

    /// <summary>All documents that are not empty. Once there are too many bad lines, the rest is read to count them only.</summary>
    /// <exception cref="InvalidInputException">A file is missing, damaged or without text, or there are too many bad lines.</exception>
    public IEnumerable<TextDocument> Read()
    {
        try
        {
            foreach (var document in files.SelectMany(Read))
            {
                if (!bad.AreTooMany) yield return document;
            }

            if (bad.AreTooMany) throw bad.Refusal();
        }
        finally
        {
            if (!bad.AreTooMany) bad.Warn(reporter);
        }
    }

    private IEnumerable<TextDocument> Read(string file)
    {
        var (before, badBefore, any) = (BytesRead, bad.Count, false);
        using var stream = InputFile.OpenRead(file, "check the path");
        using var text = InputFiles.IsJsonLines(file) && InputFiles.IsCompressed(file) ? new GzipText(stream, file) : (Stream)stream;
        foreach (var document in Documents(file, text))
        {
            BytesRead = before + stream.Position;
            if (string.IsNullOrWhiteSpace(document.Text))
            {
                EmptyDocuments++;
                continue;
            }

            any = true;
            yield return document;
        }

        if (!any && bad.Count == badBefore)
            throw new InvalidInputException(file, "text", stream.Length == 0 ? "an empty file" : "only white space", "leave the file out or give another");
        BytesRead = before + stream.Length;
    }

    // JSONL under another name would be trained on with its braces and escapes.
    private void WarnOfJsonLines(string file, Stream text)
    {
        var head = new byte[Math.Min(LongestHead, text.Length)];
        var count = text.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        text.Position = 0;
        if (JsonLines.LooksLikeOne(head.AsSpan(0, count), format.TextKey))
            reporter.Warn($"{file}: is read as plain text, but begins with a JSON object that has a key '{format.TextKey}'; name it .jsonl if each of its lines is a document");
    }

    private IEnumerable<TextDocument> Documents(string file, Stream text)
    {
        if (InputFiles.IsJsonLines(file)) return JsonLines.Read(text, file, format, bad);
        if (InputFiles.IsCompressed(file))
            throw new InvalidInputException(file, "a text file (.txt), .jsonl or .jsonl.gz", "another kind of .gz", "decompress it");
        WarnOfJsonLines(file, text);
        return format.SectionSeparator is { } separator ? PlainText.ReadSections(text, file, separator) : PlainText.ReadWhole(text, file);
    }
}

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
