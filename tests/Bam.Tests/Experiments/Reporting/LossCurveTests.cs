using Bam.Experiments.Findings;
using Bam.Experiments.Reporting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public class LossCurveTests
{
    [Fact]
    public void Long_runs_are_thinned_without_changing_their_mean()
    {
        var curve = Curve(1000, i => i % 2);

        curve.Raw.Count.ShouldBe(240);
        curve.Raw.Average(point => point.Loss).ShouldBe(0.5, 0.01);
    }

    [Fact]
    public void A_straight_line_stays_straight_but_for_its_end()
    {
        var curve = Curve(100, i => 10 - (0.05 * i));

        foreach (var (raw, smooth) in curve.Raw.Zip(curve.Smooth).Take(90)) smooth.Loss.ShouldBe(raw.Loss, 1e-9);
    }

    [Fact]
    public void Losses_that_are_not_finite_are_left_out() =>
        Curve(5, i => i == 2 ? double.NaN : 1).Raw.Select(point => point.X).ShouldBe([0, 10, 30, 40]);

    [Fact]
    public void Values_between_points_are_interpolated()
    {
        var curve = Curve(2, i => i);

        curve.At(5).ShouldBe(0.5, 1e-9);
        curve.At(0).ShouldBe(0);
        curve.At(11).ShouldBe(double.NaN);
    }

    private static LossCurve Curve(int count, Func<int, double> loss) =>
        new("name", "c0", [.. Enumerable.Range(0, count).Select(i => new LossPoint(10 * i, loss(i)))]);
}
