using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

public sealed class CacheMemoryTests
{
    private static readonly ModelConfig Config = new()
    {
        VocabSize = 10, HiddenSize = 8, IntermediateSize = 8, NumHiddenLayers = 2, NumAttentionHeads = 2, NumKeyValueHeads = 1,
        HeadDim = 4, MaxPositionEmbeddings = 1 << 30,
    };

    [Theory]
    [InlineData(false, 64)]  // 2 · 2 layers · 1 head · 4 · 4 bytes
    [InlineData(true, 32)]
    public void A_cache_is_refused_just_where_it_does_not_fit_beside_the_weights(bool isHalf, int perToken)
    {
        var type = isHalf ? ScalarType.BFloat16 : ScalarType.Float32;
        var weights = ParameterTable.Of(Config).Sum(parameter => parameter.Shape.Aggregate(1L, (all, size) => all * size))
            * type.ByteSize();
        var needed = 3L * 1000 * perToken;
        var cache = new CacheMemory(3, 1000) { What = "--slots and --context", Hint = "lower one of the two" };

        cache.Require(Config, type, weights + needed);

        Should.Throw<InvalidInputException>(() => cache.Require(Config, type, weights + needed - 1)).Message.ShouldBe(
            $"--slots and --context: expected keys and values that fit the {needed - 1} bytes of memory here that the weights "
            + $"leave, found 3 × 1000 tokens × {perToken} bytes = {needed} bytes; lower one of the two, or use a machine with "
            + "more memory");
    }

    [Fact]
    public void Sizes_beyond_64_bits_are_compared_too() =>
        Should.Throw<InvalidInputException>(
            () => new CacheMemory(int.MaxValue, int.MaxValue).Require(Config, ScalarType.Float32, long.MaxValue))
            .Message.ShouldContain(" = 295147904904474918976 bytes; ");

    [Fact]
    public void A_model_allocates_no_cache_that_does_not_fit()
    {
        using var model = new LanguageModel(Config, Device.Cpu);
        Should.Throw<InvalidInputException>(() => model.CreateCache(1 << 30, 1 << 12)).Message
            .ShouldStartWith("the key-value cache: ");
    }
}
