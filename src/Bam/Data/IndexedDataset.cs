using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Bam.Files;

namespace Bam.Data;

/// <summary>
/// A corpus of token ids in Megatron-LM's form (<c>PREFIX.bin</c> and <c>PREFIX.idx</c>, MMIDIDX version 1), seen as one stream of
/// documents. Both files are memory-mapped: a corpus larger than memory works. Reading is safe from several threads.
/// </summary>
internal sealed class IndexedDataset : IDisposable
{
    private const string Hint = "give the path without .bin or .idx, or build it with 'bam data build'";

    /// <summary>For data whose ids were given by the model's own tokenizer.</summary>
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

        if (bin.Length == TokenCount * header.TokenType.Width()) return;
        Dispose();
        throw new InvalidInputException(
            binPath,
            $"{TokenCount * header.TokenType.Width()} bytes for {TokenCount} tokens of {header.TokenType.ToString().ToLowerInvariant()}",
            $"{bin.Length}",
            "the file is damaged or belongs to another .idx: copy both again or rebuild them");
    }

    /// <summary>The path without <c>.bin</c> and <c>.idx</c>.</summary>
    public string Prefix { get; }

    /// <summary>Ids read must be below it; null: unchecked.</summary>
    public int? VocabularySize { get; }

    /// <summary>How ids are stored.</summary>
    public TokenType TokenType => header.TokenType;

    /// <summary>The length of the stream, in tokens.</summary>
    public long TokenCount { get; }

    /// <summary>The number of documents.</summary>
    public long DocumentCount => header.DocumentEntries - 1;

    /// <summary>True for the path of a data set, with or without <c>.bin</c> and <c>.idx</c>.</summary>
    public static bool Exists(string prefix) => File.Exists(WithoutEnding(prefix) + ".idx");

    /// <summary>Opens a data set and checks that its lengths agree with each other and with the files.</summary>
    /// <param name="prefix">The path without <c>.bin</c> and <c>.idx</c>; with either, it is taken off.</param>
    /// <param name="vocabularySize">If given, reading an id that is not below it fails.</param>
    /// <exception cref="InvalidInputException">A file is missing or damaged.</exception>
    public static IndexedDataset Open(string prefix, int? vocabularySize = null)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return new(WithoutEnding(prefix), vocabularySize);
    }

    /// <summary>Copies a stretch of the stream; it may cross documents.</summary>
    /// <param name="tokenOffset">The first token.</param>
    /// <param name="destination">Receives the ids.</param>
    /// <exception cref="ArgumentOutOfRangeException">The stretch is not inside the stream.</exception>
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

    /// <summary>The place of a document in the stream.</summary>
    /// <param name="index">0 … <see cref="DocumentCount"/> - 1.</param>
    /// <returns>Its first token and its length in tokens.</returns>
    public (long Start, long Length) Document(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, DocumentCount);
        var start = StartOfSequence(FirstSequence(index));
        return (start, StartOfSequence(FirstSequence(index + 1)) - start);
    }

    /// <summary>The largest id, by reading everything; -1 when there is none.</summary>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="InvalidInputException">An id is negative or not below <see cref="VocabularySize"/>.</exception>
    public int FindMaxTokenId(CancellationToken cancellation = default)
    {
        var largest = -1;
        ReadAll((_, ids) => largest = Math.Max(largest, TensorPrimitives.Max(ids)), cancellation);
        return largest;
    }

    /// <summary>Reads everything and refuses ids that a model does not know.</summary>
    /// <param name="vocabularySize">The model's.</param>
    /// <param name="hint">What to do about one.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="InvalidInputException">An id is negative or not below it.</exception>
    public void RequireIdsBelow(int vocabularySize, string hint = OtherTokenizer, CancellationToken cancellation = default) =>
        ReadAll((offset, ids) => CheckIds(offset, ids, vocabularySize, hint), cancellation);

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        bin.Dispose();
        idx.Dispose();
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

    /// <summary>The path of a data set without <c>.bin</c> and <c>.idx</c>.</summary>
    internal static string WithoutEnding(string prefix) => Path.GetExtension(prefix) is ".bin" or ".idx" ? Path.ChangeExtension(prefix, null) : prefix;

    private long FirstSequence(long document) => ReadIndex(header.DocumentsOffset + (document * sizeof(long)));

    private long StartOfSequence(long sequence) =>
        sequence == header.SequenceCount ? TokenCount : ReadIndex(header.PointersOffset + (sequence * sizeof(long))) / TokenType.Width();

    private long ReadIndex(long offset) => BinaryPrimitives.ReadInt64LittleEndian(idx.Bytes(offset, sizeof(long)));

    private void CheckIds(long tokenOffset, ReadOnlySpan<int> ids, int vocabularySize, string hint = OtherTokenizer)
    {
        var bound = (uint)vocabularySize;
        // Negative ids are large as unsigned ones.
        for (var i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] < bound) continue;
            throw new InvalidInputException(
                $"{binPath}, document {DocumentOf(tokenOffset + i)}, token {tokenOffset + i}",
                $"an id from 0 to {bound - 1}",
                $"{StoredId(tokenOffset + i, ids[i])}",
                hint);
        }
    }

    /// <summary>The document that a token belongs to: the last one that does not start behind it.</summary>
    private long DocumentOf(long token)
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
        TokenType == TokenType.Int64 ? BinaryPrimitives.ReadInt64LittleEndian(bin.Bytes(token * sizeof(long), sizeof(long))) : read;

    /// <summary>Ids that no int holds become the nearest that one does, which <see cref="CheckIds"/> refuses.</summary>
    private static void Convert<T>(ReadOnlySpan<byte> bytes, Span<int> ids)
        where T : unmanaged, IBinaryInteger<T> =>
        TensorPrimitives.ConvertSaturating(MemoryMarshal.Cast<byte, T>(bytes), ids);
}

/// <summary>A whole file mapped into memory for reading: what is read often stays there, what is not needs none.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? file;
    private readonly MemoryMappedViewAccessor? view;
    private byte* start;

    /// <summary>Maps the file; an empty one cannot be mapped and needs no mapping.</summary>
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

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>The bytes from <paramref name="offset"/> on. Valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not all inside the file.</exception>
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
