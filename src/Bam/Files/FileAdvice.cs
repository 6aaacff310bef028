using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Bam.Files;

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
