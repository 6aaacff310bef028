using System.Globalization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Distributed;

/// <summary>
/// Ranks that share a model's experts compute what one process computes. There are two, or as many as BAM_TEST_RANKS says.
/// </summary>
public class ExpertParallelTests(ExpertResults results) : IClassFixture<ExpertResults>
{
    private const double Tolerance = 1e-5;

    public static TheoryData<string> Variants => [.. ExpertVariants.All.Keys];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Outputs_and_gradients_are_those_of_one_process(string variant) =>
        ShouldBeClose(variant, ["logits", "perplexity", "loss", "router losses", "gradients"]);

    [Theory]
    [MemberData(nameof(Variants))]
    public void Training_follows_one_process(string variant)
    {
        ShouldBeClose(variant, ["losses in training", "routing"]);
        // What every rank has stays the same, bit for bit.
        results.Ranks.Select(rank => rank[$"{variant}| replicas"]).Distinct().Count().ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Generation_gives_the_same_tokens(string variant) => ShouldBeClose(variant, ["generation"]);

    [Theory]
    [MemberData(nameof(Variants))]
    public void Files_are_those_of_one_process(string variant)
    {
        foreach (var when in (string[])["first", "trained", "in pieces"])
            results.Ranks[0][$"{variant}| files, {when}"].ShouldBe("0");
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_rank_holds_its_experts_only(string variant) => Each(variant, "parameters").ShouldAllBe(share => share < 0.9);

    [Theory]
    [InlineData("only mlp expert 0")]
    [InlineData("only self_attn expert 0")]
    [InlineData("only mlp expert 0" + ExpertVariants.Checkpointed)]
    public void Ranks_that_train_nothing_keep_step(string variant) => ShouldBeClose(variant, ["loss", "gradients"]);

    [Theory]
    [InlineData(1, 1, "expert parallelism = expected a model with experts for {0} ranks to share, found a dense model; ")]
    [InlineData(3, 3, "num_attention_experts = expected a multiple of the {0} ranks that share the experts, found 3; ")]
    [InlineData(1, 9, "num_local_experts = expected a multiple of the {0} ranks that share the experts, found 9; ")]
    public void Experts_that_cannot_be_shared_are_refused(int attentionExperts, int experts, string message)
    {
        var expected = string.Format(CultureInfo.InvariantCulture, message, results.Ranks.Count);
        foreach (var rank in results.Ranks)
            rank[$"refusal of {attentionExperts} and {experts} experts|"].ShouldStartWith(expected);
    }

    private void ShouldBeClose(string variant, string[] quantities)
    {
        foreach (var quantity in quantities)
            Each(variant, quantity).ShouldAllBe(distance => distance <= Tolerance, quantity);
    }

    private IEnumerable<double> Each(string variant, string quantity) =>
        results.Ranks.Select(rank => double.Parse(rank[$"{variant}| {quantity}"], CultureInfo.InvariantCulture));
}

/// <summary>The lines that the ranks of <see cref="ExpertScenario"/> write.</summary>
public class ExpertResults
{
    private readonly Lazy<Dictionary<string, string>[]> ranks = new(
        () => [.. TrainingRanks.Results(Size, ExpertScenario.Name).Select(
            lines => lines.Select(line => line.Split(": ")).ToDictionary(parts => parts[0], parts => parts[1]))]);

    private static int Size =>
        int.Parse(Environment.GetEnvironmentVariable("BAM_TEST_RANKS") ?? "2", CultureInfo.InvariantCulture);

    public IReadOnlyList<IReadOnlyDictionary<string, string>> Ranks => ranks.Value;
}
