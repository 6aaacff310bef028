using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>What this machine has, and whether Bam can compute on it.</summary>
internal sealed class Doctor() : Verb("doctor", "Show what this machine has and whether Bam can compute on it", "bam doctor --json")
{
    public override int Execute(Invocation invocation)
    {
        var report = new Report(
            ShowVersion.Version,
            RuntimeInformation.FrameworkDescription,
            Environment.ProcessorCount,
            CpuFeatures(),
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        invocation.WriteResult(report, console =>
        {
            var table = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
            table.AddRow("bam", report.Version);
            table.AddRow("runtime", report.Runtime);
            table.AddRow("cores", report.Cores.ToString(CultureInfo.InvariantCulture));
            table.AddRow("cpu features", string.Join(' ', report.CpuFeatures));
            table.AddRow("memory", string.Create(CultureInfo.InvariantCulture, $"{report.MemoryBytes / 1e9:0.0} GB"));
            console.Write(table);
        });
        return ExitStatus.Done;
    }

    private static string[] CpuFeatures() =>
    [
        .. new (string Name, bool Has)[] { ("avx2", Avx2.IsSupported), ("fma", Fma.IsSupported), ("avx512f", Avx512F.IsSupported) }
            .Where(feature => feature.Has)
            .Select(feature => feature.Name),
    ];

    private sealed record Report(string Version, string Runtime, int Cores, string[] CpuFeatures, long MemoryBytes);
}
