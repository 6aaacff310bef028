using System.Buffers;

namespace Bam.Data.Text;

/// <summary>Documents in text files.</summary>
internal static class PlainText
{
    /// <summary>The one document that a file is.</summary>
    public static IEnumerable<TextDocument> ReadWhole(Stream stream, string file)
    {
        if (stream.Length > Array.MaxLength)
            throw new InvalidInputException(file, $"a document of at most {Array.MaxLength} bytes", $"{stream.Length}", "cut it at its own sections (--section-separator)");
        var bytes = new byte[stream.Length];
        var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        yield return new(new(file, Line: 0), StrictUtf8.Decode(StrictUtf8.WithoutMark(bytes.AsSpan(0, count)), file), Group: null);
    }

    /// <summary>The documents between lines that hold nothing but <paramref name="separator"/>.</summary>
    public static IEnumerable<TextDocument> ReadSections(Stream stream, string file, string separator)
    {
        var lines = new LineReader(stream, file);
        var section = new ArrayBufferWriter<byte>();
        var origin = new DocumentOrigin(file, Line: 1);
        while (true)
        {
            var ended = !Collect(lines, separator, section);
            yield return new(origin, StrictUtf8.Decode(section.WrittenSpan, $"{origin}"), Group: null);
            if (ended) yield break;
            section.ResetWrittenCount();
            origin = new(file, lines.LineNumber + 1);
        }
    }

    /// <summary>Adds lines up to the next separator.</summary>
    /// <returns>False at the end of the file.</returns>
    private static bool Collect(LineReader lines, string separator, ArrayBufferWriter<byte> section)
    {
        var separatorBytes = System.Text.Encoding.UTF8.GetBytes(separator.Trim()).AsSpan();
        while (lines.TryRead(out var line))
        {
            if (line.Trim(" \t\r\n"u8).SequenceEqual(separatorBytes)) return true;
            section.Write(line);
        }

        return false;
    }
}
