using Bam.Torch;

namespace Bam.Experiments.Findings;

/// <summary>The machine and the libraries behind a run's numbers; part of its identity.</summary>
internal sealed record MachineDescription
{
    /// <summary>The processor's name.</summary>
    public required string Cpu { get; init; }

    /// <summary>Its cores.</summary>
    public required int Cores { get; init; }

    /// <summary>Main memory, in bytes.</summary>
    public required long Memory { get; init; }

    /// <summary>libtorch's version.</summary>
    public required string Libtorch { get; init; }

    /// <summary>The BLAS library that was mapped.</summary>
    public required string Blas { get; init; }

    /// <summary>The threads that training used.</summary>
    public required int Threads { get; init; }
}

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
        var line = File.Exists(info)
            ? File.ReadLines(info).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line is null ? "unknown" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
