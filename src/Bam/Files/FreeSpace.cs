using System.Globalization;

namespace Bam.Files;

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
