using Bam.Experiments.Reporting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public class AxisTests
{
    [Fact]
    public void A_narrow_range_is_linear_with_round_ends()
    {
        var axis = Axis.Rounded(2.78, 3.31, 200, 0, ticks: 5);

        axis.IsLogarithmic.ShouldBeFalse();
        axis.Ticks.Select(tick => Math.Round(tick, 9)).ShouldBe([2.6, 2.8, 3, 3.2, 3.4]);
        axis[2.6].ShouldBe(200, 1e-9);
        axis[3.4].ShouldBe(0, 1e-9);
        axis[3].ShouldBe(100, 1e-9);
    }

    [Fact]
    public void A_wide_range_is_logarithmic()
    {
        var axis = Axis.Rounded(0.7, 11, 0, 100, ticks: 5);

        axis.IsLogarithmic.ShouldBeTrue();
        axis.Ticks.Select(tick => Math.Round(tick, 9)).ShouldBe([0.7, 1, 1.5, 2, 3, 5, 7, 10, 15]);
        (axis[2] - axis[1]).ShouldBe(axis[10] - axis[5], 1e-9);
        axis[0.7].ShouldBe(0, 1e-9);
        axis[15].ShouldBe(100, 1e-9);
    }

    [Fact]
    public void Powers_of_ten_end_a_logarithmic_axis() =>
        Axis.Rounded(1, 10, 0, 1, ticks: 5).Ticks.ShouldBe([1, 1.5, 2, 3, 5, 7, 10]);

    [Fact]
    public void A_constant_has_room_around_it()
    {
        var axis = Axis.Rounded(3, 3, 0, 100, ticks: 5);

        axis[3].ShouldBe(50, 1e-9);
    }

    [Fact]
    public void Exact_ends_keep_their_place()
    {
        var axis = Axis.Exact(0, 1_500_000, 40, 340, ticks: 4);

        (axis[0], axis[1_500_000]).ShouldBe((40, 340));
        axis.Ticks.ShouldBe([0, 500_000, 1_000_000, 1_500_000]);
    }
}
