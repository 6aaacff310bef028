using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Checkpoints.Opening;
using Bam.Experiments.Recipes;
using Bam.Models.Costs;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>
/// Finds how many tokens a mixture is trained on for the budget of another: the tokens of the other × the cost of a token there ÷
/// the cost of a token here. What is measured is measured once and kept, so that a resumed run has the same budget.
/// </summary>
/// <param name="name">The mixture.</param>
/// <param name="by">What is to be equal.</param>
/// <param name="own">The mixture's own training.</param>
/// <param name="reference">The other's.</param>
/// <param name="referenceBudget">Finds the other's tokens; null where its settings have them.</param>
internal sealed class BudgetPhase(string name, MatchBy by, BudgetSide own, BudgetSide reference, BudgetPhase? referenceBudget)
    : Phase("budget", name, Needs(own, reference, referenceBudget))
{
    private const int Turns = 9;
    private const int StepsOfATurn = 5;
    private const int WarmupSteps = 2;

    /// <summary>The budget that was found.</summary>
    public long TokensIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.OutcomeOf(this).Read<Outcome>().Tokens;
    }

    /// <summary>How it was found.</summary>
    public BudgetOutcome OutcomeIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        var result = store.OutcomeOf(this).Read<Outcome>();
        return new(reference.Name, by, result.Tokens, result.CostPerToken, result.ReferenceCostPerToken) { Threads = result.Threads };
    }

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var referenceTokens = referenceBudget?.TokensIn(context.Store) ?? GivenTokens;
        var result = by switch
        {
            MatchBy.CoreSeconds => Measure(context),
            MatchBy.Flops => Costs(Flops(own, context.Store), Flops(reference, context.Store)),
            _ => Costs(1, 1),
        };
        var (ownCost, referenceCost) = ((double)result["cost_per_token"]!, (double)result["reference_cost_per_token"]!);
        var tokens = MatchedTokens(referenceTokens, ownCost, referenceCost, own.Settings.TokensPerStep);
        context.Reporter.Say(by == MatchBy.Tokens
            ? string.Create(CultureInfo.InvariantCulture, $"  {Name} gets {tokens:N0} tokens, as many as {reference.Name}")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"  {Name} gets {tokens:N0} tokens: each costs {ownCost / referenceCost:0.00} times one of {reference.Name}, which gets {referenceTokens:N0}"));
        result["tokens"] = tokens;
        result["reference_tokens"] = referenceTokens;
        return result;
    }

    /// <summary>The tokens, in whole steps and at least one step, that cost what the reference's tokens cost.</summary>
    internal static long MatchedTokens(long referenceTokens, double ownCost, double referenceCost, long tokensPerStep) =>
        Math.Max(1, (long)Math.Round(referenceTokens * referenceCost / ownCost / tokensPerStep)) * tokensPerStep;

    /// <inheritdoc/>
    protected override PhaseInputs Describe()
    {
        IEnumerable<(string Role, Phase? Phase)> needs =
        [
            ("own start", own.Start), ("reference start", reference.Start), ("reference budget", referenceBudget),
            .. own.Domains.Concat(reference.Domains).Select(domain => (domain.Data.Title, (Phase?)domain.Data)),
        ];
        return new()
        {
            Kind = Kind,
            // The second measures core-seconds in more turns.
            Version = by == MatchBy.CoreSeconds ? 2 : 1,
            Settings = new JsonObject
            {
                ["by"] = by.ToString(),
                ["reference_tokens"] = referenceBudget is null ? GivenTokens : null,
                ["own"] = own.CostSettings(by),
                ["reference"] = reference.CostSettings(by),
            },
            Phases = needs.Where(need => need.Phase is not null).DistinctBy(need => need.Role).ToDictionary(need => need.Role, need => need.Phase!.Key),
        };
    }

    private long GivenTokens => reference.Settings.TotalSteps * reference.Settings.TokensPerStep;

    /// <summary>
    /// Core-seconds of one token of each, the median step of a turn: they take turns, so that a busy machine hits both alike, and
    /// the turn with the median ratio counts. Every turn is kept with the result, and the threads: the ratio depends on them.
    /// </summary>
    private JsonObject Measure(PhaseContext context)
    {
        var turns = new List<(double Own, double Reference)>();
        var (ownSetup, referenceSetup) = (SetupOf(own), SetupOf(reference));
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

        RunSetup SetupOf(BudgetSide side) => RunSetup.Of(side.Trial(context.Store), context.Reporter, context.Cancellation);

        double CostOf(RunSetup setup) => 1 / Calibration.Measure(setup, StepsOfATurn, WarmupSteps, context.Cancellation).TokensPerCoreSecond;
    }

    /// <summary>The turn whose ratio of costs is the median one; of an even number, the upper.</summary>
    internal static (double Own, double Reference) Median(IReadOnlyCollection<(double Own, double Reference)> turns) =>
        turns.OrderBy(turn => turn.Own / turn.Reference).ElementAt(turns.Count / 2);

    private static JsonObject Costs(double own, double reference) => new() { ["cost_per_token"] = own, ["reference_cost_per_token"] = reference };

    private static double Flops(BudgetSide side, PhaseStore store) =>
        ModelFlops.Training(ModelConfigReader.Load(side.Start.ModelIn(store), SilentReporter.Instance), side.Settings.SequenceLength);

    private static IReadOnlyList<Phase> Needs(BudgetSide own, BudgetSide reference, BudgetPhase? referenceBudget)
    {
        IEnumerable<Phase?> needs = [own.Start, reference.Start, referenceBudget, .. own.Domains.Concat(reference.Domains).Select(domain => domain.Data)];
        return [.. needs.OfType<Phase>().Distinct()];
    }

    private sealed record Outcome(long Tokens, double CostPerToken, double ReferenceCostPerToken, int? Threads = null);
}
