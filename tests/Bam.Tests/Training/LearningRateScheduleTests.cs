using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

public sealed class LearningRateScheduleTests
{
    private static readonly LearningRateSchedule Schedule = new(Peak: 2.0, WarmupSteps: 4, FinalFraction: 0.1, TotalSteps: 11);

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(1, 1.0)]
    [InlineData(3, 2.0)]
    [InlineData(10, 0.2)]
    public void Rises_to_the_peak_and_ends_at_the_final_fraction(long step, double rate) =>
        Schedule.RateAt(step).ShouldBe(rate, 1e-12);

    [Fact]
    public void Is_halfway_down_at_half_of_the_cosine() =>
        (Schedule with { TotalSteps = 12 }).RateAt(7).ShouldBe((2.0 + 0.2) / 2, 1e-12);

    [Fact]
    public void Falls_all_the_way_after_the_peak()
    {
        for (var step = 4; step < 11; step++) Schedule.RateAt(step).ShouldBeLessThan(Schedule.RateAt(step - 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Without_warmup_the_first_step_is_at_the_peak(long warmup)
    {
        var schedule = Schedule with { WarmupSteps = warmup };
        schedule.RateAt(0).ShouldBe(2.0);
        schedule.RateAt(10).ShouldBe(0.2, 1e-12);
    }

    [Fact]
    public void A_run_shorter_than_its_warmup_only_rises()
    {
        var schedule = Schedule with { WarmupSteps = 100 };
        schedule.RateAt(10).ShouldBe(2.0 * 11 / 100, 1e-12);
    }

    [Fact]
    public void One_step_is_at_the_peak() => (Schedule with { WarmupSteps = 0, TotalSteps = 1 }).RateAt(0).ShouldBe(2.0);
}
