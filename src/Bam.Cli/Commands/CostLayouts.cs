using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using Bam.Checkpoints;
using Bam.Models.Costs;

namespace Bam.Cli.Commands;

/// <summary>The options of <c>bam cost --plan</c> that concern layouts, and what they ask for.</summary>
internal sealed class CostLayouts
{
    // The paper's batches, 1 M and 4 M tokens, as powers of two.
    private static readonly Dictionary<string, long> s_paperTokensPerStep = new() { ["small"] = 1 << 20, ["large"] = 1 << 22 };

    private readonly Option<string?> bandwidth = new("--bandwidth")
    {
        Description = "Plan: bytes/s that a device sends while it receives as many, such as 50G; predicts a step in each layout",
        HelpName = "BYTES",
    };

    private readonly Option<string[]> layout = new("--layout")
    {
        Description = "Plan: only this layout, such as data=16,experts=4; may be repeated [default: all that are possible]",
        HelpName = "LAYOUT",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<double> latency = new("--latency")
    {
        Description = "Plan: seconds of one hop between two devices",
        HelpName = "S",
        DefaultValueFactory = _ => 5e-6,
    };

    private readonly Option<double> overlap = new("--overlap")
    {
        Description = "Plan: fraction of a step's last backward pass during which gradients are exchanged, 0 to 1",
        HelpName = "F",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string?> memoryBandwidth = new("--memory-bandwidth")
    {
        Description = "Plan: bytes/s of a device's memory, such as 3.35T, for the optimizer's time [default: no time]",
        HelpName = "BYTES",
    };

    private readonly Option<int?> globalBatchSize = new("--global-batch-size")
    {
        Description = "Plan: sequences of an optimizer step on all devices; micro-batches then have at most --batch-size "
            + "sequences [default: 1M or 4M tokens for presets, as in the paper, otherwise --batch-size × devices]",
        HelpName = "B",
    };

    private readonly Option<bool> shardOptimizer = new("--shard-optimizer")
    {
        Description = "Plan: divide AdamW's moments among the data ranks",
    };

    public IReadOnlyList<Option> Options =>
        [bandwidth, layout, latency, overlap, memoryBandwidth, globalBatchSize, shardOptimizer];

    /// <summary>Whether layouts are to be planned.</summary>
    public bool IsAsked(Invocation invocation) => invocation.IsGiven(bandwidth);

    /// <summary>Whether AdamW's moments are divided among the data ranks.</summary>
    public bool ShardOptimizer(Invocation invocation) => invocation.Get(shardOptimizer);

    /// <summary>The options that have no meaning without <c>--bandwidth</c>.</summary>
    public Option[] NeedBandwidth => [.. Options.Skip(1)];

    /// <summary>Predicts a step of every model in every layout that was asked for.</summary>
    /// <exception cref="InvalidInputException">A layout is possible for no model, or an option is wrong.</exception>
    public PlannedLayouts Plan(CostSubject subject, ComputeBudget compute, CostSettings settings, Invocation invocation)
    {
        var sequences = SequencesOf(subject, compute, settings, invocation);
        var plan = new LayoutPlan(LinksOf(invocation), compute, settings, sequences);
        var asked = AskedFor(compute, invocation);
        var models = subject.Models
            .Select(model => new ModelLayouts(
                model.Name, model.Config, asked.Count > 0 ? plan.Of(model.Config, asked) : plan.OfPossible(model.Config)))
            .ToList();
        foreach (var one in asked)
        {
            var estimates = models.SelectMany(model => model.Layouts).Where(estimate => estimate.Layout == one).ToList();
            if (estimates.All(estimate => estimate.Refusal is not null))
                throw new InvalidInputException(
                    layout.Name, "a layout that divides the sequences and the experts", $"{one}: {estimates[0].Refusal}",
                    "choose another, or leave it out for every possible one");
        }

        if (models.All(model => model.Layouts.Count == 0))
            throw new InvalidInputException(
                globalBatchSize.Name, $"a multiple of {compute.Devices} devices, or of a divisor", $"{sequences}",
                "choose another number of sequences or devices");
        RequireFinite(models);
        return new(plan, models);
    }

    private static void RequireFinite(List<ModelLayouts> models)
    {
        if (models.SelectMany(model => model.Layouts).Any(estimate => !double.IsFinite(estimate.Time?.Total ?? 0)))
            throw new InvalidInputException(
                "--peak, --bandwidth, --memory-bandwidth and --latency", "numbers for which a step takes a finite time",
                "others", "correct their units");
    }

    private List<Layout> AskedFor(ComputeBudget compute, Invocation invocation)
    {
        var asked = (invocation.Get(layout) ?? []).Select(text => Layout.Parse(layout.Name, text)).Distinct().ToList();
        return asked.Find(one => one.Devices != compute.Devices) is { } wrong
            ? throw new InvalidInputException(
                layout.Name, $"{compute.Devices} ranks, as --devices says", $"{wrong}, {wrong.Devices} ranks",
                "correct one of them")
            : asked;
    }

    private int SequencesOf(CostSubject subject, ComputeBudget compute, CostSettings settings, Invocation invocation)
    {
        if (invocation.Get(globalBatchSize) is { } given)
        {
            return given > 0
                ? given
                : throw new InvalidInputException(globalBatchSize.Name, "a number above 0", $"{given}", "correct it");
        }

        var ofPaper = subject.Preset is { } preset ? s_paperTokensPerStep[preset] / settings.Length : 0;
        var sequences = ofPaper > 0 ? ofPaper : (long)settings.BatchSize * compute.Devices;
        return sequences <= int.MaxValue
            ? (int)sequences
            : throw new InvalidInputException(
                globalBatchSize.Name, $"at most {int.MaxValue} sequences, by default --batch-size × --devices", $"{sequences}",
                "give fewer devices or sequences");
    }

    private ClusterLinks LinksOf(Invocation invocation) => new(
        Rate(bandwidth, invocation)!.Value,
        Within(latency, double.MaxValue, "0 or more seconds", invocation),
        Within(overlap, 1, "a number from 0 to 1", invocation),
        Rate(memoryBandwidth, invocation));

    private static double? Rate(Option<string?> option, Invocation invocation)
    {
        if (invocation.Get(option) is not { } text) return null;
        var rate = Quantity.Parse(option.Name, text);
        return rate > 0 ? rate : throw new InvalidInputException(option.Name, "a number above 0", text, "correct it");
    }

    private static double Within(Option<double> option, double most, string expected, Invocation invocation)
    {
        var value = invocation.Get(option);
        return value >= 0 && value <= most
            ? value
            : throw new InvalidInputException(
                option.Name, expected, value.ToString(CultureInfo.InvariantCulture), "correct it");
    }
}

/// <summary>The layouts of all models of one command.</summary>
internal sealed record PlannedLayouts(LayoutPlan Plan, IReadOnlyList<ModelLayouts> Models)
{
    /// <summary>The best layout of a model, whether it was asked for or not; null if none is possible.</summary>
    public LayoutEstimate? BestOf(ModelConfig config) =>
        Models.FirstOrDefault(model => model.Config == config)?.Layouts.FirstOrDefault(layout => layout.IsBest)
        ?? Plan.OfPossible(config).FirstOrDefault(layout => layout.IsBest);
}

/// <summary>The predictions for each layout of a model.</summary>
/// <param name="Model">The name in tables.</param>
/// <param name="Config">The sizes.</param>
/// <param name="Layouts">Those that were asked for, or all that are possible.</param>
internal sealed record ModelLayouts(
    string Model, [property: JsonIgnore] ModelConfig Config, IReadOnlyList<LayoutEstimate> Layouts);
