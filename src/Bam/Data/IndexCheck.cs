using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Bam.Data;

/// <summary>Whether the three tables of an <c>.idx</c> file agree with each other.</summary>
internal static class IndexCheck
{
    private const string Hint = "the file is damaged: copy it again or rebuild it";
    private const int Chunk = 1 << 16;

    /// <summary>The tokens of all sequences, after checking that the sequences lie one after another and the documents cover them.</summary>
    /// <exception cref="InvalidInputException">They do not.</exception>
    public static long CountTokens(IndexHeader header, MappedFile idx, string path)
    {
        CheckDocuments(header, idx, path);
        long tokens = 0;
        var width = header.TokenType.Width();
        for (long first = 0; first < header.SequenceCount; first += Chunk)
        {
            var count = (int)Math.Min(Chunk, header.SequenceCount - first);
            var lengths = MemoryMarshal.Cast<byte, int>(idx.Bytes(IndexHeader.Size + (first * sizeof(int)), count * sizeof(int)));
            var pointers = idx.Bytes(header.PointersOffset + (first * sizeof(long)), count * sizeof(long));
            for (var i = 0; i < count; i++)
            {
                if (lengths[i] < 0)
                    throw new InvalidInputException($"{path}, sequence {first + i}", "a length of 0 or more", $"{lengths[i]}", Hint);
                var pointer = BinaryPrimitives.ReadInt64LittleEndian(pointers[(i * sizeof(long))..]);
                if (pointer != tokens * width)
                    throw new InvalidInputException($"{path}, sequence {first + i}", $"its place at byte {tokens * width}", $"{pointer}", Hint);
                tokens += lengths[i];
            }
        }

        return tokens;
    }

    private static void CheckDocuments(IndexHeader header, MappedFile idx, string path)
    {
        long previous = 0;
        for (long d = 0; d < header.DocumentEntries; d++)
        {
            var sequence = BinaryPrimitives.ReadInt64LittleEndian(idx.Bytes(header.DocumentsOffset + (d * sizeof(long)), sizeof(long)));
            if (sequence < previous || sequence > header.SequenceCount || (d == 0 && sequence != 0))
                throw new InvalidInputException($"{path}, document {d}", d == 0 ? "its start at sequence 0" : $"its start from sequence {previous} to {header.SequenceCount}", $"{sequence}", Hint);
            previous = sequence;
        }

        if (previous != header.SequenceCount)
            throw new InvalidInputException(path, $"documents that cover all {header.SequenceCount} sequences", $"{previous}", Hint);
    }
}
