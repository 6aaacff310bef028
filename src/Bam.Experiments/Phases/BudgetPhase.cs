using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Checkpoints.Opening;
using Bam.Experiments.Recipes;
using Bam.Models.Costs;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>
/// Finds how many tokens a mixture is trained on for the budget of another: the tokens of the other × the cost of a token
/// there ÷ the cost of a token here. What is measured is measured once and kept, so that a resumed run has the same budget.
/// <paramref name="own"/> and <paramref name="reference"/> are the models before training, <paramref name="referenceBudget"/>
/// finds the other's tokens if the settings do not have them.
/// </summary>
internal sealed class BudgetPhase(
    string name, BudgetSettings settings, ModelPhase own, ModelPhase reference, BudgetPhase? referenceBudget,
    IEnumerable<DataPhase> domains)
    : Phase(
        "budget",
        name,
        settings,
        [
            new("own start", own),
            new("reference start", reference),
            .. referenceBudget is null ? Array.Empty<PhaseNeed>() : [new("reference budget", referenceBudget)],
            .. domains.Distinct().Select(PhaseNeed.Of),
        ],
        // Version 2 measures core-seconds in more turns.
        version: settings.By == MatchBy.CoreSeconds ? 2 : 1)
{
    private const int Turns = 9;
    private const int StepsOfATurn = 5;
    private const int WarmupSteps = 2;

    private BudgetSettings Settings => (BudgetSettings)SettingsRecord;

    private ModelPhase OwnStart => (ModelPhase)Needs[0].Phase;

    private ModelPhase ReferenceStart => (ModelPhase)Needs[1].Phase;

    /// <inheritdoc/>
    public override bool IsTimed => Settings.By == MatchBy.CoreSeconds;

    /// <summary>The budget that was found.</summary>
    public long TokensIn(PhaseStore store) => store.OutcomeOf(this).Read<Outcome>().Tokens;

    /// <summary>How it was found.</summary>
    public BudgetOutcome OutcomeIn(PhaseStore store)
    {
        var result = store.OutcomeOf(this).Read<Outcome>();
        return new(Settings.ReferenceName, Settings.By, result.Tokens, result.CostPerToken, result.ReferenceCostPerToken)
        {
            Threads = result.Threads,
        };
    }

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var (store, reference) = (context.Store, Settings.ReferenceName);
        var referenceTokens = All<BudgetPhase>().SingleOrDefault()?.TokensIn(store) ?? Settings.ReferenceTokens!.Value;
        var result = Settings.By switch
        {
            MatchBy.CoreSeconds => Measure(context),
            MatchBy.Flops => Costs(Flops(OwnStart, Settings.Own, store), Flops(ReferenceStart, Settings.Reference, store)),
            _ => Costs(1, 1),
        };
        var (ownCost, referenceCost) = ((double)result["cost_per_token"]!, (double)result["reference_cost_per_token"]!);
        var tokens = MatchedTokens(referenceTokens, ownCost, referenceCost, Settings.Own.Training().TokensPerStep);
        var found = string.Create(CultureInfo.InvariantCulture, $"  {Name} gets {tokens:N0} tokens");
        context.Reporter.Say(Settings.By == MatchBy.Tokens
            ? $"{found}, as many as {reference}"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{found}: each costs {ownCost / referenceCost:0.00} times one of {reference}, which gets {referenceTokens:N0}"));
        result["tokens"] = tokens;
        result["reference_tokens"] = referenceTokens;
        return result;
    }

    /// <summary>The tokens, in whole steps and at least one step, that cost what the reference's tokens cost.</summary>
    internal static long MatchedTokens(long referenceTokens, double ownCost, double referenceCost, long tokensPerStep) =>
        Math.Max(1, (long)Math.Round(referenceTokens * referenceCost / ownCost / tokensPerStep)) * tokensPerStep;

    /// <summary>
    /// Core-seconds of one token of each, the median step of a turn: they take turns, so that a busy machine hits both alike, and
    /// the turn with the median ratio counts. Every turn is kept with the result, and the threads: the ratio depends on them.
    /// </summary>
    private JsonObject Measure(PhaseContext context)
    {
        var turns = new List<(double Own, double Reference)>();
        var (ownSetup, referenceSetup) = (SetupOf(OwnStart, Settings.Own), SetupOf(ReferenceStart, Settings.Reference));
        while (turns.Count < Turns)
        {
            turns.Add((CostOf(ownSetup), CostOf(referenceSetup)));
            context.Reporter.Advance(new WorkProgress(Title, turns.Count, Turns, "turns"));
        }

        var median = Median(turns);
        var result = Costs(median.Own, median.Reference);
        result["threads"] = ownSetup.Threads;
        result["turns"] = new JsonArray([.. turns.Select(turn => new JsonArray(turn.Own, turn.Reference))]);
        return result;

        RunSetup SetupOf(ModelPhase start, TokenCostSettings side) =>
            RunSetup.Of(Trial(start, side, context.Store), context.Reporter, context.Cancellation);

        double CostOf(RunSetup setup) =>
            1 / Calibration.Measure(setup, StepsOfATurn, WarmupSteps, context.Cancellation).TokensPerCoreSecond;
    }

    /// <summary>The training of a few steps that shows what a token costs; it depends on no domain's share.</summary>
    private TrainingConfig Trial(ModelPhase start, TokenCostSettings side, PhaseStore store) => new()
    {
        Model = start.ModelIn(store),
        Data = [.. All<DataPhase>().Select(data => new TrainingDomain { Domain = data.Name, Path = data.ShardsIn(store) })],
        Output = "",
        Settings = side.Training(),
    };

    /// <summary>The turn whose ratio of costs is the median one; of an even number, the upper.</summary>
    internal static (double Own, double Reference) Median(IReadOnlyCollection<(double Own, double Reference)> turns) =>
        turns.OrderBy(turn => turn.Own / turn.Reference).ElementAt(turns.Count / 2);

    private static JsonObject Costs(double own, double reference) =>
        new() { ["cost_per_token"] = own, ["reference_cost_per_token"] = reference };

    private static double Flops(ModelPhase start, TokenCostSettings side, PhaseStore store) => ModelFlops.Training(
        ModelConfigReader.Load(start.ModelIn(store), SilentReporter.Instance), side.SequenceLength);

    private sealed record Outcome(long Tokens, double CostPerToken, double ReferenceCostPerToken, int? Threads = null);
}

