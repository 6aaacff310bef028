using System.Buffers;
using System.Text;
using Bam.Files;

namespace Bam.Data.Text;

/// <summary>Reads documents from text files.</summary>
internal static class PlainText
{
    /// <summary>Reads a file as one document.</summary>
    /// <exception cref="InvalidInputException">It is not UTF-8 or too long.</exception>
    public static IEnumerable<TextDocument> ReadWhole(Stream stream, string file, int maxCharacters = StrictUtf8.MaxCharacters)
    {
        var bytes = ReadAll(stream, StrictUtf8.MaxBytes(maxCharacters)) ?? throw StrictUtf8.TooLong(file, maxCharacters);
        yield return TextDocument.Of(
            new(file, Line: 0), StrictUtf8.Decode(Utf8Bytes.WithoutMark(bytes.Span), file, maxCharacters), group: null);
    }

    /// <summary>Reads the documents between lines that consist of <paramref name="separator"/>.</summary>
    /// <exception cref="InvalidInputException">A document is not UTF-8 or too long.</exception>
    public static IEnumerable<TextDocument> ReadSections(
        Stream stream, string file, string separator, int maxCharacters = StrictUtf8.MaxCharacters)
    {
        var lines = new LineReader(stream, file, Array.MaxLength);
        var section = new ArrayBufferWriter<byte>();
        var origin = new DocumentOrigin(file, Line: 1);
        while (true)
        {
            if (!Collect(lines, separator, section, StrictUtf8.MaxBytes(maxCharacters), out var ended))
                throw StrictUtf8.TooLong($"{origin}", maxCharacters);
            yield return TextDocument.Of(origin, StrictUtf8.Decode(section.WrittenSpan, $"{origin}", maxCharacters), group: null);
            if (ended) yield break;
            section.ResetWrittenCount();
            origin = new(file, lines.LineNumber + 1);
        }
    }

    /// <summary>The bytes of a stream; null if there are more than <paramref name="maxBytes"/>.</summary>
    private static ReadOnlyMemory<byte>? ReadAll(Stream stream, long maxBytes)
    {
        if (stream.CanSeek)
        {
            if (stream.Length > maxBytes) return null;
            var whole = new byte[stream.Length];
            return whole.AsMemory(0, stream.ReadAtLeast(whole, whole.Length, throwOnEndOfStream: false));
        }

        // The length of compressed text is not known beforehand.
        var bytes = new ArrayBufferWriter<byte>(1 << 16);
        while (stream.Read(bytes.GetSpan()) is var count and > 0)
        {
            bytes.Advance(count);
            if (bytes.WrittenCount >= maxBytes) return null;
        }

        return bytes.WrittenMemory;
    }

    /// <summary>Appends lines up to the next separator or the end of the file.</summary>
    /// <returns>False if they exceed <paramref name="maxBytes"/>.</returns>
    private static bool Collect(
        LineReader lines, string separator, ArrayBufferWriter<byte> section, long maxBytes, out bool ended)
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

/// <summary>Decodes UTF-8 and rejects invalid bytes instead of replacing them.</summary>
internal static class StrictUtf8
{
    /// <summary>Limit for the UTF-16 units of a document: the maximum length of a string.</summary>
    public const int MaxCharacters = 0x3FFF_FFDF;

    public const string Hint = "convert it, for example with 'iconv -f latin1 -t utf-8'";

    private static readonly UTF8Encoding Encoding = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Decodes a document; <paramref name="origin"/> is its location in messages.</summary>
    /// <exception cref="InvalidInputException">The text is not UTF-8 or too long.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes, string origin, int maxCharacters = MaxCharacters)
    {
        try
        {
            if (bytes.Length > maxCharacters && Encoding.GetCharCount(bytes) > maxCharacters)
                throw TooLong(origin, maxCharacters);
            return Encoding.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidInputException(
                $"{origin}: expected UTF-8 text, found {Describe(bytes, Math.Max(0, e.Index))}; {HintFor(bytes)}", e);
        }
    }

    /// <summary>The hint for text that is not UTF-8; its first bytes reveal UTF-16 and files under a wrong name.</summary>
    public static string HintFor(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => "it begins as UTF-16 does: convert it with 'iconv -f utf-16 -t utf-8'",
        [0x50, 0x41, 0x52, 0x31, ..] => "it begins as Parquet does: name it .parquet",
        [0x1F, 0x8B, ..] => "it begins as gzip does: name it .txt.gz or .jsonl.gz",
        [0x28, 0xB5, 0x2F, 0xFD, ..] => "it begins as zstd does: name it .txt.zst or .jsonl.zst",
        [0x42, 0x5A, 0x68, ..] => "it begins as bzip2 does: decompress it",
        [0xFD, 0x37, 0x7A, 0x58, 0x5A, ..] => "it begins as xz does: decompress it",
        [0x50, 0x4B, 0x03, 0x04, ..] => "it begins as zip does: decompress it",
        _ => Hint,
    };

    /// <summary>
    /// The maximum size of a document of so many UTF-16 units: three bytes each, limited by the length of an array.
    /// </summary>
    public static long MaxBytes(int maxCharacters) => Math.Min(3L * maxCharacters, Array.MaxLength);

    /// <summary>The error for a longer document.</summary>
    public static InvalidInputException TooLong(string origin, int maxCharacters) =>
        new(origin, $"a document of at most {maxCharacters:N0} characters", "a longer one", "split the document");

    /// <summary>A byte that is not UTF-8, for messages.</summary>
    public static string Describe(ReadOnlySpan<byte> bytes, int at) => $"byte 0x{bytes[at]:X2} at offset {at}";
}
