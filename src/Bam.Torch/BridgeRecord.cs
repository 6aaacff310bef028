namespace Bam.Torch;

/// <summary>The bridge and the libtorch that it was built for, as CMake wrote it down.</summary>
/// <param name="File">The bridge's library.</param>
/// <param name="Version">libtorch's version, such as <c>1.13.0</c>.</param>
/// <param name="Source">How the build found it: <c>LIBTORCH</c>, <c>LIBTORCH_USE_PYTORCH</c> or <c>system</c>.</param>
/// <param name="Directory">The folder of its libraries.</param>
internal sealed record BridgeRecord(string File, string Version, string Source, string Directory)
{
    /// <summary>The bridge in that folder; null, with the reason noted, when the build could not make it or its record is not whole.</summary>
    internal static BridgeRecord? Find(string directory, List<string> attempts)
    {
        var file = Path.Combine(directory, "libbam_torch.so");
        var record = Path.Combine(directory, "bam_torch.txt");
        if (!System.IO.File.Exists(file) || !System.IO.File.Exists(record))
        {
            attempts.Add($"{file}: not there; 'dotnet build' makes it where it finds libtorch, CMake and a C++ compiler");
            return null;
        }

        try
        {
            var lines = System.IO.File.ReadAllLines(record);
            if ((Entry(lines, "version"), Entry(lines, "source"), Entry(lines, "directory")) is ({ } version, { } source, { } libraries))
                return new BridgeRecord(file, version, source, libraries);
            attempts.Add($"{record}: expected version, source and directory, found '{string.Join(' ', lines)}'; 'dotnet build' makes it again");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            attempts.Add($"{record}: {e.Message}");
        }

        return null;
    }

    private static string? Entry(string[] lines, string name) =>
        Array.Find(lines, line => line.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..];
}
