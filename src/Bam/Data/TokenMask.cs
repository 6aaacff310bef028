using Bam.Files;

namespace Bam.Data;

/// <summary>
/// Which tokens of an indexed dataset count as targets: <c>PREFIX.mask</c> beside <c>PREFIX.bin</c>, one bit for each token, the
/// lowest bit of a byte first; 1 counts. Memory-mapped; reading is thread-safe.
/// </summary>
internal sealed class TokenMask : IDisposable
{
    /// <summary>The extension of the file.</summary>
    public const string Extension = ".mask";

    private readonly MappedFile file;

    /// <summary>Opens the mask of a dataset of <paramref name="tokens"/> tokens.</summary>
    /// <exception cref="InvalidInputException">It is unreadable or of another length.</exception>
    public TokenMask(string path, long tokens)
    {
        file = new MappedFile(path, "check the path");
        if (file.Length == BytesFor(tokens) && (tokens % 8 == 0 || file.Bytes(file.Length - 1, 1)[0] >> (int)(tokens % 8) == 0))
            return;
        var found = file.Length == BytesFor(tokens) ? "bits after the last token" : $"{file.Length}";
        file.Dispose();
        throw new InvalidInputException(
            path, $"{BytesFor(tokens)} bytes, a bit for each of {tokens} tokens", found,
            "the file is damaged or belongs to other data: copy all files again or rebuild them");
    }

    /// <summary>Reads which tokens count, from a position of the stream on.</summary>
    public void Read(long tokenOffset, Span<bool> counts)
    {
        if (counts.IsEmpty) return;
        var first = tokenOffset / 8;
        var bytes = file.Bytes(first, (int)(((tokenOffset + counts.Length - 1) / 8) - first + 1));
        var bit = (int)(tokenOffset % 8);
        for (var i = 0; i < counts.Length; i++, bit++) counts[i] = (bytes[bit >> 3] >> (bit & 7) & 1) != 0;
    }

    /// <summary>True if any token from a position on counts.</summary>
    public bool Any(long tokenOffset, int length)
    {
        var counts = new bool[length];
        Read(tokenOffset, counts);
        return counts.AsSpan().Contains(true);
    }

    public void Dispose() => file.Dispose();

    private static long BytesFor(long tokens) => (tokens + 7) / 8;
}

/// <summary>Writes a <see cref="TokenMask"/>, token by token, in order. The file appears when it is complete.</summary>
internal sealed class TokenMaskWriter(string prefix)
{
    private readonly List<byte[]> full = [];
    private byte[] block = new byte[1 << 16];
    private int bits; // of the block

    /// <summary>The tokens that count so far.</summary>
    public long Counted { get; private set; }

    /// <summary>Appends the tokens of a document: those in <paramref name="counted"/> count.</summary>
    public void Append(int length, IReadOnlyList<Range> counted)
    {
        var mask = new bool[length];
        foreach (var range in counted) mask.AsSpan(range).Fill(true);
        Append(mask);
    }

    /// <summary>Appends tokens.</summary>
    public void Append(ReadOnlySpan<bool> counts)
    {
        foreach (var token in counts)
        {
            if (token)
            {
                block[bits >> 3] |= (byte)(1 << (bits & 7));
                Counted++;
            }

            if (++bits < block.Length * 8) continue;
            full.Add(block);
            (block, bits) = (new byte[block.Length], 0);
        }
    }

    /// <summary>Writes the file; it is kept in memory until then, an eighth of a byte per token.</summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written.</exception>
    public void Complete() => AtomicFile.Write(prefix + TokenMask.Extension, stream =>
    {
        foreach (var bytes in full) stream.Write(bytes);
        stream.Write(block.AsSpan(0, (bits + 7) / 8));
    });
}
