using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Bam.Files;

/// <summary>What bytes are before they are decoded as UTF-8.</summary>
internal static class Utf8Bytes
{
    /// <summary>The bytes after a byte-order mark, if there is one.</summary>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) => bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;

    /// <summary>The place of the first byte that is not UTF-8; -1 when all are.</summary>
    public static int IndexOfInvalid(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes)) return -1;
        var at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out var length) == OperationStatus.Done) at += length;
        return at;
    }
}
