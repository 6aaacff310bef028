using Bam.Experiments.Recipes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Recipes;

/// <summary>Which mixtures get calibrated routers without being asked for.</summary>
public sealed class RecipeRoutersTests
{
    [Theory]
    [InlineData("method: bam", 16_384)]
    [InlineData("method: btx", 16_384)]
    [InlineData("method: btx, of: [code]", 16_384)]
    [InlineData("method: btx, experts: 3", 16_384)]
    [InlineData("method: btx, router_tokens: 64", 64)]
    [InlineData("method: btx, routers: random", null)]
    [InlineData("method: btx, experts: 4", null)]
    [InlineData("method: btx, of: [law, law-2]", null)]
    [InlineData("method: sparse", null)]
    [InlineData("method: soup", null)]
    public void Routers_are_calibrated_where_every_model_has_a_domain_of_its_own(string mixture, int? expected) =>
        TokensOf(mixture, "").ShouldBe(expected);

    [Theory]
    [InlineData("method: bam", null)]
    [InlineData("method: bam, routers: calibrated", 16_384)]
    public void The_recipe_says_it_for_all_mixtures(string mixture, int? expected) =>
        TokensOf(mixture, "routers: random").ShouldBe(expected);

    [Fact]
    public void Without_general_text_there_is_none_for_the_seed()
    {
        TokensOf("method: bam", "general_domain: law").ShouldBeNull();
        TokensOf("method: bam, of: [code]", "general_domain: law").ShouldBe(16_384);
    }

    private static int? TokensOf(string mixture, string further)
    {
        var of = mixture.Contains("of:", StringComparison.Ordinal) || mixture.Contains("sparse", StringComparison.Ordinal)
            ? ""
            : "of: [law, code], ";
        var recipe = RecipeReader.Parse($$"""
            {{further}}
            domains:
              general: { files: [general.txt] }
              law: { files: [law.txt] }
              code: { files: [code.txt] }
            model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
            seed: { tokens: 1000, shares: { general: 1 }, learning_rate: 1e-3 }
            experts:
              law: { tokens: 500 }
              code: { tokens: 500 }
              law-2: { domain: law, tokens: 400 }
            mixtures:
              mixed: { {{of}}{{mixture}} }
            """, "recipe.yaml");
        return RecipeRouters.TokensOf(recipe, recipe.Mixtures["mixed"]);
    }
}
