using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Studies;

public class ComparisonTests
{
    [Fact]
    public void Differences_are_taken_seed_by_seed()
    {
        // a - b: -1, -2, -3. Mean -2, standard deviation 1, half-width 4.303 / √3.
        var comparison = Compare((9, 10), (18, 20), (27, 30));

        comparison.Difference.Values.ShouldBe([-1, -2, -3]);
        comparison.Difference.Mean.ShouldBe(-2, 1e-12);
        comparison.Difference.StandardDeviation.ShouldBe(1, 1e-12);
        comparison.Difference.HalfWidth.ShouldBe(2.4843, 1e-4);
        comparison.Difference.Low.ShouldBe(-4.4843, 1e-4);
        comparison.Difference.High.ShouldBe(0.4843, 1e-4);
        comparison.Change.Mean.ShouldBe(-0.1, 1e-12);
        comparison.Change.HalfWidth.ShouldBe(0, 1e-12);
        (comparison.Held, comparison.Count).ShouldBe((3, 3));
    }

    [Theory]
    [InlineData(new[] { -1.0, -1.1, -0.9 }, Verdict.Holds, "holds")]
    [InlineData(new[] { -1.0, -2.0, -3.0 }, Verdict.HoldsInMean, "holds in the mean, interval includes 0")]
    [InlineData(new[] { 1.0, 2.0, 3.0 }, Verdict.FailsInMean, "does not hold in the mean, interval includes 0")]
    [InlineData(new[] { 1.0, 1.1, 0.9 }, Verdict.Contradicted, "contradicted")]
    [InlineData(new[] { -1.0 }, Verdict.HeldOnce, "held with one seed, no interval")]
    [InlineData(new[] { 1.0 }, Verdict.FailedOnce, "did not hold with one seed, no interval")]
    [InlineData(new[] { 0.0 }, Verdict.FailedOnce, "did not hold with one seed, no interval")]
    [InlineData(new[] { double.NaN, 1.0 }, Verdict.NotMeasured, "not measured yet")]
    [InlineData(new double[0], Verdict.NotMeasured, "not measured yet")]
    internal void A_verdict_is_as_strong_as_its_interval(double[] differences, Verdict verdict, string words)
    {
        VerdictExtensions.Of(new Sample(differences)).ShouldBe(verdict);
        verdict.InWords().ShouldBe(words);
    }

    [Fact]
    public void An_order_is_as_good_as_its_weakest_pair()
    {
        var claim = new RecipeClaim { Order = ["a", "b", "a"], Says = "round in a circle" };

        var verdict = ClaimResult.Of(SmallStudy.Of((9, 10), (9.1, 10), (9, 10.1)), claim);

        verdict.Pairs.Select(pair => (pair.Better, pair.Worse, pair.Verdict, pair.DomainsHeld))
            .ShouldBe([("a", "b", Verdict.Holds, 2), ("b", "a", Verdict.Contradicted, 0)]);
        verdict.Verdict.ShouldBe(Verdict.Contradicted);
        verdict.Pairs[0].Domains.Select(domain => domain.Figure.Title).ShouldBe(["x", "y"]);
    }

    [Fact]
    public void A_claim_about_some_domains_is_judged_by_them_alone()
    {
        var claim = new RecipeClaim { Order = ["a", "b"], Domains = ["y"], Says = "in y" };

        var pair = ClaimResult.Of(SmallStudy.Of((9, 10)), claim).Pairs.Single();

        pair.Domains.Select(domain => domain.Figure.Title).ShouldBe(["y"]);
        pair.Mean.Change.Mean.ShouldBe((10.0 / 11) - 1, 1e-12);
    }

    private static Comparison Compare(params (double A, double B)[] means) =>
        Comparison.Of(SmallStudy.Of(means), "a", "b", ModelFigure.MeanPerplexity(["x", "y"]));
}
