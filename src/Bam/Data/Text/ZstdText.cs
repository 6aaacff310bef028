using ZstdSharp.Unsafe;

namespace Bam.Data.Text;

/// <summary>Decompresses a zstd file; its parts are frames, skippable ones among them (RFC 8878, section 3.1).</summary>
internal sealed class ZstdText(Stream file, string path) : CompressedText(file, path, new ZstdInflater());

/// <summary>
/// Decompresses zstd frames. The memory grows with the frame's window: 8 MiB by default, and at most 2 GiB
/// (<c>zstd --long=31</c>), of which only as much is used as the frame has text.
/// </summary>
internal sealed unsafe class ZstdInflater : IInflater
{
    private const int LargestWindow = 31; // 2^31 bytes

    private ZSTD_DCtx_s* context = Methods.ZSTD_createDCtx();

    /// <summary>Initializes the decoder.</summary>
    public ZstdInflater() => Methods.ZSTD_DCtx_setParameter(context, ZSTD_dParameter.ZSTD_d_windowLogMax, LargestWindow);

    public string Format => "zstd";

    public string Part => "frame";

    private static ReadOnlySpan<byte> Magic => [0x28, 0xB5, 0x2F, 0xFD];

    // The first byte is 0x50 to 0x5F.
    private static ReadOnlySpan<byte> SkippableMagicTail => [0x2A, 0x4D, 0x18];

    public bool MayBegin(ReadOnlySpan<byte> bytes) =>
        Magic.StartsWith(bytes) || ((bytes[0] & 0xF0) == 0x50 && SkippableMagicTail.StartsWith(bytes[1..]));

    /// <inheritdoc/>
    public bool Inflate(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int written)
    {
        ObjectDisposedException.ThrowIf(context is null, this);
        fixed (byte* source = input, destination = output)
        {
            var from = new ZSTD_inBuffer_s { src = source, size = (nuint)input.Length };
            var to = new ZSTD_outBuffer_s { dst = destination, size = (nuint)output.Length };
            var status = Decompress(&to, &from);
            (taken, written) = ((int)from.pos, (int)to.pos);
            return status == 0;
        }
    }

    public void Dispose()
    {
        if (context is null) return;
        _ = Methods.ZSTD_freeDCtx(context);
        context = null;
    }

    /// <summary>Reads and writes some bytes; 0 means the end of a frame.</summary>
    private nuint Decompress(ZSTD_outBuffer_s* to, ZSTD_inBuffer_s* from)
    {
        nuint status;
        try
        {
            status = Methods.ZSTD_decompressStream(context, to, from);
        }
        catch (OutOfMemoryException e)
        {
            throw OutOfMemory(e);
        }

        return Methods.ZSTD_getErrorCode(status) switch
        {
            ZSTD_ErrorCode.ZSTD_error_no_error => status,
            ZSTD_ErrorCode.ZSTD_error_memory_allocation => throw OutOfMemory(null),
            ZSTD_ErrorCode.ZSTD_error_dictionary_wrong => throw new NotSupportedException(
                "needs the dictionary that it was compressed with; decompress it with 'zstd -d -D DICTIONARY'"),
            _ => throw new InvalidDataException(Methods.ZSTD_getErrorName(status)),
        };
    }

    private static WorkFailedException OutOfMemory(Exception? cause) =>
        new("no memory to decompress a zstd file; one that was written with 'zstd --long=31' needs up to 2 GiB", cause);
}
