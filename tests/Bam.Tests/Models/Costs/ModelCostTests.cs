using Bam.Checkpoints;
using Bam.Models;
using Bam.Models.Costs;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models.Costs;

public sealed class ModelCostTests
{
    private static readonly ModelConfig Small = ModelPresets.All["small"];
    private static readonly ModelConfig Bam = Small with { NumAttentionExperts = 4, NumLocalExperts = 4 };
    private static readonly CostSettings Settings = new(256, 8, ScalarType.Float32);

    [Fact]
    public void Components_add_up_to_the_size()
    {
        var size = ModelSize.Of(Bam);
        var components = ModelSize.ByKind(Bam);
        components.Sum(component => component.Total).ShouldBe(size.Total);
        components.Sum(component => component.Active).ShouldBe(size.Active);
        components.Single(component => component.Kind == ParameterKind.Up)
            .ShouldBe(new(ParameterKind.Up, 6 * 4 * 2_097_152L, 6 * 2_097_152L));
        components.Single(component => component.Kind == ParameterKind.AttentionRouter).Total.ShouldBe(24_576);
    }

    [Fact]
    public void The_cache_grows_with_own_keys_and_values_alone()
    {
        var dense = 6 * 2 * 1024 * 4;
        KeyValueCache.BytesPerToken(Small, ScalarType.Float32).ShouldBe(dense);
        KeyValueCache.BytesPerToken(Small with { NumLocalExperts = 4 }, ScalarType.Float32).ShouldBe(dense);
        KeyValueCache.BytesPerToken(Bam, ScalarType.Float32).ShouldBe(4 * dense);
        KeyValueCache.BytesPerToken(Bam with { ShareKeyValue = true }, ScalarType.Float32).ShouldBe(dense);
        KeyValueCache.BytesPerToken(
            Bam with { AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 1 },
            ScalarType.Float32).ShouldBe(4 * dense);
        KeyValueCache.BytesPerToken(ModelPresets.All["large"], ScalarType.BFloat16).ShouldBe(18 * 2 * 6 * 128 * 2);
    }

    [Fact]
    public void A_cost_gathers_what_the_parts_say()
    {
        var cost = ModelCost.Of(new("BAM", Bam), Settings);
        cost.TrainingFlops.ShouldBe(ModelFlops.Training(Bam, 256));
        cost.InferenceFlops.ShouldBe(6.0 * 48_250_880 + 2.0 * 1024 * 256_000);
        cost.CacheBytesBfloat16.ShouldBe(cost.CacheBytesFloat32 / 2);
        cost.Memory.ShouldBe(TrainingMemory.Of(Bam, 8, 256, ScalarType.Float32));
        cost.Paper.Count.ShouldBe(4);
    }
}
