using System.Globalization;

namespace Bam.Files;

/// <summary>The most memory that a process can have: memory and swap space, or the limit of its control group.</summary>
internal static class MachineMemory
{
    private const string ControlGroups = "/sys/fs/cgroup";

    /// <summary>Bytes; null where the system does not say.</summary>
    public static long? Bytes()
    {
        try
        {
            var (memory, swap) = (Field("MemTotal"), Field("SwapTotal") ?? 0);
            return memory is null ? null : Limits().Append(memory.Value).Min() + swap;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long? Field(string name) =>
        File.ReadLines("/proc/meminfo").FirstOrDefault(line => line.StartsWith($"{name}:", StringComparison.Ordinal)) is { } line
            ? long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024
            : null;

    // Of the process's own group and those around it (version 2), or of the container (version 1).
    private static IEnumerable<long> Limits()
    {
        var files = new List<string> { $"{ControlGroups}/memory/memory.limit_in_bytes" };
        var own = File.Exists("/proc/self/cgroup")
            ? File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::", StringComparison.Ordinal))
            : null;
        for (var group = ControlGroups + own?[3..].TrimEnd('/');
            group.StartsWith(ControlGroups, StringComparison.Ordinal); group = Path.GetDirectoryName(group)!)
        {
            files.Add($"{group}/memory.max");
        }

        foreach (var file in files.Where(File.Exists))
        {
            if (long.TryParse(
                File.ReadAllText(file), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var limit))
            {
                yield return limit;
            }
        }
    }
}
