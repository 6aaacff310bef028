using System.Diagnostics;

namespace Bam.Tests.Files;

/// <summary>A file system of a few kilobytes, if the test may mount one.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly TemporaryDirectory mountPoint = new();

    private SmallDisk() { }

    public string Root => mountPoint.Root;

    /// <summary>Mounts one of <paramref name="kilobytes"/>, or skips the test with the reason.</summary>
    public static SmallDisk? TryMount(int kilobytes, out string whyNot)
    {
        whyNot = "mounting a small file system needs root";
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess) return null;
        var disk = new SmallDisk();
        var (status, error) = Run("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "none", disk.Root);
        if (status == 0) return disk;
        whyNot = $"mount: {error}";
        disk.mountPoint.Dispose();
        return null;
    }

    /// <summary>Fills the disk.</summary>
    public void Fill()
    {
        using var filler = new FileStream(
            Path.Combine(Root, "filler"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true) filler.Write(new byte[1024]);
        }
        catch (IOException)
        {
            // The disk is full.
        }
    }

    public void MakeReadOnly() => Run("mount", "-o", "remount,ro", Root);

    public void Dispose()
    {
        Run("umount", Root);
        mountPoint.Dispose();
    }

    private static (int Status, string Error) Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error.Trim());
    }
}
