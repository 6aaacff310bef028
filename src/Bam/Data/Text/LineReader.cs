using Bam.Files;

namespace Bam.Data.Text;

/// <summary>Creates the error for a line that is too long.</summary>
internal delegate InvalidInputException LongLineRefusal(DocumentOrigin line, ReadOnlySpan<byte> beginning);

/// <summary>Splits a stream of bytes into lines, with one line in memory.</summary>
/// <param name="stream">The bytes.</param>
/// <param name="path">The file, for messages.</param>
/// <param name="maxBytes">Limit for the bytes of a line including its line feed.</param>
/// <param name="refusal">Creates the error for a longer line; null for the default.</param>
internal sealed class LineReader(Stream stream, string path, int maxBytes, LongLineRefusal? refusal = null)
{
    /// <summary>
    /// Lines of up to this many zero bytes are accepted. More are a hole in the file after a crash and would exhaust memory.
    /// </summary>
    private const int MaxZeros = 1 << 24;

    private byte[] buffer = new byte[Math.Min(1 << 16, maxBytes)];
    private int start;
    private int end;

    /// <summary>The number of the last line, from 1.</summary>
    public long LineNumber { get; private set; }

    public DocumentOrigin Origin => new(path, LineNumber);

    /// <summary>Reads the next line including its line feed; valid until the next call.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="InvalidInputException">A line is too long.</exception>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        var searched = 0;
        while (true)
        {
            var lineFeed = buffer.AsSpan(start + searched, end - start - searched).IndexOf((byte)'\n');
            if (lineFeed >= 0)
            {
                line = Take(searched + lineFeed + 1);
                return true;
            }

            searched = end - start;
            if (Fill()) continue;
            line = Take(searched);
            return searched > 0;
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > 0) LineNumber++;
        var line = buffer.AsSpan(start, count);
        start += count;
        // A byte order mark is not part of the first line.
        return LineNumber == 1 ? Utf8Bytes.WithoutMark(line) : line;
    }

    private bool Fill()
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        if (end == buffer.Length)
        {
            if (buffer.Length >= MaxZeros && !buffer.AsSpan().ContainsAnyExcept((byte)0))
                throw new InvalidInputException(
                    $"{path}:{LineNumber + 1}", "text", "nothing but zero bytes", "the file is damaged, copy it again");
            if (buffer.Length == maxBytes) throw TooLong();
            // Large buffers grow by a factor of 4, because old arrays stay in memory until the next garbage collection.
            Array.Resize(ref buffer, (int)Math.Min((buffer.Length < MaxZeros ? 2L : 4L) * buffer.Length, maxBytes));
        }

        var count = stream.Read(buffer, end, buffer.Length - end);
        end += count;
        return count > 0;
    }

    private InvalidInputException TooLong()
    {
        var line = new DocumentOrigin(path, LineNumber + 1);
        var beginning = buffer.AsSpan();
        return refusal?.Invoke(line, LineNumber == 0 ? Utf8Bytes.WithoutMark(beginning) : beginning)
            ?? new InvalidInputException($"{line}", $"lines of less than {maxBytes} bytes", "a longer one", "split the document");
    }
}
