using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data;

public sealed class WindowSamplerTests : IDisposable
{
    private const int T = 4;

    private readonly TemporaryDirectory directory = new();
    private readonly List<IndexedDataset> open = [];

    public void Dispose()
    {
        foreach (var dataset in open) dataset.Dispose();
        directory.Dispose();
    }

    [Fact]
    public void A_step_depends_on_nothing_but_the_seed_and_itself()
    {
        MixtureDomain[] domains = [Domain("a", 1000, 1), Domain("b", 500, 1)];
        var first = new WindowSampler(domains, T, 8, seed: 3);
        for (var step = 0; step < 5; step++) first.Draw(step);
        var late = first.Draw(5);

        var alone = new WindowSampler(domains, T, 8, seed: 3).Draw(5);
        alone.Tokens.ShouldBe(late.Tokens);
        alone.Domains.ShouldBe(late.Domains);
        new WindowSampler(domains, T, 8, seed: 4).Draw(5).Tokens.ShouldNotBe(late.Tokens);
        first.Draw(6).Tokens.ShouldNotBe(late.Tokens);
    }

    [Fact]
    public void The_draw_is_pinned()
    {
        // From an independent implementation. A change would alter the data of every run and break resuming.
        var batch = new WindowSampler([Domain("a", 1000, 3), Domain("b", 500, 1)], T, 4, seed: 17).Draw(2);
        batch.Domains.ShouldBe([0, 0, 0, 1]);
        Starts(batch).ShouldBe([263, 521, 69, 315]);
        batch.Starts.ShouldBe([263, 521, 69, 315]);
    }

    [Fact]
    public void Windows_may_begin_with_a_token_that_is_not_in_the_text()
    {
        var (a, b) = (Domain("a", 1000, 3), Domain("b", 500, 1));
        var plain = new WindowSampler([a, b], T, 4, seed: 17).Draw(2);
        var begun = new WindowSampler([a with { BeginOfWindow = 7 }, b], T, 4, seed: 17).Draw(2);

        begun.Starts.ShouldBe(plain.Starts);
        for (var slot = 0; slot < 4; slot++)
        {
            var (first, end) = (slot * (T + 1), (slot + 1) * (T + 1));
            begun.Tokens[first..end].ShouldBe(slot == 3 ? plain.Tokens[first..end] : [7, .. plain.Tokens[first..(end - 1)]]);
        }
    }

    [Fact]
    public void Whole_shares_are_exact_in_every_step()
    {
        var sampler = new WindowSampler([Domain("a", 100, 2), Domain("b", 100, 1), Domain("c", 100, 1)], T, 8, seed: 1);
        for (var step = 0; step < 200; step++)
            Counts(sampler.Draw(step), 3).ShouldBe([4, 2, 2]);
    }

    [Fact]
    public void Broken_shares_are_within_one_and_right_on_average()
    {
        double[] shares = [0.1, 0.55, 0.35];
        var sampler = new WindowSampler([Domain("a", 100, 10), Domain("b", 100, 55), Domain("c", 100, 35)], T, 3, seed: 1);
        var total = new int[3];
        for (var step = 0; step < 4000; step++)
        {
            var counts = Counts(sampler.Draw(step), 3);
            for (var d = 0; d < 3; d++)
            {
                Math.Abs(counts[d] - (3 * shares[d])).ShouldBeLessThan(1);
                total[d] += counts[d];
            }
        }

        for (var d = 0; d < 3; d++) (total[d] / 12000.0).ShouldBe(shares[d], 0.01);
    }

    [Fact]
    public void Windows_are_stretches_of_their_domain_and_reach_both_ends()
    {
        var sampler = new WindowSampler([Domain("a", 9, 1), Domain("b", 7, 1)], T, 2, seed: 5);
        var starts = new[] { new HashSet<int>(), new HashSet<int>() };
        for (var step = 0; step < 300; step++)
        {
            var batch = sampler.Draw(step);
            batch.BatchSize.ShouldBe(2);
            batch.WindowLength.ShouldBe(T);
            for (var b = 0; b < 2; b++)
            {
                var window = batch.Tokens[(b * (T + 1))..((b + 1) * (T + 1))];
                var domain = batch.Domains[b];
                window.ShouldBe(Enumerable.Range(window[0], T + 1));
                (window[0] / 10_000).ShouldBe(domain);
                starts[domain].Add(window[0] % 10_000);
            }
        }

        starts[0].Order().ShouldBe([0, 1, 2, 3, 4]);
        starts[1].Order().ShouldBe([0, 1, 2]);
    }

    [Fact]
    public void A_domain_of_one_window_is_enough_and_less_is_refused()
    {
        new WindowSampler([Domain("a", T + 1, 1)], T, 1, seed: 1).Draw(0).Tokens.ShouldBe([0, 1, 2, 3, 4]);
        Should.Throw<InvalidInputException>(() => new WindowSampler([Domain("b", T, 1)], T, 1, seed: 1)).Message
            .ShouldBe(
                $"domain 'b' ({directory["b"]}): expected at least 5 training tokens for windows of 4, found 4; give it more "
                    + "text or shorten the windows");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Weights_are_positive_numbers(double weight) =>
        Should.Throw<InvalidInputException>(() => new WindowSampler([Domain("a", 100, weight)], T, 1, seed: 1))
            .Message.ShouldStartWith("domain 'a', weight: expected a number above 0, found ");

    private static int[] Counts(TokenBatch batch, int domains)
    {
        var counts = new int[domains];
        foreach (var domain in batch.Domains) counts[domain]++;
        return counts;
    }

    private static int[] Starts(TokenBatch batch) =>
        [.. Enumerable.Range(0, batch.BatchSize).Select(b => batch.Tokens[b * (T + 1)] % 10_000)];

    /// <summary>A text of consecutive ids, starting at 10,000 times the index of the domain.</summary>
    private MixtureDomain Domain(string name, int length, double weight)
    {
        using (var writer = new IndexedDatasetWriter(directory[name], TokenType.UInt16))
        {
            writer.Append([.. Enumerable.Range(open.Count * 10_000, length)]);
            writer.Complete();
        }

        open.Add(IndexedDataset.Open(directory[name]));
        return new(name, open[^1], weight);
    }
}
