using System.Runtime.InteropServices;

namespace Bam.Data.Text;

/// <summary>Decompresses a gzip file; its parts are members.</summary>
internal sealed class GzipText(Stream file, string path) : CompressedText(file, path, new GzipInflater());

/// <summary>
/// Decompresses gzip members with zlib, which reports the number of consumed bytes, unlike .NET's streams. It checks header,
/// checksum and length of each member.
/// </summary>
internal sealed unsafe partial class GzipInflater : IInflater
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

    public string Format => "gzip";

    public string Part => "member";

    private static ReadOnlySpan<byte> Magic => [0x1F, 0x8B];

    public bool MayBegin(ReadOnlySpan<byte> bytes) => Magic.StartsWith(bytes[..Math.Min(bytes.Length, Magic.Length)]);

    /// <inheritdoc/>
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
