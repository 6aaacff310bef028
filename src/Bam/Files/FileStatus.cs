using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Bam.Files;

internal enum FileKind
{
    File,
    Directory,
    Device,
    Pipe,
    Socket,
    Link,
}

/// <summary>File metadata from <c>statx</c>.</summary>
/// <param name="Kind">Its type.</param>
/// <param name="Length">Bytes of a regular file; file system dependent for other kinds.</param>
/// <param name="Device">The file system.</param>
/// <param name="Node">The inode. Two paths are the same file if device and inode are equal.</param>
internal readonly partial record struct FileStatus(FileKind Kind, long Length, ulong Device, ulong Node)
{
    private const int CurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const uint BasicFields = 0x7FF;
    private const int BufferLength = 256;
    private const int ToWriteAndSearch = 2 | 1;

    /// <summary>The kind, for messages.</summary>
    public string Words => Kind == FileKind.Link ? "a symbolic link" : $"a {Kind.ToString().ToLowerInvariant()}";

    /// <summary>The status of a path with links followed; null if it does not exist or is not accessible.</summary>
    public static FileStatus? Of(string path) => Of(path, followsLink: true);

    /// <summary>The status of the entry itself, without following symbolic links.</summary>
    public static FileStatus? OfEntry(string path) => Of(path, followsLink: false);

    /// <summary>Why no entry can be made in a folder; null if one can.</summary>
    public static string? WhyNotWritable(string folder) =>
        Access(folder, ToWriteAndSearch) == 0
            ? null
            : Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()).ToLowerInvariant();

    public bool IsSameAs(FileStatus other) => Device == other.Device && Node == other.Node;

    private static FileStatus? Of(string path, bool followsLink)
    {
        Span<byte> status = stackalloc byte[BufferLength];
        if (StatX(CurrentDirectory, path, followsLink ? 0 : NoFollow, BasicFields, status) != 0) return null;
        // struct statx of linux/stat.h: stx_mode at 28, stx_ino at 32, stx_size at 40, stx_dev_major and stx_dev_minor at 136.
        return new(
            KindOf(BinaryPrimitives.ReadUInt16LittleEndian(status[28..])),
            BinaryPrimitives.ReadInt64LittleEndian(status[40..]),
            BinaryPrimitives.ReadUInt64LittleEndian(status[136..]),
            BinaryPrimitives.ReadUInt64LittleEndian(status[32..]));
    }

    private static FileKind KindOf(int mode) => (mode & 0xF000) switch
    {
        0x1000 => FileKind.Pipe,
        0x2000 or 0x6000 => FileKind.Device,
        0x4000 => FileKind.Directory,
        0xA000 => FileKind.Link,
        0xC000 => FileKind.Socket,
        _ => FileKind.File,
    };

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int directory, string path, int flags, uint mask, Span<byte> status);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);
}

/// <summary>Describes I/O errors for users.</summary>
internal static class IoFailure
{
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;

    /// <summary>A short description without the temporary names in .NET's messages.</summary>
    public static string Describe(Exception failure) => failure.HResult switch
    {
        NoSpaceLeft => "the disk is full",
        QuotaExceeded => "the disk quota is used up",
        _ when failure is UnauthorizedAccessException => "permission denied",
        _ => TemporarySibling.Displayed(failure.Message.Split(" : '")[0].TrimEnd('.')),
    };
}
