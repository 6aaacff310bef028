using System.Buffers.Binary;
using System.Numerics;

namespace Bam.Training.Metrics;

/// <summary>
/// TensorFlow's record framing: the length as uint64, its masked CRC-32C, the bytes, their masked CRC-32C; all little-endian
/// (tensorflow/core/lib/io/record_writer.h).
/// </summary>
internal static class RecordWriter
{
    private const uint MaskDelta = 0xA282EAD8;

    /// <summary>Appends one record.</summary>
    public static void Write(Stream stream, ReadOnlySpan<byte> record)
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)record.Length);
        stream.Write(length);
        WriteChecksum(stream, length);
        stream.Write(record);
        WriteChecksum(stream, record);
    }

    /// <summary>CRC-32C (Castagnoli), rotated and offset, so that a checksum of data that holds checksums stays strong.</summary>
    public static uint MaskedCrc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }

    private static void WriteChecksum(Stream stream, ReadOnlySpan<byte> bytes)
    {
        Span<byte> checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedCrc32C(bytes));
        stream.Write(checksum);
    }
}
