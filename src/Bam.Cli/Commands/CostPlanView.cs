using System.Globalization;
using Bam.Models.Costs;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>How long the three phases take, and whether they fit.</summary>
internal static class CostPlanView
{
    public static void Show(
        IReadOnlyList<PhaseEstimate> phases, CostSubject subject, ComputeBudget compute, CostSettings settings, Invocation invocation)
    {
        var result = new
        {
            Model = subject.Name,
            SequenceLength = settings.Length,
            settings.BatchSize,
            Dtype = CostView.NameOf(settings.Dtype),
            Compute = compute,
            Phases = phases,
        };
        invocation.WriteResult(result, console => Draw(console, phases, compute, settings));
    }

    private static void Draw(IAnsiConsole console, IReadOnlyList<PhaseEstimate> phases, ComputeBudget compute, CostSettings settings)
    {
        string[] titles = ["tokens", "FLOPs", "time", "memory"];
        var table = new CostTable("The three phases", compute.MemoryBytes is null ? titles : [.. titles, "fits"]);
        foreach (var phase in phases)
        {
            string[] cells =
            [
                phase.Models == 1 ? Quantity.Tokens(phase.Tokens) : $"{phase.Models} × {Quantity.Tokens(phase.Tokens)}",
                Quantity.Flops(phase.Flops),
                Quantity.Duration(phase.Seconds),
                Quantity.Short(phase.Memory.Total, "B"),
            ];
            table.Add(NameOf(phase), compute.MemoryBytes is null ? cells : [.. cells, Verdict(phase, settings)]);
        }

        table.Write(console, string.Create(
            CultureInfo.InvariantCulture,
            $"{Count(compute.Devices)} of {Quantity.Short(compute.PeakFlops, "FLOP/s")}, of which training reaches {compute.Fraction:0.##}; on each a whole model and {settings.BatchSize:N0} × {settings.Length:N0} tokens in {CostView.NameOf(settings.Dtype)}."));
        if (phases.Count(phase => phase.Phase == 3) > 1) console.MarkupLine("[grey]The mixtures are alternatives, each made of the same seed and copies.[/]");
    }

    private static string NameOf(PhaseEstimate phase) => phase.Phase switch
    {
        1 => "1 seed",
        2 => "2 copies of it",
        _ => $"3 {phase.Model}",
    };

    private static string Verdict(PhaseEstimate phase, CostSettings settings) => phase switch
    {
        { LargestBatch: 0 } => "at no batch",
        { Fits: true } => "yes",
        _ => string.Create(CultureInfo.InvariantCulture, $"{phase.LargestBatch:N0} × {settings.Length:N0} would"),
    };

    private static string Count(int devices) => devices == 1 ? "One device" : string.Create(CultureInfo.InvariantCulture, $"{devices:N0} devices");
}
