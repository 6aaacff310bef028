using System.Runtime.InteropServices;

namespace Bam.Data.Text;

/// <summary>
/// Decompresses a gzip file of one or more members, which may be followed by zero padding. Any other bytes are an error.
/// </summary>
internal sealed class GzipText(Stream file, string path) : ReadOnlyStream
{
    private readonly GzipInflater inflater = new();
    private readonly byte[] buffer = new byte[1 << 16];
    private int start;
    private int end;
    private long endPosition; // file position of the buffer's end
    private long memberPosition = -1;
    private bool isInMember;

    private static ReadOnlySpan<byte> Magic => [0x1F, 0x8B];

    private long FilePosition => endPosition - (end - start);

    /// <summary>Reads decompressed bytes.</summary>
    /// <exception cref="InvalidInputException">
    /// The file is damaged or truncated, or a member is followed by other bytes.
    /// </exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        while (isInMember || FindMember())
        {
            var (count, isProgress) = Inflate(buffer);
            if (count > 0) return count;
            if (!isProgress && !Fill())
                throw new InvalidInputException($"{path}: the end of the gzip file is missing; copy it again");
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
            throw new InvalidInputException(
                $"{path}: the gzip member at byte {memberPosition} is damaged ({e.Message}); copy the file again", e);
        }
    }

    /// <summary>Advances to the next member.</summary>
    /// <returns>False at the end of the file.</returns>
    private bool FindMember()
    {
        var before = FilePosition;
        while (start < end || Fill())
        {
            // Zeros are padding only after a member.
            if (memberPosition >= 0 && buffer[start] == 0)
            {
                start++;
                continue;
            }

            if (end - start < 2) Fill();
            if (!Magic.StartsWith(buffer.AsSpan(start, Math.Min(2, end - start)))) throw OtherBytes(before);
            memberPosition = FilePosition;
            return isInMember = true;
        }

        return false;
    }

    private InvalidInputException OtherBytes(long before) =>
        memberPosition < 0
            ? new(
                path, "a gzip file", "other bytes at its beginning",
                "copy it again, or leave .gz off its name if it is not compressed")
            : new(
                path,
                $"another gzip member or zeros behind the member that ends at byte {before}",
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

/// <summary>
/// Decompresses gzip members with zlib, which reports the number of consumed bytes, unlike .NET's streams. It checks header,
/// checksum and length of each member.
/// </summary>
internal sealed unsafe partial class GzipInflater : IDisposable
{
    private const string Library = "libz.so.1";
    private const int GzipWithLongestWindow = 15 + 16;
    private const int Ok = 0;
    private const int StreamEnd = 1;
    private const int OutOfMemory = -4;
    private const int NoProgress = -5;

    private ZStream* state; // zlib keeps its address

    /// <summary>Initializes zlib.</summary>
    /// <exception cref="WorkFailedException">zlib is missing, or out of memory.</exception>
    public GzipInflater()
    {
        state = (ZStream*)NativeMemory.AllocZeroed((nuint)sizeof(ZStream));
        try
        {
            fixed (byte* version = "1.2.11\0"u8) Check(InflateInit(state, GzipWithLongestWindow, version, sizeof(ZStream)));
        }
        catch (DllNotFoundException e)
        {
            NativeMemory.Free(state);
            throw new WorkFailedException(
                $"{Library} is missing, which reads gzip files; install zlib (on Debian: zlib1g), or decompress the files", e);
        }
    }

    /// <summary>
    /// Decompresses a part of a member. <paramref name="taken"/> and <paramref name="written"/> count consumed and produced
    /// bytes.
    /// </summary>
    /// <returns>True at the end of the member; the next call starts a new one.</returns>
    /// <exception cref="InvalidDataException">The member is damaged; zlib's message.</exception>
    public bool Inflate(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int written)
    {
        ObjectDisposedException.ThrowIf(state is null, this);
        int status;
        fixed (byte* source = input, destination = output)
        {
            state->NextIn = source;
            state->AvailableIn = (uint)input.Length;
            state->NextOut = destination;
            state->AvailableOut = (uint)output.Length;
            status = Inflate(state, flush: 0);
        }

        (taken, written) = (input.Length - (int)state->AvailableIn, output.Length - (int)state->AvailableOut);
        if (status == StreamEnd) Check(InflateReset(state));
        else if (status is not (Ok or NoProgress)) Check(status);
        return status == StreamEnd;
    }

    public void Dispose()
    {
        if (state is null) return;
        _ = InflateEnd(state);
        NativeMemory.Free(state);
        state = null;
    }

    private void Check(int status)
    {
        if (status == Ok) return;
        if (status == OutOfMemory) throw new WorkFailedException("no memory to decompress a gzip file");
        throw new InvalidDataException(Marshal.PtrToStringUTF8((nint)state->Message) ?? $"zlib status {status}");
    }

    [LibraryImport(Library, EntryPoint = "inflateInit2_")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int InflateInit(ZStream* state, int windowBits, byte* version, int size);

    [LibraryImport(Library, EntryPoint = "inflate")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Inflate(ZStream* state, int flush);

    [LibraryImport(Library, EntryPoint = "inflateReset")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int InflateReset(ZStream* state);

    [LibraryImport(Library, EntryPoint = "inflateEnd")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int InflateEnd(ZStream* state);

    /// <summary>zlib's <c>z_stream</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ZStream
    {
        public byte* NextIn;
        public uint AvailableIn;
        public nuint TotalIn;
        public byte* NextOut;
        public uint AvailableOut;
        public nuint TotalOut;
        public byte* Message;
        public void* Internal;
        public void* Allocate;
        public void* Free;
        public void* Opaque;
        public int DataType;
        public nuint Checksum;
        public nuint Reserved;
    }
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
