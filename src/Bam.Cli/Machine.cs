using System.Globalization;

namespace Bam.Cli;

/// <summary>What the system says of the machine.</summary>
/// <param name="Cpu">The processor's name.</param>
/// <param name="Cores">How many of its cores this process may use.</param>
/// <param name="MemoryBytes">Memory that this process may use: the machine's, or its container's limit.</param>
/// <param name="FreeMemoryBytes">How much of the machine's is free or can be freed.</param>
/// <param name="FreeDiskBytes">Free space where the command was started.</param>
internal sealed record Machine(string Cpu, int Cores, long MemoryBytes, long FreeMemoryBytes, long FreeDiskBytes)
{
    public static Machine Current() => new(
        Field("/proc/cpuinfo", "model name") ?? "unknown",
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        KibiBytes(Field("/proc/meminfo", "MemAvailable")),
        new DriveInfo(Environment.CurrentDirectory).AvailableFreeSpace);

    /// <summary>The value of the first line <c>name : value</c>; null without one.</summary>
    private static string? Field(string path, string name) =>
        File.ReadLines(path).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();

    private static long KibiBytes(string? value) =>
        value is null ? 0 : long.Parse(value.Split(' ')[0], CultureInfo.InvariantCulture) * 1024;
}
