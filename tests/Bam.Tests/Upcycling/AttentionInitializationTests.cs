using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Checkpoints;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

public sealed class AttentionInitializationTests : IDisposable
{
    private const int Models = 3;
    private const string Query = "model.layers.1.self_attn.experts.2.q_proj.weight";
    private const string SharedKey = "model.layers.1.self_attn.k_proj.weight";
    private const string FeedForward = "model.layers.1.mlp.experts.2.up_proj.weight";

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Copies_are_each_models_own() => Mix(AttentionInitialization.Copy)(Query).ShouldBe(Dense(Query, 2));

    [Fact]
    public void The_mean_is_all_models()
    {
        var expected = Dense(Query, 0).Zip(Dense(Query, 1), Dense(Query, 2)).Select(v => (v.First + v.Second + v.Third) / Models);
        Mix(AttentionInitialization.Mean)(Query).ShouldBe(expected);
    }

    [Fact]
    public void The_weighted_mean_is_half_the_experts_own()
    {
        var expected = Dense(Query, 0).Zip(Dense(Query, 1), Dense(Query, 2))
            .Select(v => (0.25f * v.First) + (0.25f * v.Second) + (0.5f * v.Third));
        Mix(AttentionInitialization.WeightedMean)(Query).ShouldBe(expected, 1e-6f);
    }

    [Fact]
    public void The_seeds_attention_is_in_every_expert() => Mix(AttentionInitialization.Seed)(Query).ShouldBe(Dense(Query, 0));

    [Fact]
    public void Random_numbers_keep_nothing_of_the_models()
    {
        var expected = new float[Dense(Query, 0).Length];
        new RandomStream(5, Query).FillNormal(expected, 0.02);
        Mix(AttentionInitialization.Random)(Query).ShouldBe(expected);
    }

    [Theory]
    [InlineData(AttentionInitialization.Mean)]
    [InlineData(AttentionInitialization.WeightedMean)]
    [InlineData(AttentionInitialization.Seed)]
    [InlineData(AttentionInitialization.Random)]
    public void Feed_forward_experts_are_copies_all_the_same(AttentionInitialization initialization) =>
        Mix(initialization)(FeedForward).ShouldBe(Dense(FeedForward, 2));

    [Theory]
    [InlineData(AttentionInitialization.Copy, true)]
    [InlineData(AttentionInitialization.WeightedMean, true)]
    [InlineData(AttentionInitialization.Seed, false)]
    public void Shared_keys_are_the_mean_unless_the_seed_or_chance_gives_them(AttentionInitialization initialization, bool isMean)
    {
        var mean = Dense(SharedKey, 0).Zip(Dense(SharedKey, 1), Dense(SharedKey, 2))
            .Select(v => (v.First + v.Second + v.Third) / Models);
        Mix(initialization, shareKeyValue: true)(SharedKey).ShouldBe(isMean ? mean : Dense(SharedKey, 0));
    }

    [Theory]
    [InlineData(AttentionInitialization.Copy, null)]
    [InlineData(AttentionInitialization.WeightedMean, "weighted-mean")]
    public void The_record_names_it(AttentionInitialization initialization, string? name)
    {
        Mix(initialization);
        var record = JsonNode.Parse(File.ReadAllText(directory["mixture/upcycling.json"]))!;
        ((string?)record["attention_init"]).ShouldBe(name);
    }

    private static float[] Dense(string name, int model)
    {
        var denseName = name.Replace(".experts.2.", ".", StringComparison.Ordinal);
        return TinyModel.Values(ParameterTable.Of(TinyModel.Dense).Single(parameter => parameter.Name == denseName), model);
    }

    private Func<string, float[]> Mix(AttentionInitialization initialization, bool shareKeyValue = false)
    {
        var sources = Enumerable.Range(0, Models).Select(i => TinyModel.Write(directory[$"m{i}"], TinyModel.Dense, seed: i))
            .ToArray();
        var options = new MixtureOptions
        {
            Seed = sources[0], Experts = sources[1..], RouterSeed = 5, AttentionInitialization = initialization,
            ShareKeyValue = shareKeyValue,
        };
        Upcycler.Mix("bam", options, directory["mixture"], SilentReporter.Instance);
        return name =>
        {
            using var mixture = SafetensorsFile.Open(directory["mixture/model.safetensors"]);
            var values = new float[mixture[name].Count];
            mixture.ReadFloat32(name, values);
            return values;
        };
    }
}
