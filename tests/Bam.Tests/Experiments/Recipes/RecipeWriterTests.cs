using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Recipes;

public sealed class RecipeWriterTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public static TheoryData<string> Shipped =>
        [.. Directory.GetFiles(Fixtures.Recipes, "*.yaml", SearchOption.AllDirectories).Where(path => !StudySet.IsSet(path))
            .Select(path => Path.GetRelativePath(Fixtures.Recipes, path)).Order()];

    public void Dispose() => directory.Dispose();

    [Theory]
    [MemberData(nameof(Shipped))]
    public void A_recipe_that_comes_with_Bam_reads_back_from_what_is_written(string name)
    {
        var recipe = RecipeReader.Read(Path.Combine(Fixtures.Recipes, name));

        ReadsBack(recipe);
        foreach (var seed in recipe.RandomSeeds) ReadsBack(recipe.ForSeed(seed));
    }

    [Theory]
    [InlineData("")]
    [InlineData("tokenizer: { path: other/tokenizer.json }")]
    public void A_recipe_of_given_models_reads_back_from_what_is_written(string tokenizer) => ReadsBack(Read($$"""
        domains:
          law: { files: [law.txt] }
        {{tokenizer}}
        seed: { checkpoint: models/seed }
        experts:
          law: { checkpoint: models/law }
        mixtures:
          bam: { method: bam, tokens: 1000, learning_rate: 1e-4, shares: { law: 1 } }
          soup: { method: soup }
        """));

    [Fact]
    public void A_recipe_with_a_given_tokenizer_reads_back_from_what_is_written() => ReadsBack(Read("""
        domains:
          general: { files: [general.txt] }
        tokenizer: { path: tokenizer.json }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        seed: { tokens: 1e6, learning_rate: 2e-3 }
        """));

    [Fact]
    public void Adapters_are_relative_to_the_recipe()
    {
        foreach (var name in new[] { "seed", "law" }) Directory.CreateDirectory(directory[$"models/{name}"]);
        var recipe = Read("""
            domains:
              law: { files: [law.txt] }
            seed: { checkpoint: models/seed }
            experts:
              law: { checkpoint: models/seed+models/law }
            mixtures:
              soup: { method: soup }
            """);
        recipe.Experts["law"].Checkpoint.ShouldBe($"{directory["models/seed"]}+{directory["models/law"]}");
        RecipePaths.Relative(recipe).Experts["law"].Checkpoint.ShouldBe("models/seed+models/law");
        RecipeInputs.Of(recipe).ShouldContain(directory["models/law"]);
        ReadsBack(recipe);
    }

    private void ReadsBack(Recipe recipe)
    {
        var written = RecipeWriter.Write(recipe);

        RecipeWriter.Write(Read(written)).ShouldBe(written);
    }

    private Recipe Read(string yaml)
    {
        File.WriteAllText(directory["recipe.yaml"], yaml);
        return RecipeReader.Read(directory["recipe.yaml"]);
    }
}
