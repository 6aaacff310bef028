namespace Bam.Data.Text;

/// <summary>Two streams read one after the other; it owns both.</summary>
internal sealed class ConcatenatedStream(Stream first, Stream second) : ReadOnlyStream
{
    /// <summary>True once the first has ended and the second was asked.</summary>
    public bool IsFirstRead { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        if (!IsFirstRead && first.Read(buffer) is > 0 and var count) return count;
        IsFirstRead = true;
        return second.Read(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            first.Dispose();
            second.Dispose();
        }

        base.Dispose(disposing);
    }
}
