using Bam.Files;

namespace Bam.Data.Text;

/// <summary>Makes the refusal of a line that is too long.</summary>
/// <param name="line">The file and the line.</param>
/// <param name="beginning">The line's first bytes.</param>
internal delegate InvalidInputException LongLineRefusal(DocumentOrigin line, ReadOnlySpan<byte> beginning);

/// <summary>Cuts a stream of bytes into lines, without holding more than one line and a buffer.</summary>
/// <param name="stream">The bytes.</param>
/// <param name="path">The file, for refusals.</param>
/// <param name="maxBytes">The most bytes of a line with its line feed.</param>
/// <param name="refusal">Makes the refusal of a longer line; null for one that speaks of lines only.</param>
internal sealed class LineReader(Stream stream, string path, int maxBytes, LongLineRefusal? refusal = null)
{
    /// <summary>Zero bytes up to here may be text. More are a hole in the file, as a crash leaves one, and would fill all memory.</summary>
    private const int MostZeros = 1 << 24;

    private byte[] buffer = new byte[Math.Min(1 << 16, maxBytes)];
    private int start;
    private int end;

    /// <summary>The number of the line read last, from 1.</summary>
    public long LineNumber { get; private set; }

    /// <summary>The file and the line read last.</summary>
    public DocumentOrigin Origin => new(path, LineNumber);

    /// <summary>Reads the next line.</summary>
    /// <param name="line">It, with its line feed if it has one; valid until the next call.</param>
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
        // A mark at the start of the file is no part of its first line.
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
            if (buffer.Length >= MostZeros && !buffer.AsSpan().ContainsAnyExcept((byte)0))
                throw new InvalidInputException($"{path}:{LineNumber + 1}", "text", "nothing but zero bytes", "the file is damaged, copy it again");
            if (buffer.Length == maxBytes) throw TooLong();
            // Large buffers grow fourfold: the old arrays stay in memory until the next collection.
            Array.Resize(ref buffer, (int)Math.Min((buffer.Length < MostZeros ? 2L : 4L) * buffer.Length, maxBytes));
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
