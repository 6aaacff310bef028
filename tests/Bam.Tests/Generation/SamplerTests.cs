using Bam.Generation;
using Shouldly;
using Xunit;

namespace Bam.Tests.Generation;

public sealed class SamplerTests
{
    private const int Draws = 20_000;
    private static readonly double[] Probabilities = [0.1, 0.4, 0.05, 0.3, 0.15];
    private static readonly float[] Logits = [.. Probabilities.Select(p => (float)Math.Log(p) + 7)];

    [Fact]
    public void Temperature_0_takes_the_first_of_the_largest() =>
        new Sampler(new() { Temperature = 0 }).Next([1, 3, -2, 3]).ShouldBe(1);

    [Fact]
    public void Temperature_1_follows_the_probabilities() => ShouldFollow(Probabilities, new());

    [Theory]
    [InlineData(0.5)]
    [InlineData(2.0)]
    public void Temperature_is_an_exponent_of_the_probabilities(double temperature) =>
        ShouldFollow([.. Probabilities.Select(p => Math.Pow(p, 1 / temperature))], new() { Temperature = temperature });

    [Fact]
    public void Top_k_leaves_the_k_most_probable() => ShouldFollow([0, 0.4, 0, 0.3, 0.15], new() { TopK = 3 });

    [Theory]
    [InlineData(0.69, new[] { 0, 0.4, 0, 0.3, 0 })]
    [InlineData(0.71, new[] { 0, 0.4, 0, 0.3, 0.15 })]
    [InlineData(0.1, new[] { 0, 1.0, 0, 0, 0 })]
    public void Top_p_leaves_the_smallest_set_that_reaches_it(double topP, double[] expected) =>
        ShouldFollow(expected, new() { TopP = topP });

    [Fact]
    public void Top_p_counts_within_top_k() => ShouldFollow([0, 0.4, 0, 0.3, 0], new() { TopK = 3, TopP = 0.8 });

    [Fact]
    public void Top_k_of_equal_ones_takes_the_lower_ids()
    {
        var sampler = new Sampler(new() { TopK = 2 });
        Enumerable.Range(0, 200).Select(_ => sampler.Next([1, 1, 1, 1])).Distinct().Order().ShouldBe([0, 1]);
    }

    [Fact]
    public void The_same_seed_gives_the_same_tokens()
    {
        Tokens(seed: 3).ShouldBe(Tokens(seed: 3));
        Tokens(seed: 3).ShouldNotBe(Tokens(seed: 4));

        static int[] Tokens(long seed)
        {
            var sampler = new Sampler(new() { Seed = seed });
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Next(Logits))];
        }
    }

    // Documented: the text of a seed must not change between releases.
    [Fact]
    public void Seed_0_gives_these_tokens()
    {
        var sampler = new Sampler(new());
        Enumerable.Range(0, 12).Select(_ => sampler.Next(Logits)).ShouldBe([1, 2, 4, 0, 1, 3, 2, 0, 1, 1, 3, 1]);
    }

    [Fact]
    public void A_score_that_is_no_number_fails_and_names_the_token() =>
        Should.Throw<WorkFailedException>(() => new Sampler(new()).Next([0, float.NaN])).Message.ShouldContain("token 1 is NaN");

    [Theory]
    [InlineData(-0.1, null, 1, "--temperature")]
    [InlineData(double.NaN, null, 1, "--temperature")]
    [InlineData(1, 0, 1, "--top-k")]
    [InlineData(1, null, 0, "--top-p")]
    [InlineData(1, null, 1.1, "--top-p")]
    public void Values_that_mean_nothing_are_refused(double temperature, int? topK, double topP, string name) =>
        Should.Throw<InvalidInputException>(
            () => new Sampler(new() { Temperature = temperature, TopK = topK, TopP = topP })).Message.ShouldStartWith(name);

    // Within four standard deviations of each frequency; exact for 0 and 1.
    private static void ShouldFollow(double[] weights, SamplerOptions options)
    {
        var counts = new int[weights.Length];
        var sampler = new Sampler(options with { Seed = 1 });
        for (var i = 0; i < Draws; i++) counts[sampler.Next(Logits)]++;
        for (var id = 0; id < weights.Length; id++)
        {
            var p = weights[id] / weights.Sum();
            Math.Abs((double)counts[id] / Draws - p).ShouldBeLessThanOrEqualTo(4 * Math.Sqrt(p * (1 - p) / Draws), $"token {id}");
        }
    }
}
