using System.Text;

namespace Bam.Files;

/// <summary>
/// Files that appear under their final names only when whole: written beside it, synced, renamed, and the rename synced.
/// After a power failure there is the old file or the new one.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>; on any failure before the rename the old file, if any, stays.</summary>
    /// <param name="path">The file; folders above it are made, and symbolic links are followed.</param>
    /// <param name="write">Writes the content; what it throws, other than I/O failures, is thrown on.</param>
    /// <exception cref="WorkFailedException">The disk is full, the folder cannot be written, or the new name cannot be synced.</exception>
    /// <exception cref="InvalidInputException">The path is a directory or a device.</exception>
    public static void Write(string path, Action<FileStream> write) => Write(path, write, DiskSync.Directory);

    /// <summary>Writes a file and syncs its name through <paramref name="syncNames"/>.</summary>
    internal static void Write(string path, Action<FileStream> write, Action<string> syncNames)
    {
        ArgumentNullException.ThrowIfNull(write);
        OutputPath.RequireKind(path, FileKind.File);
        string? temporary = null;
        var isRenamed = false;
        try
        {
            var target = RealPath.Of(path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            TemporarySibling.RemoveLeftovers(target);
            temporary = TemporarySibling.Of(target);
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
            isRenamed = true;
            syncNames(Path.GetDirectoryName(target)!);
        }
        catch (Exception e) when (isRenamed && e is (IOException or UnauthorizedAccessException))
        {
            throw DiskSync.NameMayBeLost(TemporarySibling.Displayed(path), e);
        }
        catch (Exception e)
        {
            if (temporary is not null) TemporarySibling.TryDelete(temporary);
            if (e is IOException or UnauthorizedAccessException)
                throw new WorkFailedException($"{TemporarySibling.Displayed(path)}: cannot be written ({IoFailure.Describe(e)}); no part of it was left under that name", e);
            throw;
        }
    }

    /// <summary>Writes <paramref name="text"/> as UTF-8 without a byte-order mark.</summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written.</exception>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>A text, as a message, in which the temporary names of what is being written are replaced by the final ones.</summary>
    public static string WithFinalNames(string text) => TemporarySibling.Displayed(text);
}
