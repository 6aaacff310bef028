using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Bam.Files;

/// <summary>
/// Writes files that appear under their final names only when complete: written under a temporary name, synced and renamed. After
/// a power failure either the old or the new file exists.
/// </summary>
internal static class AtomicFile
{
    /// <summary>
    /// Writes <paramref name="path"/> through <paramref name="write"/>. Parent folders are created and symbolic links followed.
    /// An existing file stays if anything fails before the rename; exceptions of <paramref name="write"/> other than I/O errors
    /// are rethrown.
    /// </summary>
    /// <exception cref="WorkFailedException">
    /// The disk is full, the folder cannot be written, or the new name cannot be synced.
    /// </exception>
    /// <exception cref="InvalidInputException">The path is a directory or a device.</exception>
    public static void Write(string path, Action<FileStream> write) => Write(path, write, DiskSync.Directory);

    internal static void Write(string path, Action<FileStream> write, Action<string> syncNames)
    {
        OutputPath.RequireKind(path, FileKind.File);
        string? temporary = null;
        var isRenamed = false;
        try
        {
            var target = RealPath.Of(path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            TemporarySibling.RemoveLeftovers(target);
            temporary = TemporarySibling.NameFor(target);
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
                throw new WorkFailedException(
                    $"{TemporarySibling.Displayed(path)}: cannot be written ({IoFailure.Describe(e)}); no part of it was left "
                        + "under that name",
                    e);
            throw;
        }
    }

    /// <summary>Writes UTF-8 without a byte order mark.</summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written.</exception>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Replaces temporary names in a message by the final ones.</summary>
    public static string WithFinalNames(string text) => TemporarySibling.Displayed(text);
}

/// <summary>
/// Hidden temporary names next to a final name: <c>.NAME.MACHINE.PROCESS.NUMBER.tmp</c> for incomplete output, <c>.old</c> for
/// output that is being replaced. The next writer of the same name removes those of dead processes.
/// </summary>
internal static partial class TemporarySibling
{
    private const string Suffix = ".tmp";
    private const string OldSuffix = ".old";

    /// <summary>Length limit of a file name in bytes, and the part of it reserved for process id, number and suffix.</summary>
    private const int MaxNameLength = 255;
    private const int MaxEndingLength = 10 + 1 + 19 + 4;

    private static readonly string Machine = Environment.MachineName.Replace('.', '-');
    private static readonly ConcurrentDictionary<string, string> Shortened = [];

    private static long made;

    /// <summary>A unique name for output that becomes <paramref name="finalPath"/>.</summary>
    public static string NameFor(string finalPath) => NameFor(finalPath, Suffix);

    /// <summary>A unique name for the output at <paramref name="finalPath"/> that is being replaced.</summary>
    public static string ReplacedNameFor(string finalPath) => NameFor(finalPath, OldSuffix);

    /// <summary>
    /// Removes temporary files that killed processes of this machine left next to <paramref name="finalPath"/>. A replaced output
    /// is restored if the final name does not exist.
    /// </summary>
    public static void RemoveLeftovers(string finalPath)
    {
        var prefix = Prefix(finalPath);
        var leftovers = Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(finalPath)!, ".*")
            .Where(path => IsLeftover(Path.GetFileName(path), prefix)).ToList();
        foreach (var path in leftovers)
        {
            if (path.EndsWith(OldSuffix, StringComparison.Ordinal) && !Path.Exists(finalPath)) Directory.Move(path, finalPath);
            else TryDelete(path);
        }
    }

    /// <summary>
    /// Removes a file or directory. Errors are ignored: the caller reports a more important one, or the next writer tries again.
    /// </summary>
    public static void TryDelete(string path)
    {
        try
        {
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
            else File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>Replaces temporary names in a text by the final names.</summary>
    public static string Displayed(string text) =>
        text.Contains(Suffix, StringComparison.Ordinal) || text.Contains(OldSuffix, StringComparison.Ordinal)
            ? TemporaryName().Replace(
                text, match => Shortened.TryGetValue(match.Groups[1].Value, out var name) ? name : match.Groups[1].Value)
            : text;

    /// <summary>True for a temporary name of any machine and process.</summary>
    public static bool IsName(string name) =>
        TemporaryName().Match(name) is { Success: true, Index: 0 } match && match.Length == name.Length;

    private static bool IsLeftover(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal)
        && (name.EndsWith(Suffix, StringComparison.Ordinal) || name.EndsWith(OldSuffix, StringComparison.Ordinal))
        && int.TryParse(name[prefix.Length..].Split('.')[0], CultureInfo.InvariantCulture, out var process)
        && !Directory.Exists($"/proc/{process}");

    private static string NameFor(string finalPath, string suffix) =>
        Path.Combine(
            Path.GetDirectoryName(finalPath)!,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Prefix(finalPath)}{Environment.ProcessId}.{Interlocked.Increment(ref made)}{suffix}"));

    // A name that would be too long is replaced by its hash.
    private static string Prefix(string finalPath)
    {
        var name = Path.GetFileName(finalPath);
        if (Encoding.UTF8.GetByteCount($".{name}.{Machine}.") > MaxNameLength - MaxEndingLength)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..32];
            Shortened.TryAdd(hash, name);
            name = hash;
        }

        return $".{name}.{Machine}.";
    }

    // The bounds keep matching time linear.
    [GeneratedRegex(@"(?<=^|[/'""\s])\.([^/]{1,255}?)\.[^/.]{1,255}\.[0-9]{1,19}\.[0-9]{1,19}\.(?:tmp|old)(?=$|[/'"":;,)\s])")]
    private static partial Regex TemporaryName();
}

/// <summary>Checks disk space before large writes.</summary>
internal static class FreeSpace
{
    /// <summary>
    /// Fails if <paramref name="bytes"/> do not fit on the file system of <paramref name="path"/>, which need not exist. Passes
    /// if the free space is unknown.
    /// </summary>
    /// <exception cref="WorkFailedException">Less than <paramref name="bytes"/> is free.</exception>
    public static void Require(string path, long bytes)
    {
        var existing = Path.GetFullPath(path);
        while (!Directory.Exists(existing)) existing = Path.GetDirectoryName(existing)!;
        if (Available(existing) is { } free && free < bytes)
        {
            throw new WorkFailedException(string.Create(
                CultureInfo.InvariantCulture,
                $"{TemporarySibling.Displayed(path)}: {bytes:N0} bytes are to be written but "
                    + $"{TemporarySibling.Displayed(existing)} has only {free:N0} free; make room or write elsewhere"));
        }
    }

    private static long? Available(string directory)
    {
        try
        {
            var drive = new DriveInfo(directory);
            return drive.TotalSize > 0 ? drive.AvailableFreeSpace : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
