using Bam.Training.Optimization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Optimization;

public sealed class ParameterRangeTests
{
    [Fact]
    public void Ranges_that_touch_and_are_alike_become_one() =>
        ParameterRange.Join([new(10, 5, true), new(0, 10, true), new(15, 1, false), new(20, 2, false)])
            .ShouldBe([new(0, 15, true, 0), new(15, 1, false, 15), new(20, 2, false, 16)]);

    [Fact]
    public void Chunks_cover_a_range_once() =>
        new ParameterRange(100, 25, true, 50).Chunks(10)
            .ShouldBe([new(100, 10, true, 50), new(110, 10, true, 60), new(120, 5, true, 70)]);
}
