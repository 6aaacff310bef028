using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Bam.Data;

/// <summary>
/// The header of an <c>.idx</c> file, MMIDIDX version 1 (Megatron-LM, <c>megatron/core/datasets/indexed_dataset.py</c>). It is
/// followed by the sequence lengths in tokens (int32), their byte offsets in the <c>.bin</c> file (int64) and the first sequence
/// of each document, terminated by the number of sequences (int64). Little-endian.
/// </summary>
/// <param name="TokenType">How ids are stored.</param>
/// <param name="SequenceCount">Number of sequences.</param>
/// <param name="DocumentEntries">Number of documents plus one.</param>
internal readonly record struct IndexHeader(TokenType TokenType, long SequenceCount, long DocumentEntries)
{
    public const int Size = 34;

    private const long Version = 1;

    private static ReadOnlySpan<byte> Magic => "MMIDIDX\0\0"u8;

    /// <summary>Offset of the sequence offsets.</summary>
    public long PointersOffset => Size + (sizeof(int) * SequenceCount);

    /// <summary>Offset of the documents' first sequences.</summary>
    public long DocumentsOffset => PointersOffset + (sizeof(long) * SequenceCount);

    public long FileLength => DocumentsOffset + (sizeof(long) * DocumentEntries);

    public void Write(Span<byte> destination)
    {
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteInt64LittleEndian(destination[9..], Version);
        destination[17] = (byte)TokenType;
        BinaryPrimitives.WriteInt64LittleEndian(destination[18..], SequenceCount);
        BinaryPrimitives.WriteInt64LittleEndian(destination[26..], DocumentEntries);
    }

    /// <summary>Reads and checks the header of a file of <paramref name="fileLength"/> bytes.</summary>
    /// <exception cref="InvalidInputException">
    /// It is not an index, has another version or no integer type, or its counts do not match the file size.
    /// </exception>
    public static IndexHeader Read(ReadOnlySpan<byte> head, long fileLength, string path)
    {
        if (head.Length < Size)
            throw new InvalidInputException(
                path, $"a header of {Size} bytes", $"a file of {fileLength}", "copy it again or rebuild it");
        if (!head.StartsWith(Magic))
        {
            throw new InvalidInputException(
                path, "an index that starts with MMIDIDX", "other bytes",
                "give an indexed data set of Megatron-LM, or build one with 'bam data build'");
        }

        var version = BinaryPrimitives.ReadInt64LittleEndian(head[9..]);
        if (version != Version)
            throw new InvalidInputException(
                $"{path}, version", "1", $"{version}", "convert it with the Megatron-LM that wrote it");
        var type = (TokenType)head[17];
        if (type.Width() == 0)
            throw new InvalidInputException(
                $"{path}, dtype code", "an integer type (1 to 5 or 8)",
                Enum.IsDefined(type) ? $"{head[17]} ({type.ToString().ToLowerInvariant()})" : $"{head[17]}",
                "rebuild it with token ids");
        var header = new IndexHeader(
            type, BinaryPrimitives.ReadInt64LittleEndian(head[18..]), BinaryPrimitives.ReadInt64LittleEndian(head[26..]));
        header.CheckLength(fileLength, path);
        return header;
    }

    private void CheckLength(long fileLength, string path)
    {
        // Counts above the file's length would overflow FileLength.
        var plausible = SequenceCount >= 0 && DocumentEntries >= 1 && SequenceCount <= fileLength
            && DocumentEntries <= fileLength;
        // Multimodal datasets have one more byte per sequence, its mode, which is ignored.
        if (plausible && (FileLength == fileLength || FileLength + SequenceCount == fileLength)) return;
        throw new InvalidInputException(
            path,
            plausible
                ? $"{FileLength} bytes for {SequenceCount} sequences and {DocumentEntries - 1} documents"
                : "counts that fit the file",
            plausible
                ? $"{fileLength}"
                : $"{SequenceCount} sequences and {DocumentEntries} document entries in {fileLength} bytes",
            "the file is damaged: copy it again or rebuild it");
    }
}

/// <summary>Checks that the three tables of an <c>.idx</c> file are consistent.</summary>
internal static class IndexCheck
{
    private const string Hint = "the file is damaged: copy it again or rebuild it";
    private const int Chunk = 1 << 16;

    /// <summary>The total number of tokens. Sequences must be contiguous, and documents must cover all sequences.</summary>
    /// <exception cref="InvalidInputException">They are not.</exception>
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
                    throw new InvalidInputException(
                        $"{path}, sequence {first + i}", "a length of 0 or more", $"{lengths[i]}", Hint);
                var pointer = BinaryPrimitives.ReadInt64LittleEndian(pointers[(i * sizeof(long))..]);
                if (pointer != tokens * width)
                    throw new InvalidInputException(
                        $"{path}, sequence {first + i}", $"its place at byte {tokens * width}", $"{pointer}", Hint);
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
            var sequence = BinaryPrimitives.ReadInt64LittleEndian(
                idx.Bytes(header.DocumentsOffset + (d * sizeof(long)), sizeof(long)));
            if (sequence < previous || sequence > header.SequenceCount || (d == 0 && sequence != 0))
                throw new InvalidInputException(
                    $"{path}, document {d}",
                    d == 0 ? "its start at sequence 0" : $"its start from sequence {previous} to {header.SequenceCount}",
                    $"{sequence}", Hint);
            previous = sequence;
        }

        if (previous != header.SequenceCount)
            throw new InvalidInputException(
                path, $"documents that cover all {header.SequenceCount} sequences", $"{previous}", Hint);
    }
}

/// <summary>
/// The dtype of stored token ids; the values are the codes of the <c>.idx</c> header (Megatron-LM's <c>DType</c>).
/// </summary>
internal enum TokenType : byte
{
    UInt8 = 1,
    Int8 = 2,
    Int16 = 3,
    Int32 = 4,
    Int64 = 5,

    /// <summary>Not valid for token ids.</summary>
    Float64 = 6,

    /// <summary>Not valid for token ids.</summary>
    Float32 = 7,

    UInt16 = 8,
}

internal static class TokenTypes
{
    /// <summary>The smallest vocabulary size for which Megatron-LM uses 32 bits (<c>DType.optimal_dtype</c>).</summary>
    private const int FirstWideVocabulary = 65_500;

    /// <summary>The type that Megatron-LM writes for a vocabulary size.</summary>
    public static TokenType For(int vocabularySize) =>
        vocabularySize < FirstWideVocabulary ? TokenType.UInt16 : TokenType.Int32;

    /// <summary>Width in bytes; 0 for floating-point types.</summary>
    public static int Width(this TokenType type) => type switch
    {
        TokenType.UInt8 or TokenType.Int8 => 1,
        TokenType.UInt16 or TokenType.Int16 => 2,
        TokenType.Int32 => 4,
        TokenType.Int64 => 8,
        _ => 0,
    };
}
