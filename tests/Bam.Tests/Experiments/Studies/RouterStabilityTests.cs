using Bam.Experiments.Findings;
using Bam.Experiments.Studies;
using Bam.Training.Metrics;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Studies;

public class RouterStabilityTests
{
    private static readonly double[] Loads = [0.5, 0.6, 0.8, 0.7];
    private static readonly double[] Perplexities = [10, 9, 7, 8];

    [Fact]
    public void Each_moment_meets_the_perplexity_measured_last_within_it()
    {
        var row = Row(0);

        row.Model.ShouldBe("a");
        row.Levels.Count.ShouldBe(4);
        row.Levels.Coefficient.ShouldBe(-1, 1e-9);
        row.Steps!.Count.ShouldBe(3);
        row.Steps.Coefficient.ShouldBe(-1, 1e-9);
    }

    [Fact]
    public void Load_is_the_largest_share_over_the_even_one() =>
        RouterFigure.All[0].Value([Layer(0.8)], []).ShouldBe(1.6, 1e-12);

    [Fact]
    public void The_own_gate_is_that_of_the_expert_of_the_tokens_domain()
    {
        var layer = new LayerMetrics
        {
            ByDomain = new Dictionary<string, DomainRouting>
            {
                ["x"] = new() { AttentionGate = [0.3, 0.7] },
                ["y"] = new() { AttentionGate = [0.9, 0.1] },
            },
        };

        RouterFigure.All[3].Value([layer], [null, "x"]).ShouldBe(0.7);
        RouterFigure.All[3].Value([layer], [null, null]).ShouldBe(double.NaN);
    }

    [Fact]
    public void Without_perplexities_during_training_there_is_nothing_to_say() =>
        RouterStability.Of(SmallStudy.Of((1, 2))).ShouldBeEmpty();

    private static RouterCorrelation Row(int index) => RouterStability.Of(new Study(SmallStudy.RecipeWith(), [Unit()]))[index];

    // Between the moments more perplexities are measured, which must not count.
    private static Results Unit()
    {
        var unit = SmallStudy.Of((9, 10)).Units[0];
        var heldOut = Perplexities
            .SelectMany((perplexity, i) => new[] { HeldOut((100 * i) + 50, 99), HeldOut(100 * (i + 1), perplexity) });
        var history = new TrainingHistory(
            [],
            [.. heldOut],
            [.. Loads.Select((load, i) => new RoutingMoment(100 * (i + 1), [Layer(load)]))]);
        return unit with { Models = [unit.Models[0] with { History = history }, unit.Models[1]] };
    }

    private static HeldOutMoment HeldOut(long tokens, double perplexity) =>
        new(tokens, new Dictionary<string, double> { ["x"] = perplexity });

    private static LayerMetrics Layer(double load) => new() { ExpertLoad = [load, 1 - load] };
}
