using System.CommandLine;
using Bam.Models.Costs;
using Bam.Torch;

namespace Bam.Cli.Commands;

/// <summary>Computes the cost of a model without creating it; needs no libtorch.</summary>
internal sealed class Cost : Verb
{
    private const int PaperLength = PaperFigures.Context;

    private readonly Argument<string> model = new("MODEL")
    {
        Description = "A checkpoint directory, a config.json, or a preset: bam-small and bam-large are the paper's seeds with "
            + "its mixtures",
    };

    private readonly Option<string?> method = new("--method")
    {
        Description = "Also show the mixture that this method of 'bam mix' makes from a dense model: bam, btx or sparse",
        HelpName = "METHOD",
    };

    private readonly Option<int> models = new("--models")
    {
        Description = "Number of models to mix, including the seed",
        HelpName = "N",
        DefaultValueFactory = _ => 1 + TokenBudget.PaperCopies,
    };

    private readonly Option<int?> experts = new("--experts")
    {
        Description = "Number of feed-forward experts [default: the number of models]",
        HelpName = "M",
    };

    private readonly Option<int?> topK = new("--top-k")
    {
        Description = "Feed-forward experts per token [default: 1]",
        HelpName = "K",
    };

    private readonly Option<bool> shareKeyValue = new("--share-key-value")
    {
        Description = "bam: one K and V for all attention experts",
    };

    private readonly Option<int?> attentionTopK = new("--attention-top-k")
    {
        Description = "bam: route attention to K experts instead of to all",
        HelpName = "K",
    };

    private readonly Option<int?> length = new("--sequence-length")
    {
        Description = "Context length at inference, and window length in training [default: 256, as in the paper]",
        HelpName = "T",
    };

    private readonly Option<int> batchSize = new("--batch-size")
    {
        Description = "Sequences per micro-batch on each device",
        HelpName = "B",
        DefaultValueFactory = _ => 8,
    };

    private readonly Option<string> dtype = new("--dtype")
    {
        Description = "Compute dtype of training: float32 or bfloat16",
        HelpName = "T",
        DefaultValueFactory = _ => "float32",
    };

    private readonly Option<bool> activationCheckpointing = new("--activation-checkpointing")
    {
        Description = "Training keeps only each block's input, and computes the block again in the backward pass",
    };

    private readonly Option<string?> tokens = new("--tokens")
    {
        Description = "Training tokens, such as 100B or 4e11; with --plan, those of the mixture",
        HelpName = "N",
    };

    private readonly Option<bool> plan = new("--plan")
    {
        Description = "Estimate the time and memory of the three phases, which requires --peak and --tokens, or of a step in "
            + "each layout, which requires --peak and --bandwidth",
    };

    private readonly Option<string?> peak = new("--peak")
    {
        Description = "Plan: peak matrix throughput of one device in FLOP/s, such as 989T ('bam doctor' measures this machine's)",
        HelpName = "FLOPS",
    };

    private readonly Option<double> fraction = new("--fraction")
    {
        Description = "Plan: fraction of the peak that training reaches",
        HelpName = "F",
        DefaultValueFactory = _ => 0.4,
    };

