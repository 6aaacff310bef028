using System.Globalization;
using System.Text.RegularExpressions;

namespace Bam.Files;

/// <summary>
/// Hidden names beside a final name for what is not whole yet: <c>.NAME.MACHINE.PROCESS.NUMBER.tmp</c>. Whoever writes the same
/// final name later removes those of dead processes.
/// </summary>
internal static partial class TemporarySibling
{
    private const string Suffix = ".tmp";

    private static long made;

    /// <summary>A name that nobody else uses.</summary>
    public static string Of(string finalPath) =>
        Path.Combine(
            Path.GetDirectoryName(finalPath)!,
            string.Create(CultureInfo.InvariantCulture, $"{Prefix(finalPath)}{Environment.ProcessId}.{Interlocked.Increment(ref made)}{Suffix}"));

    /// <summary>Where a link leads in the end; the path itself when it is none.</summary>
    public static string FollowLinks(string path) =>
        new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;

    /// <summary>Removes what killed processes of this machine left beside <paramref name="finalPath"/>.</summary>
    public static void RemoveLeftovers(string finalPath)
    {
        var prefix = Prefix(finalPath);
        foreach (var path in Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(finalPath)!, $".*{Suffix}"))
        {
            var name = Path.GetFileName(path);
            if (!name.StartsWith(prefix, StringComparison.Ordinal)) continue;
            var process = name[prefix.Length..].Split('.')[0];
            if (int.TryParse(process, CultureInfo.InvariantCulture, out var id) && !Directory.Exists($"/proc/{id}")) TryDelete(path);
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

    /// <summary>A path as the user knows it: with final names in the place of temporary ones.</summary>
    public static string Displayed(string path) => TemporaryName().Replace(path, "$1");

    [GeneratedRegex(@"(?<=^|/)\.([^/]+)\.[^/.]+\.[0-9]+\.[0-9]+\.tmp(?=/|$)")]
    private static partial Regex TemporaryName();

    private static string Prefix(string finalPath) => $".{Path.GetFileName(finalPath)}.{Environment.MachineName.Replace('.', '-')}.";
}
