using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Bam.Files;

/// <summary>Copies between files inside the kernel with <c>copy_file_range</c>, which .NET offers for whole files only.</summary>
internal static partial class KernelCopy
{
    private const int IoError = 5;
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;
    private const int Interrupted = 4;

    /// <summary>
    /// Copies as much as the kernel can. If it copies less than requested (different file systems, an old kernel, a truncated
    /// file), the caller reads and writes the rest, which either works or reports the error.
    /// </summary>
    /// <returns>The number of bytes copied from the start.</returns>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public static long Copy(SafeFileHandle source, long sourcePosition, SafeFileHandle target, long targetPosition, long length)
    {
        var copied = 0L;
        while (copied < length)
        {
            var count = CopyFileRange(source, ref sourcePosition, target, ref targetPosition, (nuint)(length - copied), 0);
            if (count > 0)
            {
                copied += count;
                continue;
            }

            if (count == 0) break;
            var error = Marshal.GetLastPInvokeError();
            if (error is IoError or NoSpaceLeft or QuotaExceeded)
                throw new IOException(Marshal.GetPInvokeErrorMessage(error), error);
            if (error != Interrupted) break;
        }

        return copied;
    }

    [LibraryImport("libc", EntryPoint = "copy_file_range", SetLastError = true)]
    private static partial nint CopyFileRange(
        SafeFileHandle source, ref long sourcePosition, SafeFileHandle target, ref long targetPosition, nuint length, uint flags);
}

/// <summary>Hints to the kernel about future reads, so that disk and processor work in parallel. Failures are ignored.</summary>
internal static partial class FileAdvice
{
    private const int WillNeed = 3;

    /// <summary>Starts reading a range into the page cache.</summary>
    public static void ReadAhead(SafeFileHandle file, long position, long length) =>
        _ = PosixAdvise(file, position, length, WillNeed);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int PosixAdvise(SafeFileHandle file, long position, long length, int advice);
}

/// <summary>
/// Page-aligned native memory: the kernel copies whole pages, and the garbage collector neither moves nor counts it.
/// </summary>
internal sealed unsafe class AlignedBuffer<T>(int length) : IDisposable
    where T : unmanaged
{
    private const int PageLength = 4096;

    private T* memory = (T*)NativeMemory.AlignedAlloc((nuint)length * (nuint)sizeof(T), PageLength);

    /// <summary>The whole buffer, initially undefined.</summary>
    public Span<T> Span => new(memory, memory is null ? throw new ObjectDisposedException(nameof(AlignedBuffer<T>)) : length);

    public void Dispose()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
    }
}
