using Bam.Files;

namespace Bam.Data.Text;

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
