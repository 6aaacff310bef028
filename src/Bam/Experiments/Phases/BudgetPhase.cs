using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Experiments.Recipes;
using Bam.Models;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>
/// Finds how many tokens a mixture is trained on for the budget of another: the tokens of the other × the cost of a token there ÷ the
/// cost of a token here. What is measured is measured once and kept, so that a resumed run has the same budget.
/// </summary>
/// <param name="name">The mixture.</param>
/// <param name="by">What is to be equal.</param>
/// <param name="own">The mixture's own training.</param>
/// <param name="reference">The other's.</param>
/// <param name="referenceBudget">Finds the other's tokens; null where its settings have them.</param>
public sealed class BudgetPhase(string name, MatchBy by, BudgetSide own, BudgetSide reference, BudgetPhase? referenceBudget)
    : Phase("budget", name, Needs(own, reference, referenceBudget))
{
    private const int Turns = 5;
    private const int StepsOfATurn = 5;
    private const int WarmupSteps = 2;

    /// <summary>The budget that was found.</summary>
    public long TokensIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return (long)store.OutcomeOf(this).Result["tokens"]!;
    }

    /// <summary>How it was found.</summary>
    public BudgetOutcome OutcomeIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        var result = store.OutcomeOf(this).Result;
        return new(reference.Name, by, (long)result["tokens"]!, (double)result["cost_per_token"]!, (double)result["reference_cost_per_token"]!);
    }

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var referenceTokens = referenceBudget?.TokensIn(context.Store) ?? GivenTokens;
        var (ownCost, referenceCost) = by switch
        {
            MatchBy.CoreSeconds => Measure(context),
            MatchBy.Flops => (Flops(own, context.Store), Flops(reference, context.Store)),
            _ => (1, 1),
        };
        var tokens = MatchedTokens(referenceTokens, ownCost, referenceCost, own.Settings.TokensPerStep);
        context.Reporter.Say(by == MatchBy.Tokens
            ? string.Create(CultureInfo.InvariantCulture, $"  {Name} gets {tokens:N0} tokens, as many as {reference.Name}")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"  {Name} gets {tokens:N0} tokens: each costs {ownCost / referenceCost:0.00} times one of {reference.Name}, which gets {referenceTokens:N0}"));
        return new JsonObject
        {
            ["tokens"] = tokens,
            ["reference_tokens"] = referenceTokens,
            ["cost_per_token"] = ownCost,
            ["reference_cost_per_token"] = referenceCost,
        };
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
            Version = 1,
            Settings = new JsonObject
            {
                ["by"] = by.ToString(),
                ["reference_tokens"] = referenceBudget is null ? GivenTokens : null,
                ["own"] = own.CostSettings(),
                ["reference"] = reference.CostSettings(),
            },
            Phases = needs.Where(need => need.Phase is not null).DistinctBy(need => need.Role).ToDictionary(need => need.Role, need => need.Phase!.Key),
        };
    }

    private long GivenTokens => reference.Settings.TotalSteps * reference.Settings.TokensPerStep;

    /// <summary>
    /// Core-seconds of one token of each: the median step of the fastest turn. They take turns, so that a busy machine hits both
    /// alike, and what else runs on it can only slow a turn down.
    /// </summary>
    private (double Own, double Reference) Measure(PhaseContext context)
    {
        var (owns, references) = (new List<double>(), new List<double>());
        for (var turn = 0; turn < Turns; turn++)
        {
            owns.Add(1 / Calibration.Measure(own.Trial(context.Store), StepsOfATurn, WarmupSteps, context.Reporter, context.Cancellation).TokensPerCoreSecond);
            references.Add(1 / Calibration.Measure(reference.Trial(context.Store), StepsOfATurn, WarmupSteps, context.Reporter, context.Cancellation).TokensPerCoreSecond);
            context.Reporter.Advance(new WorkProgress(Title, turn + 1, Turns, "turns"));
        }

        return (owns.Min(), references.Min());
    }

    private static double Flops(BudgetSide side, PhaseStore store) =>
        ModelFlops.Training(ModelConfig.Load(side.Start.ModelIn(store)), side.Settings.SequenceLength);

    private static IReadOnlyList<Phase> Needs(BudgetSide own, BudgetSide reference, BudgetPhase? referenceBudget)
    {
        IEnumerable<Phase?> needs = [own.Start, reference.Start, referenceBudget, .. own.Domains.Concat(reference.Domains).Select(domain => domain.Data)];
        return [.. needs.OfType<Phase>().Distinct()];
    }
}
