using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

public class BudgetPhaseTests
{
    [Theory]
    [InlineData(1000, 1.0, 1.0, 10, 1000)]
    [InlineData(1000, 2.0, 1.0, 10, 500)]
    [InlineData(1000, 1.0, 1.25, 10, 1250)]
    [InlineData(1000, 1.0, 1.0, 300, 900)]
    [InlineData(1000, 3.0, 1.0, 100, 300)]
    [InlineData(1000, 500.0, 1.0, 100, 100)]
    public void The_dearer_a_token_the_fewer_in_whole_steps(
        long referenceTokens, double ownCost, double referenceCost, long tokensPerStep, long expected) =>
        BudgetPhase.MatchedTokens(referenceTokens, ownCost, referenceCost, tokensPerStep).ShouldBe(expected);

    [Fact]
    public void The_turn_with_the_median_ratio_counts_whatever_one_lucky_or_slow_turn_did() =>
        BudgetPhase.Median([(350, 280), (345, 225), (900, 300), (351, 279), (360, 300)]).ShouldBe((351, 279));
}