/// <summary>The settings of a <see cref="BudgetPhase"/>.</summary>
internal sealed record BudgetSettings
{
    /// <summary>What is to be equal.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter))]
    public required MatchBy By { get; init; }

    /// <summary>The tokens of the other mixture; null if another <see cref="BudgetPhase"/> finds them.</summary>
    public required long? ReferenceTokens { get; init; }

    public required TokenCostSettings Own { get; init; }

    public required TokenCostSettings Reference { get; init; }

    /// <summary>The other mixture's name, for messages and reports.</summary>
    [JsonIgnore]
    public required string ReferenceName { get; init; }
}

/// <summary>The settings of a training on which the cost of a token depends; a learning rate, say, is none of them.</summary>
internal sealed record TokenCostSettings
{
    public required int SequenceLength { get; init; }

    public required int BatchSize { get; init; }

    public required int GradientAccumulation { get; init; }

    public required IReadOnlyList<string> Freeze { get; init; }

    public required IReadOnlyList<string> TrainOnly { get; init; }

    public required TrainingDtype Dtype { get; init; }

    /// <summary>Where core-seconds are measured; null for <see cref="TrainingSettings.DefaultDevice"/>, and for FLOPs.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required string? Device { get; init; }

    /// <summary>The threads of a measurement, which are part of its result; null for one a core.</summary>
    [JsonIgnore]
    public required int? Threads { get; init; }

    /// <summary>Those of a mixture's training; the device only if core-seconds are matched.</summary>
    public static TokenCostSettings Of(TrainingSettings settings, MatchBy by) => new()
    {
        SequenceLength = settings.SequenceLength,
        BatchSize = settings.BatchSize,
        GradientAccumulation = settings.GradientAccumulation,
        Freeze = settings.Freeze,
        TrainOnly = settings.TrainOnly,
        Dtype = settings.Dtype,
        Device = by == MatchBy.CoreSeconds && settings.Device != TrainingSettings.DefaultDevice ? settings.Device : null,
        Threads = settings.Threads,
    };

    /// <summary>A training without end that has these settings.</summary>
    public TrainingSettings Training() => new()
    {
        SequenceLength = SequenceLength,
        BatchSize = BatchSize,
        GradientAccumulation = GradientAccumulation,
        Freeze = Freeze,
        TrainOnly = TrainOnly,
        Dtype = Dtype,
        Device = Device ?? TrainingSettings.DefaultDevice,
        Threads = Threads,
        LearningRate = 1e-3,
        Steps = 1_000_000,
    };
}

/// <summary>A budget that equals another mixture's; costs are in core-seconds by the calibration, or in FLOPs.</summary>
internal sealed record BudgetOutcome(string Reference, MatchBy By, long Tokens, double CostPerToken, double ReferenceCostPerToken)
{
    /// <summary>
    /// The threads with which core-seconds were calibrated; null where nothing was, or where it was not written down.
    /// </summary>
    public int? Threads { get; init; }

    /// <summary>The cost per token relative to the reference mixture.</summary>
    public double CostRatio => CostPerToken / ReferenceCostPerToken;
}
