using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Bam.Files;

namespace Bam.Data;

/// <summary>
/// Writes a Megatron-LM indexed dataset (MMIDIDX version 1) with one sequence per document. Tokens are written immediately;
/// memory holds four bytes per document. <see cref="Complete"/> renames both files to their final names, the <c>.idx</c> last.
/// </summary>
internal sealed class IndexedDatasetWriter : IDisposable
{
    private readonly string prefix;
    private readonly string temporaryBin;
    private readonly FileStream bin;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<int> lengths = [];
    private byte[] buffer = [];
    private bool completed;

    /// <summary>
    /// Starts writing under temporary names; parent folders are created. The type is <see cref="TokenType.UInt16"/> or
    /// <see cref="TokenType.Int32"/>.
    /// </summary>
    /// <exception cref="WorkFailedException">The folder cannot be written.</exception>
    public IndexedDatasetWriter(string prefix, TokenType tokenType)
    {
        if (tokenType is not (TokenType.UInt16 or TokenType.Int32))
            throw new ArgumentOutOfRangeException(nameof(tokenType), tokenType, "only uint16 and int32 are written");
        this.prefix = Path.GetFullPath(prefix);
        TokenType = tokenType;
        temporaryBin = TemporarySibling.NameFor(BinPath);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(this.prefix)!);
            TemporarySibling.RemoveLeftovers(BinPath);
            bin = new(temporaryBin, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(BinPath, e);
        }
    }

    public TokenType TokenType { get; }

    public long TokenCount { get; private set; }

    public int DocumentCount => lengths.Count;

    private string BinPath => prefix + ".bin";

    /// <summary>Appends a document, including its end-of-text token.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative or too large for <see cref="TokenType"/>.</exception>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Append(ReadOnlySpan<int> ids) => AppendStored(Encode(ids));

    /// <summary>Appends a document's tokens as they are stored in a dataset of the same <see cref="TokenType"/>.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void AppendStored(ReadOnlySpan<byte> bytes)
    {
        hash.AppendData(bytes);
        try
        {
            bin.Write(bytes);
        }
        catch (IOException e)
        {
            throw Failed(BinPath, e);
        }

        var count = bytes.Length / TokenType.Width();
        lengths.Add(count);
        TokenCount += count;
    }

    /// <summary>Writes the index and renames both files to their final names.</summary>
    /// <returns>SHA-256 of the <c>.bin</c> file in lower-case hexadecimal.</returns>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written.</exception>
    public string Complete()
    {
        try
        {
            bin.Flush(flushToDisk: true);
            bin.Dispose();
            File.Move(temporaryBin, BinPath, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(BinPath, e);
        }

        completed = true;
        AtomicFile.Write(prefix + ".idx", WriteIndex);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Removes the temporary file unless completed.</summary>
    public void Dispose()
    {
        try
        {
            bin.Dispose();
        }
        catch (IOException)
        {
            // The disk is full, which Append or Complete has already reported.
        }

        hash.Dispose();
        if (!completed) TemporarySibling.TryDelete(temporaryBin);
    }

    private ReadOnlySpan<byte> Encode(ReadOnlySpan<int> ids)
    {
        if (TokenType == TokenType.Int32)
        {
            foreach (var id in ids) ArgumentOutOfRangeException.ThrowIfNegative(id, nameof(ids));
            return MemoryMarshal.AsBytes(ids);
        }

        var size = checked(ids.Length * sizeof(ushort));
        if (buffer.Length < size) buffer = new byte[size];
        var words = MemoryMarshal.Cast<byte, ushort>(buffer.AsSpan(0, size));
        for (var i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] > ushort.MaxValue)
                throw new ArgumentOutOfRangeException(nameof(ids), ids[i], "not an id of 16 bits");
            words[i] = (ushort)ids[i];
        }

        return buffer.AsSpan(0, size);
    }

    private void WriteIndex(FileStream stream)
    {
        Span<byte> head = stackalloc byte[IndexHeader.Size];
        new IndexHeader(TokenType, lengths.Count, lengths.Count + 1L).Write(head);
        stream.Write(head);
        stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(lengths)));
        Span<byte> number = stackalloc byte[sizeof(long)];
        long pointer = 0;
        foreach (var length in lengths)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, pointer);
            stream.Write(number);
            pointer += (long)length * TokenType.Width();
        }

        for (long document = 0; document <= lengths.Count; document++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, document);
            stream.Write(number);
        }
    }

    private static WorkFailedException Failed(string path, Exception cause) =>
        new($"{path}: cannot be written ({IoFailure.Describe(cause)}); no part of it was left under that name", cause);
}
