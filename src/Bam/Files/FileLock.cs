using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Bam.Files;

/// <summary>
/// Locks ranges of a file's bytes against other holders, with <c>fcntl</c> and an owner per open file (F_OFD_SETLK). The kernel
/// releases the locks when the process ends, however it ends; network file systems pass them on to their server (decision 0143).
/// </summary>
internal sealed partial class FileLock : IDisposable
{
    private const int OpenReadWrite = 2;
    private const int OpenCreate = 0x40;
    private const int OpenCloseOnExec = 0x80000;
    private const int Mode = 0b110_110_110;

    private const int GetLock = 36;
    private const int SetLock = 37;
    private const short ReadLock = 0;
    private const short WriteLock = 1;
    private const short NoLock = 2;

    // struct flock of fcntl.h on x64: l_type at 0, l_whence at 2, l_start at 8, l_len at 16, l_pid at 24.
    private const int RequestLength = 32;

    private const int TryAgain = 11;
    private const int AccessDenied = 13;

    private readonly SafeFileHandle handle;

    private FileLock(string path, SafeFileHandle handle) => (Path, this.handle) = (path, handle);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Opens the file, which is created if it does not exist, with its directory; nothing is locked yet.</summary>
    /// <exception cref="WorkFailedException">The directory or the file cannot be written.</exception>
    public static FileLock Open(string path)
    {
        var directory = System.IO.Path.GetDirectoryName(path)!;
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{directory}: cannot be created ({IoFailure.Describe(e)}); choose another output", e);
        }

        var descriptor = Open(path, OpenReadWrite | OpenCreate | OpenCloseOnExec, Mode);
        if (descriptor < 0)
        {
            var reason = Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());
            throw new WorkFailedException($"{path}: cannot be written ({reason}); choose another output");
        }

        return new FileLock(path, new SafeFileHandle(descriptor, ownsHandle: true));
    }

    /// <summary>Locks a range, or changes the kind of a lock that this object holds on it. Never waits.</summary>
    /// <param name="kind">Shared with other shared locks, or exclusive.</param>
    /// <param name="start">The first byte; it need not exist.</param>
    /// <param name="length">0 for everything from <paramref name="start"/> on.</param>
    public LockAttempt TryLock(LockKind kind, long start = 0, long length = 0)
    {
        Span<byte> request = stackalloc byte[RequestLength];
        if (Call(SetLock, kind == LockKind.Shared ? ReadLock : WriteLock, start, length, request) == 0)
            return LockAttempt.Acquired;
        return Marshal.GetLastPInvokeError() is TryAgain or AccessDenied ? LockAttempt.Busy : LockAttempt.Unsupported;
    }

    /// <summary>True if another holder has a lock of any kind in the range.</summary>
    public bool IsHeldElsewhere(long start, long length)
    {
        Span<byte> request = stackalloc byte[RequestLength];
        return Call(GetLock, WriteLock, start, length, request) == 0
            && BinaryPrimitives.ReadInt16LittleEndian(request) != NoLock;
    }

    /// <summary>The file's content; at most <paramref name="most"/> bytes of it.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public string ReadText(int most)
    {
        var bytes = new byte[most];
        return Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(handle, bytes, 0));
    }

    /// <summary>Writes a text over the beginning of the file, for others to read at once.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void WriteText(string text)
    {
        RandomAccess.Write(handle, Encoding.UTF8.GetBytes(text), 0);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>Empties the file.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Clear()
    {
        RandomAccess.SetLength(handle, 0);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>Releases the locks. The file stays: removing it would let two holders lock two files of one name.</summary>
    public void Dispose() => handle.Dispose();

    private int Call(int command, short type, long start, long length, Span<byte> request)
    {
        request.Clear();
        BinaryPrimitives.WriteInt16LittleEndian(request, type);
        BinaryPrimitives.WriteInt64LittleEndian(request[8..], start);
        BinaryPrimitives.WriteInt64LittleEndian(request[16..], length);
        return FileControl(handle, command, request);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(SafeFileHandle file, int command, Span<byte> request);
}

/// <summary>Who else may hold the lock.</summary>
internal enum LockKind
{
    /// <summary>Other shared holders.</summary>
    Shared,

    /// <summary>Nobody.</summary>
    Exclusive,
}

/// <summary>What came of an attempt to lock.</summary>
internal enum LockAttempt
{
    /// <summary>The lock is held.</summary>
    Acquired,

    /// <summary>Another holder has it.</summary>
    Busy,

    /// <summary>The file system has no locks.</summary>
    Unsupported,
}
