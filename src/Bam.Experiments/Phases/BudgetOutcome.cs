using Bam.Experiments.Recipes;

namespace Bam.Experiments.Phases;

/// <summary>How a budget was taken from another mixture's.</summary>
/// <param name="Reference">The other mixture.</param>
/// <param name="By">What is equal.</param>
/// <param name="Tokens">The tokens that it came to.</param>
/// <param name="CostPerToken">What a token costs here: core-seconds by the calibration, or FLOPs.</param>
/// <param name="ReferenceCostPerToken">What it costs there.</param>
internal sealed record BudgetOutcome(string Reference, MatchBy By, long Tokens, double CostPerToken, double ReferenceCostPerToken)
{
    /// <summary>
    /// The threads with which core-seconds were calibrated; null where nothing was, or where it was not written down.
    /// </summary>
    public int? Threads { get; init; }

    /// <summary>How much dearer a token is here than there.</summary>
    public double CostRatio => CostPerToken / ReferenceCostPerToken;
}
