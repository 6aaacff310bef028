using Bam.Experiments.Recipes;
using Bam.Models;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Recipes;

public sealed class SeedSizesTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    [Theory]
    [InlineData("small")]
    [InlineData("bam-small")]
    public void A_preset_takes_the_tokenizers_vocabulary(string name) =>
        Sizes(name).For(300, endOfTextId: 7).ShouldBe(ModelPresets.All["small"] with { VocabSize = 300, EosTokenIds = [7] });

    [Fact]
    public void A_presets_sizes_can_be_replaced() =>
        Sizes("{ preset: small, vocab_size: 512, num_hidden_layers: 2 }").For(300, endOfTextId: null)
            .ShouldBe(ModelPresets.All["small"] with { VocabSize = 512, NumHiddenLayers = 2 });

    [Fact]
    public void Sizes_come_from_a_config_json_too()
    {
        (ModelPresets.All["small"] with { VocabSize = 99 }).Save(directory.Root);
        Sizes("./config.json").For(300, endOfTextId: null).VocabSize.ShouldBe(99);
    }

    [Fact]
    public void A_preset_that_does_not_exist_is_named() =>
        Should.Throw<InvalidInputException>(() => Sizes("bam-smal"))
            .Message.ShouldContain("recipe.yaml:3: no preset is called 'bam-smal', did you mean 'bam-small'");

    public void Dispose() => directory.Dispose();

    private SeedSizes Sizes(string model)
    {
        var path = directory["recipe.yaml"];
        File.WriteAllText(path, $$"""
            domains:
              general: { files: [general.txt] }
            model: {{model}}
            seed: { tokens: 1e6, learning_rate: 2e-3 }
            """);
        return SeedSizes.Of(RecipeReader.Read(path));
    }
}
