using Bam.Torch;

namespace Bam.Experiments.Findings;

/// <summary>What this process runs on.</summary>
internal static class ThisMachine
{
    /// <summary>Reads it; libtorch is loaded if it was not.</summary>
    public static MachineDescription Describe()
    {
        LibTorch.Load();
        return new MachineDescription
        {
            Cpu = ProcessorName(),
            Cores = Environment.ProcessorCount,
            Memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            Libtorch = LibTorch.Info.Version,
            Blas = LibTorch.Info.Blas,
            Threads = LibTorch.Info.Threads,
        };
    }

    private static string ProcessorName()
    {
        const string info = "/proc/cpuinfo";
        var line = File.Exists(info) ? File.ReadLines(info).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? "unknown" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
