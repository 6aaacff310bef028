using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Studies;

public class CorrelationTests
{
    [Fact]
    public void It_is_what_a_hand_computes()
    {
        // Means 3 and 3; Σxy = 8, Σxx = Σyy = 10. Fisher: arctanh 0.8 = 1.0986, ± 1.96 / √2 = 1.3859.
        var correlation = Correlation.Of([(1, 2), (2, 1), (3, 3), (4, 5), (5, 4)]);

        correlation.Count.ShouldBe(5);
        correlation.Coefficient.ShouldBe(0.8, 1e-12);
        correlation.Low.ShouldBe(Math.Tanh(1.0986 - 1.3859), 1e-4);
        correlation.High.ShouldBe(Math.Tanh(1.0986 + 1.3859), 1e-4);
    }

    [Fact]
    public void Opposite_lines_correlate_fully()
    {
        var correlation = Correlation.Of([(1, 4), (2, 3), (3, 2), (4, 1)]);

        correlation.Coefficient.ShouldBe(-1, 1e-12);
        (correlation.Low, correlation.High).ShouldBe((-1, -1));
    }

    [Fact]
    public void Three_pairs_have_no_interval()
    {
        var correlation = Correlation.Of([(1, 1), (2, 3), (3, 2), (double.NaN, 1)]);

        correlation.Count.ShouldBe(3);
        correlation.Coefficient.ShouldBe(0.5, 1e-12);
        correlation.Low.ShouldBe(double.NaN);
    }

    [Fact]
    public void What_does_not_vary_has_no_correlation()
    {
        Correlation.Of([(1, 1), (1, 2), (1, 3), (1, 4)]).Coefficient.ShouldBe(double.NaN);
        Correlation.Of([]).Count.ShouldBe(0);
    }
}
