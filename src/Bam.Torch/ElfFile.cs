using System.Buffers.Binary;
using System.Text;

namespace Bam.Torch;

/// <summary>Reads what a 64-bit little-endian ELF library needs, without loading it.</summary>
internal static class ElfFile
{
    private const int LoadSegment = 1;
    private const int DynamicSegment = 2;
    private const long NeededTag = 1;
    private const long StringTableTag = 5;

    /// <summary>Whether <paramref name="file"/> names <paramref name="library"/> among the libraries it needs; a file that is no ELF library needs none.</summary>
    internal static bool Needs(string file, string library)
    {
        try
        {
            return Needed(file).Contains(library);
        }
        catch (Exception e) when (e is EndOfStreamException or ArgumentOutOfRangeException or OverflowException)  // cut short, or of 32 bits
        {
            return false;
        }
    }

    private static List<string> Needed(string file)
    {
        using var stream = File.OpenRead(file);
        var header = Read(stream, 0, 64);
        if (!header.AsSpan().StartsWith("\u007fELF"u8)) return [];
        var programHeaders = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32));
        var entrySize = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(54));
        var entries = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
        var segments = new List<(int Type, long Offset, long Address, long Size)>();
        for (var i = 0; i < entries; i++)
        {
            var entry = Read(stream, programHeaders + (i * entrySize), entrySize).AsSpan();
            segments.Add((
                BinaryPrimitives.ReadInt32LittleEndian(entry),
                BinaryPrimitives.ReadInt64LittleEndian(entry[8..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[32..])));
        }

        var dynamic = segments.Find(segment => segment.Type == DynamicSegment);
        var table = Read(stream, dynamic.Offset, (int)dynamic.Size);
        var names = new List<long>();
        var strings = 0L;
        for (var at = 0; at + 16 <= table.Length; at += 16)
        {
            var tag = BinaryPrimitives.ReadInt64LittleEndian(table.AsSpan(at));
            var value = BinaryPrimitives.ReadInt64LittleEndian(table.AsSpan(at + 8));
            if (tag == NeededTag)
                names.Add(value);
            else if (tag == StringTableTag)
                strings = value;
        }

        // The table gives the strings' address in memory; the segment around it says where that is in the file.
        var home = segments.Find(segment =>
            segment.Type == LoadSegment && strings >= segment.Address && strings < segment.Address + segment.Size);
        return names.ConvertAll(name => ReadText(stream, strings - home.Address + home.Offset + name));
    }

    private static byte[] Read(FileStream stream, long offset, int count)
    {
        var bytes = new byte[count];
        stream.Position = offset;
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static string ReadText(FileStream stream, long offset)
    {
        stream.Position = offset;
        var text = new StringBuilder();
        for (var value = stream.ReadByte(); value > 0; value = stream.ReadByte())
            text.Append((char)value);
        return text.ToString();
    }
}
