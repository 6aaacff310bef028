using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

/// <summary>Decoding with a cache gives what the whole sequence gives, whatever is read at once.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class KeyValueCacheTests
{
    private const float Tolerance = 1e-4f;
    private const int Length = 14;

    public static TheoryData<string> Fixtures => Tests.Fixtures.ModelNames;

    public static TheoryData<string> Kinds =>
    [
        "dense", "bam", "bam-shared", "bam-top2", "bam-shared-top1", "btx",
        "biased", "biased-bam", "biased-top2", "normed-shared",
    ];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Fixture_decodes_to_the_same_logits(string name)
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        using var model = ModelCheckpoint.Load(
            Tests.Fixtures.Model(name), Device.Cpu, SilentReporter.Instance, withGradients: false);
        Check(model);
    }

    // Heads of 16, where the fused kernel applies.
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Model_decodes_to_the_same_logits(string kind)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(Config(kind));
        Check(model);
    }

    [Fact]
    public void Bfloat16_decodes_to_nearly_the_same_logits()
    {
        using var scope = TensorScope.Open();
        using var full = TinyModels.Create(TinyModels.Bam);
        using var half = new LanguageModel(TinyModels.Bam, Device.Cpu, ScalarType.BFloat16);
        half.Parameters.Values.Copy_(full.Parameters.Values);
        var ids = TinyModels.Ids(2, Length);
        using var cache = half.CreateCache(Length, 2);
        using (var wide = full.CreateCache(Length, 2)) cache.Bytes.ShouldBe(wide.Bytes / 2);
        half.NextLogits(ids.Narrow(1, 0, Length - 1), cache);
        var logits = half.NextLogits(ids.Narrow(1, Length - 1, 1), cache);
        (logits - full.Logits(ids).Select(1, Length - 1)).Abs().Max().Item<float>().ShouldBeLessThan(0.02f);
    }

    [Theory]
    [InlineData("dense", 1)]
    [InlineData("btx", 1)]
    [InlineData("bam", 3)]
    [InlineData("bam-shared", 1)]
    [InlineData("bam-top2", 3)]
    public void Memory_is_that_of_the_keys_and_values_that_the_method_has(string kind, int copies)
    {
        LibTorch.Load();
        var config = Config(kind);
        using var cache = new KeyValueCache(config, batchSize: 2, capacity: 10, Device.Cpu);
        cache.Heads.ShouldBe(copies * config.NumKeyValueHeads);
        cache.Bytes.ShouldBe(
            2L * config.NumHiddenLayers * 2 * 10 * copies * config.NumKeyValueHeads * config.HeadDim * sizeof(float));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_tensor_outlives_a_pass_or_the_cache(string kind)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(Config(kind));
        var (ids, next) = (TinyModels.Ids(2, 5), TinyModels.Ids(2, 1));
        var live = Tensor.LiveCount;
        using (var cache = model.CreateCache(8, 2))
        {
            var withCache = Tensor.LiveCount;
            using (TensorScope.Open())
            {
                model.NextLogits(ids, cache, new RoutingTrace(model.Config));
                model.NextLogits(next, cache, new RoutingTrace(model.Config));
            }

            Tensor.LiveCount.ShouldBe(withCache);
        }

        Tensor.LiveCount.ShouldBe(live);
        AutogradFunction.LiveCount.ShouldBe(0);
    }

    [Fact]
    public void The_trace_holds_the_last_tokens_experts()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(
            TinyModels.Bam with
            {
                NumExpertsPerTok = 2,
                AttentionRouting = AttentionRouting.TopK,
                NumAttentionExpertsPerTok = 2,
            });
        using var cache = model.CreateCache(8);
        var trace = new RoutingTrace(model.Config);
        model.NextLogits(TinyModels.Ids(1, 5), cache, trace);

        trace.LastToken.Count.ShouldBe(model.Config.NumHiddenLayers);
        foreach (var route in trace.LastToken)
        {
            route.FeedForwardExperts.Distinct().Count().ShouldBe(2);
            route.AttentionGates.Count.ShouldBe(3);
            route.AttentionGates.Count(gate => gate > 0).ShouldBe(2);
        }
    }

    [Fact]
    public void More_tokens_than_the_model_has_positions_are_refused()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Dense);
        using var cache = model.CreateCache(40);
        model.NextLogits(TinyModels.Ids(1, 32), cache);
        Should.Throw<InvalidInputException>(() => model.NextLogits(TinyModels.Ids(1, 1), cache))
            .Message.ShouldContain("max_position_embeddings");
    }

    [Fact]
    public void A_full_cache_takes_no_more()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Dense);
        using var cache = model.CreateCache(4);
        Should.Throw<InvalidOperationException>(() => model.NextLogits(TinyModels.Ids(1, 5), cache));
        Should.Throw<InvalidOperationException>(() => model.NextLogits(TinyModels.Ids(2, 3), cache));
        cache.Length.ShouldBe(0);
    }

    // Every split into a first part and single tokens, and into parts of every length.
    internal static void Check(LanguageModel model)
    {
        var ids = TinyModels.Ids(2, Length, device: model.Device);
        var expected = model.Logits(ids);
        using var cache = model.CreateCache(Length, 2);
        for (var first = 1; first <= Length; first++) CheckParts(Enumerable.Repeat(1, Length - first).Prepend(first));
        for (var part = 2; part <= Length / 2; part++) CheckParts(Enumerable.Repeat(part, Length / part));

        // Tokens that are taken back leave no trace.
        using var inner = TensorScope.Open();
        cache.Truncate(3);
        model.NextLogits(ids.Narrow(1, 0, 4), cache);
        cache.Truncate(3);
        Compare(model.NextLogits(ids.Narrow(1, 3, Length - 3), cache), Length - 1);

        void CheckParts(IEnumerable<int> lengths)
        {
            cache.Truncate();
            foreach (var length in lengths)
            {
                using var partScope = TensorScope.Open();
                var logits = model.NextLogits(ids.Narrow(1, cache.Length, length), cache);
                Compare(logits, cache.Length - 1);
            }
        }

        void Compare(Tensor logits, int position)
        {
            logits.IsFinite().All().Item<bool>().ShouldBeTrue($"position {position}");  // NaN is less than any tolerance
            (logits - expected.Select(1, position)).Abs().Max().Item<float>().ShouldBeLessThan(Tolerance, $"position {position}");
        }
    }

    internal static ModelConfig Config(string kind) => kind switch
    {
        "dense" => TinyModels.Dense with { TieWordEmbeddings = false },
        "btx" => TinyModels.Btx,
        "biased" => TinyModels.Biased,
        "biased-bam" => TinyModels.Biased with { NumAttentionExperts = 3, NumLocalExperts = 3 },
        "biased-top2" => TinyModels.Biased with
        {
            NumAttentionExperts = 3, AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 2,
        },
        "normed-shared" => TinyModels.Normed with { NumAttentionExperts = 3, ShareKeyValue = true },
        "bam" => TinyModels.Bam,
        "bam-shared" => TinyModels.Bam with
        {
            NumAttentionHeads = 4, NumKeyValueHeads = 2, ShareKeyValue = true, RopeInterleaved = true, PartialRotaryFactor = 0.5,
        },
        "bam-top2" => TinyModels.Bam with { AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 2 },
        _ => TinyModels.Bam with
        {
            ShareKeyValue = true, AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 1,
        },
    };
}