    private readonly Option<int> devices = new("--devices")
    {
        Description = "Plan: number of devices; without --bandwidth each holds the whole model",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string?> memory = new("--memory")
    {
        Description = "Plan: memory of one device in bytes, such as 80G",
        HelpName = "BYTES",
    };

    private readonly Option<string?> seedTokens = new("--seed-tokens")
    {
        Description = "Plan: training tokens of the seed, 0 if it is already trained [default: the paper's for presets, "
            + "otherwise 0]",
        HelpName = "N",
    };

    private readonly Option<string?> copyTokens = new("--expert-tokens")
    {
        Description = "Plan: training tokens of each specialised model, 0 if already trained [default: 100B for presets, "
            + "otherwise 0]",
        HelpName = "N",
    };

    private readonly CostLayouts layouts = new();

    public Cost()
        : base("cost", "Count parameters, FLOPs, cache and memory of a model, or plan the three phases", "bam cost bam-small")
    {
        Arguments.Add(model);
        foreach (var option in new Option[]
        {
            method, models, experts, topK, shareKeyValue, attentionTopK, length, batchSize, dtype, activationCheckpointing,
            tokens, plan, peak, fraction, devices, memory, seedTokens, copyTokens,
        }.Concat(layouts.Options))
        {
            Options.Add(option);
        }
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        var mixing = new CostMixing(
            invocation.Get(method),
            Positive(invocation, models),
            invocation.Get(experts),
            invocation.Get(topK),
            invocation.Get(shareKeyValue),
            invocation.Get(attentionTopK));
        if (mixing.Method is null) RefuseWithout("--method", invocation, models, experts, topK, shareKeyValue, attentionTopK);
        if (!invocation.Get(plan))
            RefuseWithout(
                "--plan", invocation, [peak, fraction, devices, memory, seedTokens, copyTokens, .. layouts.Options]);
        if (!layouts.IsAsked(invocation)) RefuseWithout("--bandwidth", invocation, layouts.NeedBandwidth);

        var subject = CostSubject.Of(invocation.GetRequired(model), mixing, invocation.Reporter);
        var settings = SettingsFor(subject, invocation);
        var budget = QuantityOf(invocation, tokens);
        var costs = subject.Models.Select(named => ModelCost.Of(named, settings)).ToList();
        if (!invocation.Get(plan))
        {
            CostView.Show(subject, costs, settings, budget, invocation);
            return ExitStatus.Done;
        }

        var compute = ComputeOf(invocation);
        var planned = layouts.IsAsked(invocation) ? layouts.Plan(subject, compute, settings, invocation) : null;
        // Layouts alone can be planned of any model and without a budget.
        var phases = planned is not null && budget is null
            ? null
            : UpcyclingPlan.Of(
                subject.Seed, subject.Mixtures, TokensOf(subject, invocation, budget), compute, settings,
                planned is null ? null : planned.BestOf);
        if (phases?.Any(phase => !double.IsFinite(phase.Seconds)) == true)
            throw new InvalidInputException(
                "--peak and the numbers of tokens", "numbers for which training takes a finite time", "others",
                "correct their units");
        CostPlanView.Show(phases, planned, subject, compute, settings, invocation);
        return ExitStatus.Done;
    }

    private CostSettings SettingsFor(CostSubject subject, Invocation invocation)
    {
        var longest = subject.Seed.LongestInput;
        var window = invocation.Get(length) ?? Math.Min(PaperLength, longest);
        if (window < 1 || window > longest)
            throw new InvalidInputException(
                "--sequence-length", $"1 to {longest} (max_position_embeddings)", $"{window}", "choose another");
        return new(window, Positive(invocation, batchSize), invocation.GetRequired(dtype) switch
        {
            "float32" => ScalarType.Float32,
            "bfloat16" => ScalarType.BFloat16,
            var other => throw new InvalidInputException("--dtype", "float32 or bfloat16", other, "choose one of these"),
        })
        {
            ActivationCheckpointing = invocation.Get(activationCheckpointing),
            ShardOptimizer = layouts.ShardOptimizer(invocation),
        };
    }

    private ComputeBudget ComputeOf(Invocation invocation)
    {
        var flops = QuantityOf(invocation, peak) ?? throw new InvalidInputException(
            "--peak", "the peak matrix throughput of one device in FLOP/s", "none",
            "add it, for example --peak 989T; 'bam doctor' measures this machine's");
        if (flops == 0) throw new InvalidInputException("--peak", "a number above 0", "0", "correct it");
        var reached = invocation.Get(fraction);
        if (reached is not (> 0 and <= 1))
            throw new InvalidInputException(
                "--fraction", "a number above 0 and at most 1", FormattableString.Invariant($"{reached}"), "correct it");
        return new(flops, reached, Positive(invocation, devices), QuantityOf(invocation, memory));
    }

    private TokenBudget TokensOf(CostSubject subject, Invocation invocation, double? mixture)
    {
        if (subject.Mixtures.Count == 0)
            throw new InvalidInputException(
                "--plan", "a mixture, or a dense model with --method", "a dense model",
                "add --method bam or btx, or name a preset");
        return new(
            QuantityOf(invocation, seedTokens) ?? subject.PaperSeedTokens ?? 0,
            subject.Copies,
            QuantityOf(invocation, copyTokens) ?? (subject.PaperSeedTokens is null ? 0 : TokenBudget.PaperCopyTokens),
            mixture ?? throw new InvalidInputException(
                "--tokens", "the mixture's training tokens", "none",
                "add them, for example --tokens 10B; the paper does not state its own"));
    }

    private static double? QuantityOf(Invocation invocation, Option<string?> option) =>
        invocation.Get(option) is { } text ? Quantity.Parse(option.Name, text) : null;

    private static int Positive(Invocation invocation, Option<int> option) =>
        invocation.Get(option) is > 0 and var value
            ? value
            : throw new InvalidInputException(option.Name, "a number above 0", $"{invocation.Get(option)}", "correct it");

    private static void RefuseWithout(string needed, Invocation invocation, params Option[] options)
    {
        if (options.FirstOrDefault(invocation.IsGiven) is { } option)
            throw new InvalidInputException($"{option.Name} has no meaning without {needed}; add that or leave it out");
    }
}
