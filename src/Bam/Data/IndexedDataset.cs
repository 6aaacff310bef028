using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Bam.Files;

namespace Bam.Data;

/// <summary>
/// Token ids in Megatron-LM's indexed dataset format (<c>PREFIX.bin</c> and <c>PREFIX.idx</c>, MMIDIDX version 1), read as one
/// stream of documents. Both files are memory-mapped and may exceed memory. Reading is thread-safe.
/// </summary>
internal sealed class IndexedDataset : IDisposable
{
    private const string Hint = "give the path without .bin or .idx, or build it with 'bam data build'";

    /// <summary>Hint for data encoded with the model's own tokenizer.</summary>
    internal const string NoRow = "the model has no row for it: take it out of the documents and build the data again";

    private const string OtherTokenizer = "use the tokenizer that the corpus was built with, or rebuild it";

    private readonly MappedFile bin;
    private readonly MappedFile idx;
    private readonly IndexHeader header;
    private readonly string binPath;

    private IndexedDataset(string prefix, int? vocabularySize)
    {
        Prefix = prefix;
        VocabularySize = vocabularySize;
        binPath = prefix + ".bin";
        var idxPath = prefix + ".idx";
        idx = new(idxPath, Hint);
        try
        {
            header = IndexHeader.Read(idx.Bytes(0, (int)Math.Min(idx.Length, IndexHeader.Size)), idx.Length, idxPath);
            TokenCount = IndexCheck.CountTokens(header, idx, idxPath);
            bin = new(binPath, Hint);
        }
        catch
        {
            idx.Dispose();
            throw;
        }

        if (bin.Length == TokenCount * header.TokenType.Width())
        {
            Mask = OpenMask();
            return;
        }

        Dispose();
        throw new InvalidInputException(
            binPath,
            $"{TokenCount * header.TokenType.Width()} bytes for {TokenCount} tokens of "
                + $"{header.TokenType.ToString().ToLowerInvariant()}",
            $"{bin.Length}",
            "the file is damaged or belongs to another .idx: copy both again or rebuild them");
    }

    /// <summary>The path without <c>.bin</c> and <c>.idx</c>.</summary>
    public string Prefix { get; }

    /// <summary>Exclusive upper bound of ids, checked on reading; null for unchecked.</summary>
    public int? VocabularySize { get; }

    public TokenType TokenType => header.TokenType;

    /// <summary>Which tokens count as targets; null if all do.</summary>
    public TokenMask? Mask { get; }

    /// <summary>Length of the stream in tokens.</summary>
    public long TokenCount { get; }

    public long DocumentCount => header.DocumentEntries - 1;

    /// <summary>True if the dataset exists; the path may have the extension <c>.bin</c> or <c>.idx</c>.</summary>
    public static bool Exists(string prefix) => File.Exists(WithoutEnding(prefix) + ".idx");

    /// <summary>
    /// Opens a dataset and checks that its lengths are consistent. The path may have the extension <c>.bin</c> or <c>.idx</c>. If
    /// <paramref name="vocabularySize"/> is given, reading ids at or above it fails.
    /// </summary>
    /// <exception cref="InvalidInputException">A file is missing or invalid.</exception>
    public static IndexedDataset Open(string prefix, int? vocabularySize = null) =>
        new(WithoutEnding(prefix), vocabularySize);

    /// <summary>Copies tokens from the stream, across document boundaries.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is outside the stream.</exception>
    /// <exception cref="InvalidInputException">An id is negative or not below <see cref="VocabularySize"/>.</exception>
    public void Read(long tokenOffset, Span<int> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokenOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokenOffset, TokenCount - destination.Length);
        var width = TokenType.Width();
        var bytes = bin.Bytes(tokenOffset * width, checked(destination.Length * width));
        switch (TokenType)
        {
            case TokenType.UInt8: Convert<byte>(bytes, destination); break;
            case TokenType.Int8: Convert<sbyte>(bytes, destination); break;
            case TokenType.UInt16: Convert<ushort>(bytes, destination); break;
            case TokenType.Int16: Convert<short>(bytes, destination); break;
            case TokenType.Int32: Convert<int>(bytes, destination); break;
            default: Convert<long>(bytes, destination); break;
        }

