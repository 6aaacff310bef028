using Bam.Evaluation;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation;

public class PerplexityTests
{
    [Fact]
    public void The_figures_are_those_of_a_hand_computation()
    {
        // 7 tokens, windows of 4: targets 1-4 at ln 2 each, 5-6 at ln 8 each; 4·ln 2 + 2·ln 8 = 10·ln 2.
        var result = Measure(7, 20, new() { WindowLength = 4 }, target => target <= 4 ? Math.Log(2) : Math.Log(8));

        result.Tokens.ShouldBe(6);
        result.TotalNll.ShouldBe(10 * Math.Log(2), 1e-12);
        result.Nll.ShouldBe(10 * Math.Log(2) / 6, 1e-12);
        result.Perplexity.ShouldBe(Math.Pow(2, 10.0 / 6), 1e-12);
        result.BitsPerByte!.Value.ShouldBe(0.5, 1e-12);
    }

    [Fact]
    public void The_batch_size_changes_nothing()
    {
        double Nll(int batch) =>
            Measure(1001, null, new() { WindowLength = 7, BatchSize = batch }, target => 1.0 / target).TotalNll;

        Nll(1).ShouldBe(Nll(16), 1e-9);
    }

    [Fact]
    public void A_part_of_a_text_has_no_bits_per_byte()
    {
        var result = Measure(100, 400, new() { WindowLength = 8, MaxTargets = 16 }, _ => 1);

        result.Tokens.ShouldBe(16);
        result.BitsPerByte.ShouldBeNull();
    }

    [Fact]
    public void The_mean_over_domains_is_arithmetic() =>
        PerplexityResult.Mean([new(Math.Log(2), 1, null), new(3 * Math.Log(8), 3, null)]).ShouldBe(5, 1e-12);

    [Fact]
    public void Cancellation_ends_it() =>
        Should.Throw<OperationCanceledException>(() =>
            Perplexity.Measure(100, null, new() { WindowLength = 8 }, _ => 1, null, new CancellationToken(canceled: true)));

    private static PerplexityResult Measure(
        long tokens, long? bytes, PerplexityOptions options, Func<long, double> nllOfTarget) =>
        Perplexity.Measure(
            tokens, bytes, options, batch => Enumerable.Range(1, batch.Targets).Sum(i => nllOfTarget(batch.Start + i)), null,
            CancellationToken.None);
}
