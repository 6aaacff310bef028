using System.Buffers.Binary;

namespace Bam.Data;

/// <summary>
/// The head of an <c>.idx</c> file, MMIDIDX version 1 (Megatron-LM, <c>megatron/core/datasets/indexed_dataset.py</c>). After it lie
/// the sequences' lengths in tokens (int32), their places in the <c>.bin</c> file in bytes (int64) and, per document, its first
/// sequence, with the number of sequences at the end (int64); everything little-endian.
/// </summary>
/// <param name="TokenType">How ids are stored.</param>
/// <param name="SequenceCount">The number of sequences.</param>
/// <param name="DocumentEntries">The number of documents and one more.</param>
internal readonly record struct IndexHeader(TokenType TokenType, long SequenceCount, long DocumentEntries)
{
    public const int Size = 34;

    private const long Version = 1;

    private static ReadOnlySpan<byte> Magic => "MMIDIDX\0\0"u8;

    /// <summary>Where the sequences' places start.</summary>
    public long PointersOffset => Size + (sizeof(int) * SequenceCount);

    /// <summary>Where the documents' first sequences start.</summary>
    public long DocumentsOffset => PointersOffset + (sizeof(long) * SequenceCount);

    /// <summary>The length of the whole file.</summary>
    public long FileLength => DocumentsOffset + (sizeof(long) * DocumentEntries);

    public void Write(Span<byte> destination)
    {
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteInt64LittleEndian(destination[9..], Version);
        destination[17] = (byte)TokenType;
        BinaryPrimitives.WriteInt64LittleEndian(destination[18..], SequenceCount);
        BinaryPrimitives.WriteInt64LittleEndian(destination[26..], DocumentEntries);
    }

    /// <summary>Reads and checks the head of a file of <paramref name="fileLength"/> bytes.</summary>
    /// <exception cref="InvalidInputException">It is none, of another version, of no integer type, or its counts do not fit the file.</exception>
    public static IndexHeader Read(ReadOnlySpan<byte> head, long fileLength, string path)
    {
        if (head.Length < Size)
            throw new InvalidInputException(path, $"a header of {Size} bytes", $"a file of {fileLength}", "copy it again or rebuild it");
        if (!head.StartsWith(Magic))
        {
            throw new InvalidInputException(
                path, "an index that starts with MMIDIDX", "other bytes", "give an indexed data set of Megatron-LM, or build one with 'bam data build'");
        }

        var version = BinaryPrimitives.ReadInt64LittleEndian(head[9..]);
        if (version != Version)
            throw new InvalidInputException($"{path}, version", "1", $"{version}", "convert it with the Megatron-LM that wrote it");
        var type = (TokenType)head[17];
        if (type.Width() == 0)
            throw new InvalidInputException($"{path}, dtype code", "an integer type (1 to 5 or 8)", Enum.IsDefined(type) ? $"{head[17]} ({type.ToString().ToLowerInvariant()})" : $"{head[17]}", "rebuild it with token ids");
        var header = new IndexHeader(type, BinaryPrimitives.ReadInt64LittleEndian(head[18..]), BinaryPrimitives.ReadInt64LittleEndian(head[26..]));
        header.CheckLength(fileLength, path);
        return header;
    }

    private void CheckLength(long fileLength, string path)
    {
        // Counts above the file's length would overflow FileLength.
        var plausible = SequenceCount >= 0 && DocumentEntries >= 1 && SequenceCount <= fileLength && DocumentEntries <= fileLength;
        // Multimodal data sets have one byte more per sequence, its mode, which text does not need.
        if (plausible && (FileLength == fileLength || FileLength + SequenceCount == fileLength)) return;
        throw new InvalidInputException(
            path,
            plausible ? $"{FileLength} bytes for {SequenceCount} sequences and {DocumentEntries - 1} documents" : "counts that fit the file",
            plausible ? $"{fileLength}" : $"{SequenceCount} sequences and {DocumentEntries} document entries in {fileLength} bytes",
            "the file is damaged: copy it again or rebuild it");
    }
}
