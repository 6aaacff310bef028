using System.Globalization;
using System.Runtime.InteropServices;
using Bam.Torch;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Shows hardware and libraries, whether Bam can compute here, and advice.</summary>
internal sealed class Doctor() : Verb(
    "doctor", "Show the hardware and libraries of this machine, and whether Bam can compute on it", "bam doctor --json")
{
    // The demonstration's peak memory, and its corpora, checkpoints and report.
    private const long EnoughMemory = 2_000_000_000;
    private const long EnoughDisk = 2_000_000_000;

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        var machine = Machine.Current();
        var libtorch = LibTorch.IsAvailable(out var whyNot) ? LibTorch.Info : null;
        var peak = libtorch is null ? (double?)null : MatrixPeak.Measure();
        var gpuPeak = libtorch is { CudaDevices: > 0 }
            ? MatrixPeak.Measure(device: Device.Cuda(), type: ScalarType.BFloat16)
            : (double?)null;
        var report = new Report(
            ShowVersion.Version,
            RuntimeInformation.FrameworkDescription,
            libtorch is not null,
            machine,
            libtorch,
            peak,
            gpuPeak,
            libtorch is null ? whyNot : null,
            [.. Advice(machine, libtorch)]);
        invocation.WriteResult(report, console => Draw(report, console));
        return report.Usable ? ExitStatus.Done : ExitStatus.WorkFailed;
    }

    private static IEnumerable<string> Advice(Machine machine, LibTorchInfo? libtorch)
    {
        if (libtorch is null)
        {
            yield return "libtorch cannot be used: './bam setup' in the clone installs the missing packages";
        }
        else
        {
            if (libtorch.BlasFiles.Any(IsOpenBlasWithoutOpenMp))
            {
                yield return "OpenBLAS is not the OpenMP build: training with more than one thread is several times slower; "
                    + "apt-get install libopenblas0-openmp";
            }

            if (!libtorch.AllocatorTuned)
                yield return "malloc returns large blocks to the system: large matrix products take up to 50 % longer";
            if (libtorch.Threads < machine.Cores)
                yield return $"libtorch uses {libtorch.Threads} of {machine.Cores} cores (OMP_NUM_THREADS)";
        }

        if (machine.MemoryBytes < EnoughMemory) yield return "less than 2 GB of memory: 'bam demo' may not fit";
        if (machine.FreeDiskBytes < EnoughDisk) yield return "less than 2 GB of disk space free here: 'bam demo' may not fit";
    }

    private static bool IsOpenBlasWithoutOpenMp(string file) =>
        file.Contains("openblas", StringComparison.Ordinal) && !file.Contains("openmp", StringComparison.Ordinal);

    private static void Draw(Report report, IAnsiConsole console)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn(new GridColumn().PadRight(0));
        void Row(string name, string value) => grid.AddRow($"[grey]{ResultText.Label(name)}[/]", ResultText.Label(value));

        Row("bam", $"{report.Version}, {report.Runtime}");
        Row("processor", $"{report.Machine.Cpu}, {report.Machine.Cores} cores");
        Row(
            "memory",
            $"{GigaBytes(report.Machine.MemoryBytes)}, {GigaBytes(report.Machine.FreeMemoryBytes)} free; "
            + $"disk {GigaBytes(report.Machine.FreeDiskBytes)} free here");
        if (report.Libtorch is { } libtorch)
        {
            Row("features", libtorch.CpuFeatures);
            Row("libtorch", $"{libtorch.Version} in {libtorch.Directory}");
            Row("bridge", libtorch.Bridge);
            Row("threads", $"{libtorch.Threads}; {string.Join(' ', libtorch.Environment)}");
            Row("blas", libtorch.Blas);
            foreach (var file in libtorch.BlasFiles) Row("", file);
            Row("malloc", libtorch.AllocatorTuned ? "keeps large blocks" : "system default");
            Row("cuda devices", libtorch.CudaDevices.ToString(CultureInfo.InvariantCulture));
            Row("matrix product", string.Create(CultureInfo.InvariantCulture, $"{report.MatrixPeakGflops:0} GFLOP/s in float32"));
            if (report.GpuMatrixPeakGflops is { } rate)
                Row("", string.Create(CultureInfo.InvariantCulture, $"{rate:0} GFLOP/s in bfloat16 on {Device.Cuda()}"));
            foreach (var attempt in libtorch.Attempts) Row("searched", attempt);
        }
        else
        {
            foreach (var (line, i) in report.WhyNot!.Split('\n').Select((line, i) => (line, i)))
                Row(i == 0 ? "libtorch" : "", line.Trim());
        }

        foreach (var advice in report.Advice) Row("advice", advice);
        Row(
            "verdict",
            report.Usable ? "Bam can compute here" : "Bam cannot compute here; mix, cost, inspect, data and tokenizer work");
        console.Write(grid);
    }

    private static string GigaBytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB");

    private sealed record Report(
        string Version,
        string Runtime,
        bool Usable,
        Machine Machine,
        LibTorchInfo? Libtorch,
        double? MatrixPeakGflops,
        double? GpuMatrixPeakGflops,
        string? WhyNot,
        string[] Advice);
}

/// <summary>
/// The processor, the cores and the memory that this process may use (at most its container's), the memory that is free or can be
/// freed, and the free disk space of the current directory.
/// </summary>
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
