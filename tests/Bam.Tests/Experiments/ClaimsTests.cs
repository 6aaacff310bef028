using Bam.Experiments.Findings;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

public class ClaimsTests
{
    [Fact]
    public void Each_expert_and_each_mixture_is_compared_with_the_seed()
    {
        var claims = Claims.Of(
        [
            Model("seed", ModelKind.Seed, null, general: 20, law: 30, code: 40),
            Model("law", ModelKind.Expert, "law", general: 25, law: 20, code: 50),
            Model("code", ModelKind.Expert, "code", general: 25, law: 29, code: 41),
            Model("soup", ModelKind.Soup, null, general: 90, law: 90, code: 90),
            Model("btx", ModelKind.Btx, null, general: 21, law: 30, code: 30),
        ]);

        claims.Select(claim => (claim.Text, claim.Held)).ShouldBe(
        [
            ("law beats the seed on law", true),
            ("law is worse than the seed on code", true),
            ("code beats the seed on code", false),
            ("code is worse than the seed on law", false),
            ("btx beats the seed on law", false),
            ("btx beats the seed on code", true),
        ]);
        claims[0].Detail.ShouldBe("20.00 against 30.00 (-33.3 %)");
    }

    [Fact]
    public void A_perplexity_that_is_not_a_number_holds_nothing()
    {
        var claims = Claims.Of(
        [
            Model("seed", ModelKind.Seed, null, general: 20, law: double.NaN, code: double.NaN),
            Model("law", ModelKind.Expert, "law", general: 25, law: 20, code: 50),
            Model("code", ModelKind.Expert, "code", general: 25, law: 20, code: 50),
        ]);

        claims.ShouldAllBe(claim => !claim.Held);
    }

    [Fact]
    public void Without_experts_there_is_nothing_to_claim() =>
        Claims.Of([Model("seed", ModelKind.Seed, null, 1, 1, 1), Model("btx", ModelKind.Btx, null, 1, 1, 1)]).ShouldBeEmpty();

    internal static ModelResult Model(string name, ModelKind kind, string? domain, double general, double law, double code) => new()
    {
        Name = name,
        Kind = kind,
        Domain = domain,
        Perplexity = new Dictionary<string, double> { ["general"] = general, ["law"] = law, ["code"] = code },
        BitsPerByte = new Dictionary<string, double> { ["general"] = 1, ["law"] = 1, ["code"] = 1 },
        Tokens = new Dictionary<string, long> { ["general"] = 10, ["law"] = 10, ["code"] = 10 },
        MeanPerplexity = (general + law + code) / 3,
        ParametersTotal = 100,
        ParametersActive = 50,
        TrainingTokens = 1000,
        CoreSeconds = 2,
        TokensPerSecond = 500,
        Flops = 1e9,
    };
}
