using Bam.Experiments.Reporting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public class LossCurveTests
{
    [Fact]
    public void Several_runs_become_their_mean_and_a_band()
    {
        var curve = new LossCurve("name", "c0", [Points(3, i => i), Points(2, i => 3 * i)]);

        curve.Points.ShouldBe([new(0, 0), new(10, 2)]);
        curve.Band.ShouldBe([new(0, 0, 0), new(10, 1, 3)]);
    }

    [Fact]
    public void One_run_has_no_band()
    {
        var curve = Curve(3, i => i);

        curve.Points.ShouldBe(Points(3, i => i));
        curve.Band.ShouldBeEmpty();
    }

    [Fact]
    public void Losses_that_are_not_finite_are_left_out() =>
        Curve(5, i => i == 2 ? double.NaN : 1).Points.Select(point => point.X).ShouldBe([0, 10, 30, 40]);

    [Fact]
    public void Values_between_points_are_interpolated()
    {
        var curve = Curve(2, i => i);

        curve.At(5).ShouldBe(0.5, 1e-9);
        curve.At(0).ShouldBe(0);
        curve.At(11).ShouldBe(double.NaN);
    }

    private static LossCurve Curve(int count, Func<int, double> loss) => new("name", "c0", [Points(count, loss)]);

    private static IReadOnlyList<LossPoint> Points(int count, Func<int, double> loss) =>
        [.. Enumerable.Range(0, count).Select(i => new LossPoint(10 * i, loss(i)))];
}
