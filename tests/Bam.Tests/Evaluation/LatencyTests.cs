using Bam.Evaluation;
using Bam.Tests.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation;

[Collection(LibTorchCollection.Name)]
public sealed class LatencyTests
{
    [Fact]
    public void Every_model_has_its_times_and_its_cache()
    {
        using var dense = TinyModels.Create(TinyModels.Dense);
        using var bam = TinyModels.Create(TinyModels.Bam);
        var live = Tensor.LiveCount;
        var results = Latency.Measure(
            [dense, bam], new() { PromptTokens = 20, NewTokens = 4, Runs = 3 }, SilentReporter.Instance);

        results.Count.ShouldBe(2);
        foreach (var result in results)
        {
            foreach (var timing in new[] { result.Prefill, result.Decode, result.Total })
            {
                timing.Lowest.ShouldBeGreaterThan(0);
                timing.Median.ShouldBeInRange(timing.Lowest, timing.Highest);
            }

            result.SecondsPerToken.ShouldBe(result.Decode.Median / 3);
        }

        results[1].CacheBytes.ShouldBe(3 * results[0].CacheBytes);
        Tensor.LiveCount.ShouldBe(live, TensorLeaks.Report());
    }

    [Theory]
    [InlineData(0, 4, 1, "prompt-tokens")]
    [InlineData(4, 1, 1, "new-tokens")]
    [InlineData(4, 4, 0, "runs")]
    [InlineData(30, 4, 1, "at most 32 together")]
    public void Wrong_options_are_refused(int promptTokens, int newTokens, int runs, string message)
    {
        using var model = TinyModels.Create(TinyModels.Dense);
        Should.Throw<InvalidInputException>(() => Latency.Measure(
            [model], new() { PromptTokens = promptTokens, NewTokens = newTokens, Runs = runs }, SilentReporter.Instance))
            .Message.ShouldContain(message);
    }

    [Fact]
    public void The_median_is_the_middle()
    {
        Timing.Of([3, 1, 2]).ShouldBe(new Timing(2, 1, 3));
        Timing.Of([4, 1, 2, 3]).ShouldBe(new Timing(2.5, 1, 4));
    }
}
