using System.Globalization;
using Bam.Models.Costs;
using Spectre.Console;
using Layout = Bam.Models.Costs.Layout;

namespace Bam.Cli.Commands;

/// <summary>How long the three phases take, and a step in each layout, and whether they fit.</summary>
internal static class CostPlanView
{
    public static void Show(
        IReadOnlyList<PhaseEstimate>? phases,
        PlannedLayouts? planned,
        CostSubject subject,
        ComputeBudget compute,
        CostSettings settings,
        Invocation invocation)
    {
        var result = new
        {
            Model = subject.Name,
            SequenceLength = settings.Length,
            settings.BatchSize,
            Dtype = CostView.NameOf(settings.Dtype),
            settings.ActivationCheckpointing,
            settings.ShardOptimizer,
            Compute = compute,
            Phases = phases,
            GlobalBatchSize = planned?.Plan.Sequences,
            Layouts = planned?.Models,
        };
        invocation.WriteResult(result, console =>
        {
            if (planned is not null) DrawLayouts(console, planned, compute, settings);
            if (phases is not null) Draw(console, phases, compute, settings);
        });
    }

    private static void DrawLayouts(
        IAnsiConsole console, PlannedLayouts planned, ComputeBudget compute, CostSettings settings)
    {
        string[] titles = ["micro", "step", "tokens/s", "efficiency", "sent", "memory"];
        var table = new TitledTable(
            string.Create(
                CultureInfo.InvariantCulture,
                $"A step of {planned.Plan.Sequences:N0} × {settings.Length:N0} tokens in each layout, data × experts"),
            titles);
        var notes = new List<string>();
        foreach (var model in planned.Models)
        {
            table.AddGroup(model.Model);
            foreach (var estimate in model.Layouts)
            {
                var cells = estimate.Refusal is null ? CellsOf(estimate) : [.. titles.Select(_ => "–")];
                table.Add(LabelOf(estimate, notes), cells, estimate.IsBest);
            }
        }

        table.Write(
            console,
            "micro: micro-batches × sequences on each rank; sent: bytes of a rank in a step; * fastest that fits. "
            + $"{CountOf(compute)}, in {CostView.NameOf(settings.Dtype)}{Choices(settings)}. Experts are assumed to get "
            + "equally many tokens, and all ranks to be equally fast; a step takes as long as its slowest rank.");
        foreach (var note in notes) console.MarkupLine($"[grey]{ResultText.Label(note)}[/]");
    }

    private static string LabelOf(LayoutEstimate estimate, List<string> notes)
    {
        var mark = (estimate.IsBest ? " *" : "") + (estimate.Fits == false ? " too large" : "");
        if (estimate.Refusal is { } why)
        {
            var note = $"{estimate.Layout}: {why}";
            if (!notes.Contains(note)) notes.Add(note);
        }

        return $"  {ShortOf(estimate.Layout)}{mark}";
    }

    private static string[] CellsOf(LayoutEstimate estimate) =>
    [
        string.Create(CultureInfo.InvariantCulture, $"{estimate.MicroBatches:N0} × {estimate.MicroBatch:N0}"),
        Seconds(estimate.Time!.Total),
        Quantity.Short(estimate.TokensPerSecond),
        string.Create(CultureInfo.InvariantCulture, $"{estimate.Efficiency:0.00}"),
        Quantity.Short(estimate.Traffic!.Bytes, "B"),
        Quantity.Short(estimate.Memory!.Total, "B"),
    ];

    private static string ShortOf(Layout layout) =>
        string.Create(CultureInfo.InvariantCulture, $"{layout.Data} × {layout.Experts}");

    private static string Seconds(double seconds) => seconds >= 1
        ? Quantity.Short(seconds, "s")
        : Quantity.Short(seconds * 1000, "ms");

    private static string Choices(CostSettings settings) => settings switch
    {
        { ActivationCheckpointing: true, ShardOptimizer: true } => ", with activation checkpointing and a sharded optimizer",
        { ActivationCheckpointing: true } => ", with activation checkpointing",
        { ShardOptimizer: true } => ", with a sharded optimizer",
        _ => "",
    };

    private static void Draw(
        IAnsiConsole console, IReadOnlyList<PhaseEstimate> phases, ComputeBudget compute, CostSettings settings)
    {
        var hasLayouts = phases.Any(phase => phase.Layout is not null);
        string[] titles = ["tokens", "FLOPs", "time", "memory"];
        if (hasLayouts) titles = [.. titles, "layout"];
        var table = new TitledTable("The three phases", compute.MemoryBytes is null ? titles : [.. titles, "fits"]);
        foreach (var phase in phases)
        {
            string[] cells =
            [
                phase.Models == 1 ? Quantity.Tokens(phase.Tokens) : $"{phase.Models} × {Quantity.Tokens(phase.Tokens)}",
                Quantity.Flops(phase.Flops),
                Quantity.Duration(phase.Seconds),
                Quantity.Short(phase.Memory.Total, "B"),
            ];
            if (hasLayouts) cells = [.. cells, phase.Layout is { } layout ? ShortOf(layout) : "–"];
            table.Add(NameOf(phase), compute.MemoryBytes is null ? cells : [.. cells, FitOf(phase, settings)]);
        }

        var whole = string.Create(
            CultureInfo.InvariantCulture,
            $"each holds the whole model and {settings.BatchSize:N0} × {settings.Length:N0} tokens in "
            + $"{CostView.NameOf(settings.Dtype)}{Choices(settings)}.");
        table.Write(
            console, $"{CountOf(compute)}; {(hasLayouts ? "each phase in its best layout, data × experts." : whole)}");
        if (phases.Count(phase => phase.Phase == 3) > 1)
            console.MarkupLine("[grey]The mixtures are alternatives, each made from the same seed and copies.[/]");
    }

    private static string NameOf(PhaseEstimate phase) => phase.Phase switch
    {
        1 => "1 seed",
        2 => "2 copies of the seed",
        _ => $"3 {phase.Model}",
    };

    private static string FitOf(PhaseEstimate phase, CostSettings settings) => phase switch
    {
        { LargestBatch: 0 } => "at no batch size",
        { Fits: true } => "yes",
        _ => string.Create(CultureInfo.InvariantCulture, $"only {phase.LargestBatch:N0} × {settings.Length:N0}"),
    };

    private static string CountOf(ComputeBudget compute) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Count(compute.Devices)} of {Quantity.Short(compute.PeakFlops, "FLOP/s")}, of which training reaches "
        + $"{compute.Fraction:0.##}");

    private static string Count(int devices) =>
        devices == 1 ? "One device" : string.Create(CultureInfo.InvariantCulture, $"{devices:N0} devices");
}
