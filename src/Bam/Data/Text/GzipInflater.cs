using System.Runtime.InteropServices;

namespace Bam.Data.Text;

/// <summary>
/// zlib, as far as gzip members need it: it says how many bytes a member took, which .NET's streams keep to themselves. It checks
/// each member's header, checksum and length.
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

    /// <summary>Waits for a member.</summary>
    /// <exception cref="WorkFailedException">zlib is missing, or there is no memory.</exception>
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
            throw new WorkFailedException($"{Library} is missing, which reads gzip files; install zlib (on Debian: zlib1g), or decompress the files", e);
        }
    }

    /// <summary>Decompresses a part of a member.</summary>
    /// <param name="input">The compressed bytes that come next.</param>
    /// <param name="output">Receives decompressed bytes.</param>
    /// <param name="taken">How much of the input is used up.</param>
    /// <param name="written">How much of the output is filled.</param>
    /// <returns>True at the end of the member; the next call begins another one.</returns>
    /// <exception cref="InvalidDataException">The member is damaged; the message is zlib's.</exception>
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
