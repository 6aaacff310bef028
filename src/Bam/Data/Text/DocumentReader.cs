using Bam.Files;

namespace Bam.Data.Text;

/// <summary>Reads the documents of files one after another, in order, holding one at a time.</summary>
/// <param name="files">The files.</param>
/// <param name="format">How documents lie in them.</param>
internal sealed class DocumentReader(IReadOnlyList<string> files, DocumentFormat format)
{
    /// <summary>Bytes of the files read so far, as they lie on the disk.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Documents passed over because they hold nothing but white space.</summary>
    public long EmptyDocuments { get; private set; }

    /// <summary>All documents that are not empty.</summary>
    /// <exception cref="InvalidInputException">A file is missing, damaged or without text.</exception>
    public IEnumerable<TextDocument> Read()
    {
        foreach (var file in files)
        {
            var before = BytesRead;
            var any = false;
            using var stream = Open(file);
            foreach (var document in Documents(file, stream))
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

            if (!any)
                throw new InvalidInputException(file, "text", stream.Length == 0 ? "an empty file" : "only white space", "leave the file out or give another");
            BytesRead = before + stream.Length;
        }
    }

    private IEnumerable<TextDocument> Documents(string file, FileStream stream)
    {
        if (InputFiles.IsJsonLines(file)) return JsonLines.Read(InputFiles.IsCompressed(file) ? new GzipText(stream, file) : stream, file, format);
        if (InputFiles.IsCompressed(file))
            throw new InvalidInputException(file, "a text file (.txt), .jsonl or .jsonl.gz", "another kind of .gz", "decompress it");
        return format.SectionSeparator is { } separator ? PlainText.ReadSections(stream, file, separator) : PlainText.ReadWhole(stream, file);
    }

    private static FileStream Open(string file)
    {
        try
        {
            var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
            if (stream.CanSeek) return stream;
            stream.Dispose();
            throw new InvalidInputException(file, "a regular file", "a pipe", "write it to a file first");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.Unreadable(file, "check the path", e);
        }
    }
}
