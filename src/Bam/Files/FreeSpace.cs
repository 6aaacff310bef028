namespace Bam.Files;

/// <summary>The check that every large write starts with.</summary>
public static class FreeSpace
{
    /// <summary>Refuses to start writing what cannot fit.</summary>
    /// <param name="path">A file or directory about to be written; it need not exist yet.</param>
    /// <param name="bytes">How many bytes will be written there.</param>
    /// <exception cref="WorkFailedException">Less than <paramref name="bytes"/> is free.</exception>
    public static void Require(string path, long bytes)
    {
        var existing = Path.GetFullPath(path);
        while (!Directory.Exists(existing)) existing = Path.GetDirectoryName(existing)!;
        var free = new DriveInfo(existing).AvailableFreeSpace;
        if (free < bytes)
            throw new WorkFailedException(
                $"{path}: {bytes:N0} bytes are to be written but {existing} has only {free:N0} free; make room or write elsewhere");
    }
}
