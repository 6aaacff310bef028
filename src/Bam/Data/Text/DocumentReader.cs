using Bam.Files;
using Bam.Tokenization.Chat;

namespace Bam.Data.Text;

/// <summary>The layout of documents in files.</summary>
/// <param name="TextKey">The field of a JSONL line, or Parquet's column, that holds the text.</param>
/// <param name="GroupKey">
/// The field or column that names the document of which a line or row is a slice; null if each is a document.
/// </param>
/// <param name="SectionSeparator">The line that separates the documents of a text file; null if a file is a document.</param>
/// <param name="SkipBadLines">Maximum number of invalid JSONL lines and Parquet rows to skip; more are an error.</param>
/// <param name="IsChat">
/// Each JSONL line is a conversation, under <paramref name="TextKey"/> unless that is the default.
/// </param>
internal sealed record DocumentFormat(
    string TextKey, string? GroupKey = null, string? SectionSeparator = null, long SkipBadLines = 0, bool IsChat = false)
{
    internal const string DefaultTextKey = "text";
}

/// <summary>
/// One document. <paramref name="Group"/> is the document of which it is a slice, or null; slices of a document stay in the same
/// split. Of a <paramref name="Conversation"/> the text is what its messages say. The
/// <paramref name="Characters"/> may be rented.
/// </summary>
internal readonly record struct TextDocument(
    DocumentOrigin Origin, ReadOnlyMemory<char> Characters, string? Group, Conversation? Conversation = null)
{
    /// <summary>The memory of texts that are not strings.</summary>
    public static RentedMemory<char> Memory { get; } = new(maxLength: 1 << 22, count: 1);

    public string Text => Characters.ToString();

    /// <summary>The document of a JSONL line or a Parquet row; null text is empty.</summary>
    public static TextDocument Of(DocumentOrigin origin, string? text, string? group) => new(origin, text.AsMemory(), group);

    /// <summary>Its text; the document must not be used any more.</summary>
    public string TakeText()
    {
        var text = Text;
        Release();
        return text;
    }

    /// <summary>Gives rented memory back; the document must not be used any more.</summary>
    public void Release() => Memory.Return(Characters);
}

/// <summary>
/// The location of a document; the line, or Parquet's row, counts from 1 and is 0 if the file is the document.
/// </summary>
internal readonly record struct DocumentOrigin(string File, long Line)
{
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}";
}

/// <summary>Streams the documents of files in order.</summary>
internal sealed class DocumentReader(IReadOnlyList<string> files, DocumentFormat format, IReporter reporter)
{
    /// <summary>Number of bytes inspected to detect JSONL.</summary>
    private const int HeadLength = 1 << 16;

    private readonly BadLines bad = new(format.SkipBadLines);

    /// <summary>Bytes of the files read so far, compressed.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Documents skipped because they are blank.</summary>
    public long EmptyDocuments { get; private set; }

    /// <summary>Invalid JSONL lines and Parquet rows that were skipped.</summary>
    public long BadLines => bad.Count;

    /// <summary>The non-empty documents. After too many bad lines, the rest is read only to count them.</summary>
    /// <exception cref="InvalidInputException">A file is missing, invalid or blank, or there are too many bad lines.</exception>
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
        var kind = TextFileKind.Of(file) ?? throw new InvalidInputException(
            file, "a compressed .txt, .jsonl or .ndjson", $"another kind of {Path.GetExtension(file)}", "decompress it");
        using var stream = InputFile.OpenRead(file, "check the path");
        using var text = CompressedText.Open(stream, file, kind.Compression);
        foreach (var document in Documents(file, kind, text))
        {
            BytesRead = before + stream.Position;
            if (document.Characters.Span.IsWhiteSpace())
            {
                document.Release();
                EmptyDocuments++;
                continue;
            }

            any = true;
            yield return document;
        }

        if (!any && bad.Count == badBefore)
            throw new InvalidInputException(
                file, "text", stream.Length == 0 ? "an empty file" : "only white space", "leave the file out or give another");
        BytesRead = before + stream.Length;
    }

    private IEnumerable<TextDocument> Documents(string file, TextFileKind kind, Stream text)
    {
        if (kind.Layout == TextLayout.JsonLines) return JsonLines.Read(text, file, format, bad);
        if (format.IsChat)
            throw new InvalidInputException(
                file, "conversations, one in each line of a .jsonl file", "another kind of file", "leave it out");
        if (kind.Layout == TextLayout.Parquet) return ParquetText.Read(text, file, format, bad);
        WarnOfJsonLines(file, kind);
        return format.SectionSeparator is { } separator
            ? PlainText.ReadSections(text, file, separator)
            : PlainText.ReadWhole(text, file);
    }

    // JSONL under another name would be read as text, with its braces and escapes.
    private void WarnOfJsonLines(string file, TextFileKind kind)
    {
        using var text = CompressedText.Open(InputFile.OpenRead(file, "check the path"), file, kind.Compression);
        var head = new byte[HeadLength];
        var count = text.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (JsonLines.LooksLikeOne(head.AsSpan(0, count), format.TextKey))
            reporter.Warn(
                $"{file}: is read as plain text, but begins with a JSON object that has a key '{format.TextKey}'; name it .jsonl "
                    + "if each of its lines is a document");
    }
}

/// <summary>Streams the texts of files without their locations and groups.</summary>
internal static class DocumentTexts
{
    /// <summary>
    /// Streams the texts of files (see <see cref="InputFiles.Resolve"/>) and skips empty ones. <paramref name="bytesRead"/>
    /// receives the bytes read so far, compressed, with every document.
    /// </summary>
    /// <exception cref="InvalidInputException">A file is missing, invalid or blank, or there are too many bad lines.</exception>
    public static IEnumerable<string> Read(
        IReadOnlyList<string> files, IReporter reporter, string textKey = "text", long skipBadLines = 0,
        Action<long>? bytesRead = null)
    {
        return ReadAll(
            new DocumentReader(files, new DocumentFormat(textKey, SkipBadLines: skipBadLines), reporter), reporter, bytesRead);
    }

    private static IEnumerable<string> ReadAll(DocumentReader reader, IReporter reporter, Action<long>? bytesRead)
    {
        foreach (var document in reader.Read())
        {
            bytesRead?.Invoke(reader.BytesRead);
            yield return document.TakeText();
        }

        if (reader.EmptyDocuments > 0) reporter.Say($"passed over {Counted(reader.EmptyDocuments)} without text");
    }

    private static string Counted(long documents) =>
        documents == 1
            ? "1 document"
            : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{documents:N0} documents");
}
