using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

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

/// <summary>
/// Hidden names beside a final name: <c>.NAME.MACHINE.PROCESS.NUMBER.tmp</c> for what is not whole yet, <c>.old</c> for what is being
/// replaced. Whoever writes the same final name later clears away those of dead processes.
/// </summary>
internal static partial class TemporarySibling
{
    private const string Suffix = ".tmp";
    private const string OldSuffix = ".old";

    /// <summary>The longest name that a file system takes, in bytes, and what of it the process's id, a number and the suffix may need.</summary>
    private const int LongestName = 255;
    private const int LongestEnding = 10 + 1 + 19 + 4;

    private static readonly string Machine = Environment.MachineName.Replace('.', '-');
    private static readonly ConcurrentDictionary<string, string> Shortened = [];

    private static long made;

    /// <summary>A name that nobody else uses, for what becomes <paramref name="finalPath"/>.</summary>
    public static string Of(string finalPath) => Of(finalPath, Suffix);

    /// <summary>A name that nobody else uses, for what was <paramref name="finalPath"/>.</summary>
    public static string OfReplaced(string finalPath) => Of(finalPath, OldSuffix);

    /// <summary>
    /// Removes what killed processes of this machine left beside <paramref name="finalPath"/>; what one had moved aside comes back where
    /// nothing had taken its place yet.
    /// </summary>
    public static void RemoveLeftovers(string finalPath)
    {
        var prefix = Prefix(finalPath);
        var leftovers = Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(finalPath)!, ".*").Where(path => IsLeftover(Path.GetFileName(path), prefix)).ToList();
        foreach (var path in leftovers)
        {
            if (path.EndsWith(OldSuffix, StringComparison.Ordinal) && !Path.Exists(finalPath)) Directory.Move(path, finalPath);
            else TryDelete(path);
        }
    }

    /// <summary>Removes a file or a directory; failing is no news, for a worse failure brought us here or the next writer tries again.</summary>
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

    /// <summary>A text with final names in the place of temporary ones, as the user knows them.</summary>
    public static string Displayed(string text) =>
        TemporaryName().Replace(text, match => Shortened.TryGetValue(match.Groups[1].Value, out var name) ? name : match.Groups[1].Value);

    /// <summary>True for the name of such a file or directory, of whatever machine and process.</summary>
    public static bool IsName(string name) => TemporaryName().Match(name) is { Success: true, Index: 0 } match && match.Length == name.Length;

    private static bool IsLeftover(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal)
        && (name.EndsWith(Suffix, StringComparison.Ordinal) || name.EndsWith(OldSuffix, StringComparison.Ordinal))
        && int.TryParse(name[prefix.Length..].Split('.')[0], CultureInfo.InvariantCulture, out var process)
        && !Directory.Exists($"/proc/{process}");

    private static string Of(string finalPath, string suffix) =>
        Path.Combine(
            Path.GetDirectoryName(finalPath)!,
            string.Create(CultureInfo.InvariantCulture, $"{Prefix(finalPath)}{Environment.ProcessId}.{Interlocked.Increment(ref made)}{suffix}"));

    // A name that would become too long is replaced by its hash.
    private static string Prefix(string finalPath)
    {
        var name = Path.GetFileName(finalPath);
        if (Encoding.UTF8.GetByteCount($".{name}.{Machine}.") > LongestName - LongestEnding)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..32];
            Shortened.TryAdd(hash, name);
            name = hash;
        }

        return $".{name}.{Machine}.";
    }

    // The bounds keep the time linear in the text.
    [GeneratedRegex(@"(?<=^|[/'""\s])\.([^/]{1,255}?)\.[^/.]{1,255}\.[0-9]{1,19}\.[0-9]{1,19}\.(?:tmp|old)(?=$|[/'"":;,)\s])")]
    private static partial Regex TemporaryName();
}

/// <summary>The check that every large write starts with.</summary>
internal static class FreeSpace
{
    /// <summary>Refuses to start writing what cannot fit. A file system that does not say what is free is not asked twice.</summary>
    /// <param name="path">A file or directory about to be written; it need not exist yet.</param>
    /// <param name="bytes">How many bytes will be written there.</param>
    /// <exception cref="WorkFailedException">Less than <paramref name="bytes"/> is free.</exception>
    public static void Require(string path, long bytes)
    {
        var existing = Path.GetFullPath(path);
        while (!Directory.Exists(existing)) existing = Path.GetDirectoryName(existing)!;
        if (Available(existing) is { } free && free < bytes)
        {
            throw new WorkFailedException(string.Create(
                CultureInfo.InvariantCulture,
                $"{TemporarySibling.Displayed(path)}: {bytes:N0} bytes are to be written but {TemporarySibling.Displayed(existing)} has only {free:N0} free; make room or write elsewhere"));
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
