using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Bam.Tests.Data.Text;

/// <summary>Builds gzip files.</summary>
internal static class GzipMember
{
    /// <summary>A member with a header of 10 bytes.</summary>
    public static byte[] Of(string text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return compressed.ToArray();
    }

    /// <summary>A member with all optional header fields.</summary>
    public static byte[] WithAllFields(string text)
    {
        byte[] header = [0x1F, 0x8B, 8, 0b11110, 0, 0, 0, 0, 0, 3, 3, 0, 1, 2, 3, .. "name\0"u8, .. "comment\0"u8];
        var checksum = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(checksum, (ushort)Crc32(header));
        return [.. header, .. checksum, .. Of(text)[10..]];
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB8_8320 & (0 - (crc & 1)));
        }

        return ~crc;
    }
}
