using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Studies;

public sealed class ObservationsTests
{
    [Fact]
    public void Each_expert_and_each_mixture_is_compared_with_the_seed()
    {
        var observations = Of(
            Model("seed", ModelKind.Seed, null, general: 20, law: 30, code: 40),
            Model("law", ModelKind.Expert, "law", general: 25, law: 20, code: 50),
            Model("code", ModelKind.Expert, "code", general: 25, law: 29, code: 41),
            Model("soup", ModelKind.Soup, null, general: 90, law: 90, code: 90),
            Model("btx", ModelKind.Btx, null, general: 21, law: 30, code: 30));

        observations.Select(observation => (observation.Model, observation.Figure.Title, observation.InWords)).ShouldBe(
        [
            ("law", "law", "better"),
            ("law", "code", "worse"),
            ("code", "law", "better"),
            ("code", "code", "worse"),
            ("btx", "law", "no clear difference"),
            ("btx", "code", "better"),
        ]);
        observations.ShouldAllBe(observation => observation.Against == "seed");
        observations[0].Change.Mean.ShouldBe(-1 / 3.0, 1e-9);
    }

    [Fact]
    public void A_perplexity_that_is_not_a_number_is_not_measured() => Of(
            Model("seed", ModelKind.Seed, null, general: 20, law: double.NaN, code: double.NaN),
            Model("law", ModelKind.Expert, "law", general: 25, law: 20, code: 50),
            Model("code", ModelKind.Expert, "code", general: 25, law: 20, code: 50))
        .ShouldAllBe(observation => observation.InWords == "not measured");

    [Fact]
    public void What_rounds_to_nothing_is_no_clear_difference() => Of(
            Model("seed", ModelKind.Seed, null, general: 20, law: 290.90, code: 30),
            Model("law", ModelKind.Expert, "law", general: 25, law: 290.97, code: 50))
        .ShouldHaveSingleItem().InWords.ShouldBe("no clear difference");

    [Fact]
    public void Without_experts_there_is_nothing_to_observe() =>
        Of(Model("seed", ModelKind.Seed, null, 1, 1, 1), Model("btx", ModelKind.Btx, null, 1, 1, 1)).ShouldBeEmpty();

    [Fact]
    public void A_recipe_that_claims_something_is_judged_by_its_claims_alone()
    {
        var claim = new RecipeClaim { Says = "the law expert beats the seed on law", Order = ["law", "seed"], Domains = ["law"] };
        var study = StudyOf(
            [claim],
            Model("seed", ModelKind.Seed, null, general: 20, law: 30, code: 40),
            Model("law", ModelKind.Expert, "law", general: 25, law: 20, code: 50));

        study.Observations.ShouldBeEmpty();
        study.Claims.ShouldHaveSingleItem().Verdict.ShouldBe(Verdict.HeldOnce);
    }

    private static IReadOnlyList<Comparison> Of(params ModelResult[] models) => StudyOf([], models).Observations;

    private static Study StudyOf(IReadOnlyList<RecipeClaim> claims, params ModelResult[] models)
    {
        var domains = new[] { "general", "law", "code" }.ToDictionary(domain => domain, _ => new RecipeDomain { Files = [] });
        var recipe = new Recipe { Name = "toy", Domains = domains, Seed = new(), Claims = claims };
        return new(recipe, [SmallStudy.Of((9, 10)).Units[0] with { Domains = [.. domains.Keys], Models = models }]);
    }

    private static ModelResult Model(string name, ModelKind kind, string? domain, double general, double law, double code) =>
        new()
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
