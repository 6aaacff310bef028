using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Studies;

public class StudentTTests
{
    // R: qt(0.975, v).
    [Theory]
    [InlineData(1, 12.706)]
    [InlineData(2, 4.303)]
    [InlineData(30, 2.042)]
    [InlineData(31, 2.0395)]
    [InlineData(40, 2.0211)]
    [InlineData(60, 2.0003)]
    [InlineData(120, 1.9799)]
    [InlineData(1000, 1.9623)]
    public void A_quantile_is_that_of_the_tables(int degreesOfFreedom, double expected) =>
        StudentT.Quantile975(degreesOfFreedom).ShouldBe(expected, 5e-5);
}
