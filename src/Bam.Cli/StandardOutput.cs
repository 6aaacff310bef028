using System.Runtime.InteropServices;
using Bam.Files;

namespace Bam.Cli;

/// <summary>The reader of standard output has gone, as <c>head</c> does after its last line: the work ends silently.</summary>
internal sealed class ClosedOutputException : Exception;

/// <summary>Standard output that reports a closed pipe, which .NET's own stream ignores.</summary>
internal sealed partial class StandardOutput : Stream
{
    private const int Descriptor = 1;
    private const int Interrupted = 4;
    private const int TryAgain = 11;
    private const int BrokenPipe = 32;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Redirects <see cref="Console.Out"/> to it.</summary>
    public static void Install()
    {
        if (OperatingSystem.IsLinux())
            Console.SetOut(new StreamWriter(new StandardOutput(), Console.OutputEncoding) { AutoFlush = true });
    }

    /// <summary>Writes all bytes.</summary>
    /// <exception cref="ClosedOutputException">Nobody reads them.</exception>
    /// <exception cref="WorkFailedException">The disk is full, or failed.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var count = Write(Descriptor, buffer, buffer.Length);
            if (count < 0) Fail(Marshal.GetLastPInvokeError());
            else buffer = buffer[(int)count..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private static void Fail(int error)
    {
        switch (error)
        {
            case Interrupted:
                break;
            case TryAgain:
                Thread.Sleep(1);
                break;
            case BrokenPipe:
                throw new ClosedOutputException();
            default:
                var failure = new IOException(Marshal.GetPInvokeErrorMessage(error), error);
                throw new WorkFailedException(
                    $"standard output: cannot be written ({IoFailure.Describe(failure)}); write it elsewhere");
        }
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, ReadOnlySpan<byte> buffer, nint count);
}
