using Bam.Experiments.Phases;

namespace Bam.Experiments.Findings;

/// <summary>The budget of a mixture, matched to another's.</summary>
/// <param name="Recipe">The recipe's name.</param>
/// <param name="RandomSeed">The seed number.</param>
/// <param name="Mixture">The mixture.</param>
/// <param name="Outcome">The tokens, and what they were found by.</param>
internal sealed record FoundBudget(string Recipe, long RandomSeed, string Mixture, BudgetOutcome Outcome);
