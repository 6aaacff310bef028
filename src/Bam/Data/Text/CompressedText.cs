namespace Bam.Data.Text;

/// <summary>
/// Decompresses a file of one or more independent parts (gzip calls them members, zstd frames), which may be followed by zero
/// padding. Any other bytes are an error.
/// </summary>
/// <param name="file">The compressed bytes; disposed with this stream.</param>
/// <param name="path">The file, for messages.</param>
/// <param name="inflater">Decompresses the parts; disposed with this stream.</param>
internal class CompressedText(Stream file, string path, IInflater inflater) : ReadOnlyStream
{
    private const int MagicLength = 4;

    private readonly byte[] buffer = new byte[1 << 16];
    private int start;
    private int end;
    private long endPosition; // file position of the buffer's end
    private long partPosition = -1;
    private bool isInPart;

    private long FilePosition => endPosition - (end - start);

    /// <summary>Opens the decompressed content of a file; <paramref name="file"/> itself if it is not compressed.</summary>
    public static Stream Open(Stream file, string path, TextCompression compression) => compression switch
    {
        TextCompression.Gzip => new GzipText(file, path),
        TextCompression.Zstd => new ZstdText(file, path),
        _ => file,
    };

    /// <summary>Reads decompressed bytes.</summary>
    /// <exception cref="InvalidInputException">
    /// The file is damaged or truncated, or a part is followed by other bytes.
    /// </exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        while (isInPart || FindPart())
        {
            var (count, isProgress) = Inflate(buffer);
            if (count > 0) return count;
            if (!isProgress && !Fill())
                throw new InvalidInputException($"{path}: the end of the {inflater.Format} file is missing; copy it again");
        }

        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inflater.Dispose();
            file.Dispose();
        }

        base.Dispose(disposing);
    }

    private (int Count, bool IsProgress) Inflate(Span<byte> output)
    {
        try
        {
            isInPart = !inflater.Inflate(buffer.AsSpan(start, end - start), output, out var taken, out var count);
            start += taken;
            return (count, taken > 0 || !isInPart);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidInputException(
                $"{path}: the {Part} at byte {partPosition} is damaged ({e.Message}); copy the file again", e);
        }
        catch (NotSupportedException e)
        {
            throw new InvalidInputException($"{path}: the {Part} at byte {partPosition} {e.Message}", e);
        }
    }

    private string Part => $"{inflater.Format} {inflater.Part}";

    /// <summary>Advances to the next part.</summary>
    /// <returns>False at the end of the file.</returns>
    private bool FindPart()
    {
        var before = FilePosition;
        while (start < end || Fill())
        {
            // Zeros are padding only after a part.
            if (partPosition >= 0 && buffer[start] == 0)
            {
                start++;
                continue;
            }

            while (end - start < MagicLength && Fill());
            if (!inflater.MayBegin(buffer.AsSpan(start, Math.Min(MagicLength, end - start)))) throw OtherBytes(before);
            partPosition = FilePosition;
            return isInPart = true;
        }

        return false;
    }

    private InvalidInputException OtherBytes(long before) =>
        partPosition < 0
            ? new(
                path, $"a {inflater.Format} file", "other bytes at its beginning",
                $"copy it again, or leave {Path.GetExtension(path)} off its name if it is not compressed")
            : new(
                path,
                $"another {Part} or zeros behind the {inflater.Part} that ends at byte {before}",
                $"{file.Length - FilePosition} bytes at {FilePosition} that are neither",
                "copy the file again, or cut it off there if they are no text");

    private bool Fill()
    {
        buffer.AsSpan(start, end - start).CopyTo(buffer);
        (start, end) = (0, end - start);
        var count = file.Read(buffer, end, buffer.Length - end);
        end += count;
        endPosition += count;
        return count > 0;
    }
}

/// <summary>Decompresses the parts of a compressed file, and reports how many bytes belong to each.</summary>
internal interface IInflater : IDisposable
{
    /// <summary>The format's name in messages.</summary>
    string Format { get; }

    /// <summary>What the format calls a part of a file.</summary>
    string Part { get; }

    /// <summary>True if a part may begin with these bytes, at most four and fewer at the end of the file.</summary>
    bool MayBegin(ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Decompresses some of a part. <paramref name="taken"/> and <paramref name="written"/> count consumed and produced bytes.
    /// </summary>
    /// <returns>True at the end of the part; the next call starts a new one.</returns>
    /// <exception cref="InvalidDataException">The part is damaged; the library's message.</exception>
    /// <exception cref="NotSupportedException">The part cannot be read; what is wrong with it, and what to do.</exception>
    bool Inflate(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int written);
}

/// <summary>Base class of forward-only input streams.</summary>
internal abstract class ReadOnlyStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public abstract override int Read(Span<byte> buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