        CheckIds(tokenOffset, destination, VocabularySize ?? int.MaxValue);
    }

    /// <summary>The location of a document in the stream.</summary>
    /// <returns>The index of its first token and its length in tokens.</returns>
    public (long Start, long Length) Document(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, DocumentCount);
        var start = StartOfSequence(FirstSequence(index));
        return (start, StartOfSequence(FirstSequence(index + 1)) - start);
    }

    /// <summary>Reads the whole stream; -1 if it is empty.</summary>
    /// <exception cref="InvalidInputException">An id is negative or not below <see cref="VocabularySize"/>.</exception>
    public int FindMaxTokenId(CancellationToken cancellation = default)
    {
        var largest = -1;
        ReadAll((_, ids) => largest = Math.Max(largest, TensorPrimitives.Max(ids)), cancellation);
        return largest;
    }

    /// <summary>Reads the whole stream and rejects ids outside the vocabulary.</summary>
    /// <exception cref="InvalidInputException">An id is negative or not below <paramref name="vocabularySize"/>.</exception>
    public void RequireIdsBelow(int vocabularySize, string hint = OtherTokenizer, CancellationToken cancellation = default) =>
        ReadAll((offset, ids) => CheckIds(offset, ids, vocabularySize, hint), cancellation);

    public void Dispose()
    {
        Mask?.Dispose();
        bin.Dispose();
        idx.Dispose();
    }

    private TokenMask? OpenMask()
    {
        var path = Prefix + TokenMask.Extension;
        if (!File.Exists(path)) return null;
        try
        {
            return new TokenMask(path, TokenCount);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private void ReadAll(Action<long, ReadOnlySpan<int>> use, CancellationToken cancellation)
    {
        var buffer = new int[1 << 16];
        for (long offset = 0; offset < TokenCount; offset += buffer.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var ids = buffer.AsSpan(0, (int)Math.Min(buffer.Length, TokenCount - offset));
            Read(offset, ids);
            use(offset, ids);
        }
    }

    internal static string WithoutEnding(string prefix) =>
        Path.GetExtension(prefix) is ".bin" or ".idx" ? Path.ChangeExtension(prefix, null) : prefix;

    private long FirstSequence(long document) => ReadIndex(header.DocumentsOffset + (document * sizeof(long)));

    private long StartOfSequence(long sequence) =>
        sequence == header.SequenceCount
            ? TokenCount
            : ReadIndex(header.PointersOffset + (sequence * sizeof(long))) / TokenType.Width();

    private long ReadIndex(long offset) => BinaryPrimitives.ReadInt64LittleEndian(idx.Bytes(offset, sizeof(long)));

    private void CheckIds(long tokenOffset, ReadOnlySpan<int> ids, int vocabularySize, string hint = OtherTokenizer)
    {
        var bound = (uint)vocabularySize;
        // Negative ids are large as unsigned numbers.
        for (var i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] < bound) continue;
            throw new InvalidInputException(
                $"{binPath}, document {FindDocument(tokenOffset + i)}, token {tokenOffset + i}",
                $"an id from 0 to {bound - 1}",
                $"{StoredId(tokenOffset + i, ids[i])}",
                hint);
        }
    }

    /// <summary>The document that contains a token: the last one that starts at or before it.</summary>
    private long FindDocument(long token)
    {
        var (first, end) = (0L, DocumentCount);
        while (end - first > 1)
        {
            var middle = first + ((end - first) / 2);
            if (StartOfSequence(FirstSequence(middle)) <= token) first = middle;
            else end = middle;
        }

        return first;
    }

    private long StoredId(long token, int read) =>
        TokenType == TokenType.Int64
            ? BinaryPrimitives.ReadInt64LittleEndian(bin.Bytes(token * sizeof(long), sizeof(long)))
            : read;

    /// <summary>Ids outside the range of int saturate, and <see cref="CheckIds"/> rejects them.</summary>
    private static void Convert<T>(ReadOnlySpan<byte> bytes, Span<int> ids)
        where T : unmanaged, IBinaryInteger<T> =>
        TensorPrimitives.ConvertSaturating(MemoryMarshal.Cast<byte, T>(bytes), ids);
}

/// <summary>A file mapped into memory for reading.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? file;
    private readonly MemoryMappedViewAccessor? view;
    private byte* start;

    /// <summary>Maps the file unless it is empty.</summary>
    /// <exception cref="InvalidInputException">It is missing or unreadable.</exception>
    public MappedFile(string path, string hint)
    {
        InputFile.RequireRegular(path);
        try
        {
            Length = new FileInfo(path).Length;
            if (Length == 0) return;
            file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read);
            view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            start += view.PointerOffset;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Dispose();
            throw InputFile.Unreadable(path, hint, e);
        }
    }

    /// <summary>Size in bytes.</summary>
    public long Length { get; }

    /// <summary>A range of bytes, valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is outside the file.</exception>
    public ReadOnlySpan<byte> Bytes(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
        if (count == 0) return [];
        ObjectDisposedException.ThrowIf(start is null, this);
        return new(start + offset, count);
    }

    public void Dispose()
    {
        if (start is not null) view!.SafeMemoryMappedViewHandle.ReleasePointer();
        start = null;
        view?.Dispose();
        file?.Dispose();
    }
}
