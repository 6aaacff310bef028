using System.Buffers;
using Bam.Files;

namespace Bam.Data.Text;

/// <summary>Documents in text files.</summary>
internal static class PlainText
{
    /// <summary>The one document that a file is.</summary>
    /// <exception cref="InvalidInputException">It is not UTF-8 or too long.</exception>
    public static IEnumerable<TextDocument> ReadWhole(Stream stream, string file, int maxCharacters = StrictUtf8.MaxCharacters)
    {
        if (stream.Length > StrictUtf8.MaxBytes(maxCharacters)) throw StrictUtf8.TooLong(file, maxCharacters);
        var bytes = new byte[stream.Length];
        var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        yield return new(new(file, Line: 0), StrictUtf8.Decode(Utf8Bytes.WithoutMark(bytes.AsSpan(0, count)), file, maxCharacters), Group: null);
    }

    /// <summary>The documents between lines that hold nothing but <paramref name="separator"/>.</summary>
    /// <exception cref="InvalidInputException">One is not UTF-8 or too long.</exception>
    public static IEnumerable<TextDocument> ReadSections(Stream stream, string file, string separator, int maxCharacters = StrictUtf8.MaxCharacters)
    {
        var lines = new LineReader(stream, file, Array.MaxLength);
        var section = new ArrayBufferWriter<byte>();
        var origin = new DocumentOrigin(file, Line: 1);
        while (true)
        {
            if (!Collect(lines, separator, section, StrictUtf8.MaxBytes(maxCharacters), out var ended)) throw StrictUtf8.TooLong($"{origin}", maxCharacters);
            yield return new(origin, StrictUtf8.Decode(section.WrittenSpan, $"{origin}", maxCharacters), Group: null);
            if (ended) yield break;
            section.ResetWrittenCount();
            origin = new(file, lines.LineNumber + 1);
        }
    }

    /// <summary>Adds lines up to the next separator, or to the end of the file.</summary>
    /// <returns>False when they are more than <paramref name="maxBytes"/>.</returns>
    private static bool Collect(LineReader lines, string separator, ArrayBufferWriter<byte> section, long maxBytes, out bool ended)
    {
        ended = false;
        var separatorBytes = System.Text.Encoding.UTF8.GetBytes(separator.Trim()).AsSpan();
        while (lines.TryRead(out var line))
        {
            if (line.Trim(" \t\r\n"u8).SequenceEqual(separatorBytes)) return true;
            if (section.WrittenCount + (long)line.Length > maxBytes) return false;
            section.Write(line);
        }

        return ended = true;
    }
}
