using Bam.Models;
using Bam.Models.Costs;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models.Costs;

public sealed class UpcyclingPlanTests
{
    private static readonly CostSettings Settings = new(256, 8, ScalarType.Float32);
    private static readonly IReadOnlyList<NamedModel> Family = PaperFamily.Of(ModelPresets.All["small"]);

    [Fact]
    public void Time_is_work_over_speed()
    {
        var phases = Plan(new(400e9, 3, 100e9, 50e9), new(1e12, 0.5, 4, null));
        var seed = ModelFlops.Training(Family[0].Config, 256);
        phases.Select(phase => phase.Phase).ShouldBe([1, 2, 3, 3, 3, 3]);
        phases[0].Flops.ShouldBe(400e9 * seed);
        phases[0].Seconds.ShouldBe(400e9 * seed / 2e12);
        phases[1].Flops.ShouldBe(3 * 100e9 * seed);
        phases[4].Flops.ShouldBe(50e9 * ModelFlops.Training(Family[3].Config, 256));
        phases[0].Fits.ShouldBeNull();
    }

    [Fact]
    public void What_is_there_already_is_left_out() =>
        Plan(new(0, 3, 0, 1e9), new(1e12, 0.5, 1, null)).ShouldAllBe(phase => phase.Phase == 3);

    [Fact]
    public void The_largest_batch_is_the_last_that_fits()
    {
        var phase = Plan(new(1e9, 3, 1e9, 1e9), new(1e12, 0.5, 1, 14e9))[4];
        phase.Fits.ShouldBe(phase.Memory.Total <= 14e9);
        var largest = phase.LargestBatch!.Value;
        largest.ShouldBeGreaterThan(0);
        TrainingMemory.Of(Family[3].Config, largest, 256, ScalarType.Float32).Total.ShouldBeLessThanOrEqualTo(14_000_000_000);
        TrainingMemory.Of(Family[3].Config, largest + 1, 256, ScalarType.Float32).Total.ShouldBeGreaterThan(14_000_000_000);

        Plan(new(1e9, 3, 1e9, 1e9), new(1e12, 0.5, 1, 2e9)).ShouldAllBe(none => none.Fits == false && none.LargestBatch == 0);
    }

    private static IReadOnlyList<PhaseEstimate> Plan(TokenBudget tokens, ComputeBudget compute) =>
        UpcyclingPlan.Of(Family[0].Config, [.. Family.Skip(1)], tokens, compute, Settings);
}
