namespace Bam.Data.Text;

/// <summary>
/// Decompresses a gzip file of one or more members, with zeros between or behind them as tapes and block devices pad. Every byte of the
/// file is read, or the file is refused.
/// </summary>
/// <param name="file">The compressed bytes; it is owned.</param>
/// <param name="path">What messages call it.</param>
internal sealed class GzipText(Stream file, string path) : ReadOnlyStream
{
    private readonly GzipInflater inflater = new();
    private readonly byte[] buffer = new byte[1 << 16];
    private int start;
    private int end;
    private long endPlace; // of the buffer's end in the file
    private long memberPlace = -1;
    private bool isInMember;

    private static ReadOnlySpan<byte> Magic => [0x1F, 0x8B];

    private long Place => endPlace - (end - start);

    /// <summary>Reads decompressed bytes.</summary>
    /// <exception cref="InvalidInputException">The file is damaged, its end is missing, or something else lies behind a member.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        while (isInMember || FindMember())
        {
            var (count, isProgress) = Inflate(buffer);
            if (count > 0) return count;
            if (!isProgress && !Fill()) throw new InvalidInputException($"{path}: the end of the gzip file is missing; copy it again");
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
            isInMember = !inflater.Inflate(buffer.AsSpan(start, end - start), output, out var taken, out var count);
            start += taken;
            return (count, taken > 0 || !isInMember);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidInputException($"{path}: the gzip member at byte {memberPlace} is damaged ({e.Message}); copy the file again", e);
        }
    }

    /// <summary>Goes to the next member.</summary>
    /// <returns>False at the end of the file.</returns>
    private bool FindMember()
    {
        var before = Place;
        while (start < end || Fill())
        {
            // Zeros are padding behind a member only.
            if (memberPlace >= 0 && buffer[start] == 0)
            {
                start++;
                continue;
            }

            if (end - start < 2) Fill();
            if (!Magic.StartsWith(buffer.AsSpan(start, Math.Min(2, end - start)))) throw OtherBytes(before);
            memberPlace = Place;
            return isInMember = true;
        }

        return false;
    }

    private InvalidInputException OtherBytes(long before) =>
        memberPlace < 0
            ? new(path, "a gzip file", "other bytes at its beginning", "copy it again, or leave .gz off its name if it is not compressed")
            : new(
                path,
                $"another gzip member or zeros behind the member that ends at byte {before}",
                $"{file.Length - Place} bytes at {Place} that are neither",
                "copy the file again, or cut it off there if they are no text");

    private bool Fill()
    {
        buffer.AsSpan(start, end - start).CopyTo(buffer);
        (start, end) = (0, end - start);
        var count = file.Read(buffer, end, buffer.Length - end);
        end += count;
        endPlace += count;
        return count > 0;
    }
}
