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

    [Fact]
    public void Activation_checkpointing_takes_time_and_saves_memory()
    {
        var tokens = new TokenBudget(1e9, 3, 1e9, 1e9);
        var compute = new ComputeBudget(1e12, 0.5, 1, 14e9);
        var plain = Plan(tokens, compute)[4];
        var lean = UpcyclingPlan.Of(
            Family[0].Config, [.. Family.Skip(1)], tokens, compute, Settings with { ActivationCheckpointing = true })[4];
        var head = 2.0 * 1024 * 256_000;
        lean.Flops.ShouldBe(plain.Flops);
        var again = ModelFlops.Forward(Family[3].Config, 256) - head;
        (lean.Seconds / plain.Seconds).ShouldBe(1 + again * 1e9 / plain.Flops, 1e-12);
        lean.LargestBatch!.Value.ShouldBeGreaterThan(plain.LargestBatch!.Value);
    }

    [Fact]
    public void A_phase_takes_as_long_as_its_best_layout()
    {
        var tokens = new TokenBudget(4e9, 3, 1e9, 1e9);
        var layout = new LayoutEstimate(new(2, 1))
        {
            TokensPerSecond = 1e6, Memory = new(1, 2, 3, 4, 5), MicroBatch = 7, Fits = true,
        };
        var phases = UpcyclingPlan.Of(
            Family[0].Config, [.. Family.Skip(1)], tokens, new(1e12, 0.5, 2, 14e9), Settings, _ => layout);
        phases.Select(phase => phase.Seconds).ShouldBe([4000, 3000, 1000, 1000, 1000, 1000]);
        phases.ShouldAllBe(phase => phase.Memory.Total == 15 && phase.LargestBatch == 7 && phase.Layout == new Layout(2, 1));
    }

    private static IReadOnlyList<PhaseEstimate> Plan(TokenBudget tokens, ComputeBudget compute) =>
        UpcyclingPlan.Of(Family[0].Config, [.. Family.Skip(1)], tokens, compute, Settings);
}
