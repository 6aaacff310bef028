using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Bam.Files;

/// <summary>Copies between files inside the kernel: <c>copy_file_range</c>, which .NET offers for whole files only.</summary>
internal static partial class KernelCopy
{
    private const int IoError = 5;
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;
    private const int Interrupted = 4;

    /// <summary>
    /// Copies as much as the kernel will. Where it copies less than asked (other file systems, an old kernel, a file that became
    /// shorter), reading and writing the rest either works or finds the fault.
    /// </summary>
    /// <returns>The bytes that were copied, from the first on.</returns>
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
            if (error is IoError or NoSpaceLeft or QuotaExceeded) throw new IOException(Marshal.GetPInvokeErrorMessage(error), error);
            if (error != Interrupted) break;
        }

        return copied;
    }

    [LibraryImport("libc", EntryPoint = "copy_file_range", SetLastError = true)]
    private static partial nint CopyFileRange(SafeFileHandle source, ref long sourcePosition, SafeFileHandle target, ref long targetPosition, nuint length, uint flags);
}
