namespace Bam.Torch;

/// <summary>The bridge and the libtorch that it was built for, as CMake wrote it down.</summary>
/// <param name="File">The bridge's library.</param>
/// <param name="Version">libtorch's version, such as <c>1.13.0</c>.</param>
/// <param name="Source">How the build found it: <c>LIBTORCH</c>, <c>LIBTORCH_USE_PYTORCH</c> or <c>system</c>.</param>
/// <param name="Directory">The folder of its libraries.</param>
internal sealed record BridgeRecord(string File, string Version, string Source, string Directory)
{
    /// <summary>The bridge beside this assembly; null, with the reason noted, when the build could not make it.</summary>
    internal static BridgeRecord? Find(List<string> attempts)
    {
        var file = Path.Combine(AppContext.BaseDirectory, "libbam_torch.so");
        var record = Path.Combine(AppContext.BaseDirectory, "bam_torch.txt");
        if (!System.IO.File.Exists(file) || !System.IO.File.Exists(record))
        {
            attempts.Add($"{file}: not there; 'dotnet build' makes it where it finds libtorch, CMake and a C++ compiler");
            return null;
        }

        var lines = System.IO.File.ReadAllLines(record)
            .Select(line => line.Split('=', 2))
            .Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1]);
        return new BridgeRecord(file, lines["version"], lines["source"], lines["directory"]);
    }
}
