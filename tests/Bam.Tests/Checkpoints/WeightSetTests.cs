using System.Text.Json;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

/// <summary>Directories in which more than one file may be the weights.</summary>
public sealed class WeightSetTests : IDisposable
{
    private static readonly IReadOnlyList<ParameterInfo> Parameters = ParameterTable.Of(TinyModel.Dense);

    private readonly TemporaryDirectory directory = new();
    private readonly RecordingReporter reporter = new();

    public WeightSetTests() => TinyModel.Dense.Save(directory.Root);

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Two_sets_that_hold_the_same_are_one()
    {
        WriteSingle(seed: 1);
        WriteShards(seed: 1);
        WriteIndex(WeightSet.IndexFileName);
        Open().ShouldBe(1);
        reporter.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void Two_indices_are_named()
    {
        const string second = "old.safetensors.index.json";
        WriteShards(seed: 1);
        WriteIndex(WeightSet.IndexFileName);
        TinyModel.WriteFile(directory["old.safetensors"], Parameters, seed: 2);
        WriteIndexOfOne(second, "old.safetensors");
        Refused().ShouldBe(
            $"{directory.Root}: expected one set of weights, found the 2 shards of model.safetensors.index.json and "
            + $"old.safetensors, which {second} names, which differ; move the set that is not meant to another directory");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_index_of_a_variant_is_warned_of(bool hasShards)
    {
        const string Variant = "model.safetensors.index.fp16.json";
        if (hasShards) WriteShards(seed: 1);
        if (hasShards) WriteIndex(WeightSet.IndexFileName);
        else WriteSingle(seed: 1);
        TinyModel.WriteFile(directory["model.fp16-00001-of-00001.safetensors"], Parameters, seed: 2);
        WriteIndexOfOne(Variant, "model.fp16-00001-of-00001.safetensors");
        Open().ShouldBe(hasShards ? 2 : 1);
        reporter.Warnings.ShouldBe([
            $"{directory.Root}: model.fp16-00001-of-00001.safetensors, which {Variant} names, is not read; "
            + $"the weights are those of {(hasShards ? "the 2 shards of model.safetensors.index.json" : "model.safetensors")}"]);
    }

    [Fact]
    public void The_index_of_a_variant_alone_is_read()
    {
        WriteShards(seed: 1);
        WriteIndex("model.safetensors.index.fp16.json");
        Open().ShouldBe(2);
        reporter.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void Shards_without_an_index_beside_a_file_are_named()
    {
        WriteSingle(seed: 2);
        WriteShards(seed: 1);
        Refused().ShouldContain("found model.safetensors and the shards model-00001-of-00002.safetensors …, which differ");
    }

    [Fact]
    public void A_damaged_set_beside_another_differs_from_it()
    {
        WriteSingle(seed: 1);
        WriteShards(seed: 1);
        WriteIndex(WeightSet.IndexFileName);
        File.Delete(directory[Shard(2)]);
        Refused().ShouldContain("which differ");
    }

    [Fact]
    public void An_index_that_names_the_single_file_is_its_index()
    {
        WriteSingle(seed: 1);
        WriteIndexOfOne(WeightSet.IndexFileName, WeightSet.SingleFileName);
        Open().ShouldBe(1);
        reporter.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void Shards_are_read_without_their_index()
    {
        WriteShards(seed: 1);
        Open().ShouldBe(2);
    }

    [Fact]
    public void Of_shards_without_an_index_a_missing_one_is_named()
    {
        WriteShards(seed: 1);
        File.Delete(directory[Shard(2)]);
        Refused().ShouldBe(
            $"{directory.Root}: expected the 2 shards that {Shard(1)} is one of, found no {Shard(2)}; copy the missing ones");
    }

    [Theory]
    [InlineData(
        "adapter_model.safetensors",
        "adapter_model.safetensors is not applied, the weights are those of model.safetensors alone; to have both, name them as "
        + "BASE+ADAPTER: {directory}+{directory}")]
    [InlineData(
        "adapter_model.bin",
        "adapter_model.bin is not applied, the weights are those of model.safetensors alone; to have both, name them as "
        + "BASE+ADAPTER: {directory}+{directory}")]
    [InlineData("consolidated.safetensors", "consolidated.safetensors is not read; the weights are those of model.safetensors")]
    [InlineData("model.fp16.safetensors", "model.fp16.safetensors is not read; the weights are those of model.safetensors")]
    [InlineData(
        "model-00002-of-00003.safetensors",
        "model-00002-of-00003.safetensors is not read; the weights are those of model.safetensors")]
    public void Other_weights_are_warned_of(string name, string warning)
    {
        WriteSingle(seed: 1);
        File.WriteAllBytes(directory[name], [1]);
        Open().ShouldBe(1);
        var expected = warning.Replace("{directory}", directory.Root, StringComparison.Ordinal);
        reporter.Warnings.ShouldBe([$"{directory.Root}: {expected}"]);
    }

    [Fact]
    public void An_index_whose_shards_are_gone_is_warned_of()
    {
        WriteSingle(seed: 1);
        WriteIndex(WeightSet.IndexFileName);
        Open().ShouldBe(1);
        reporter.Warnings.ShouldBe(
            [$"{directory.Root}: none of the shards of model.safetensors.index.json are here; model.safetensors is read"]);
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("optimizer.safetensors")]
    [InlineData("out.safetensors")]
    public void What_is_no_other_set_of_weights_is_not_mentioned(string name)
    {
        WriteSingle(seed: 1);
        File.WriteAllBytes(directory[name], [1]);
        Open().ShouldBe(1);
        reporter.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void An_adapter_alone_is_no_model()
    {
        File.WriteAllBytes(directory["adapter_model.safetensors"], [1]);
        Refused().ShouldBe(
            $"{directory.Root}: expected model.safetensors, found only adapter_model.safetensors, an adapter for another "
            + $"model; name both as BASE+{directory.Root}, with that model's directory as BASE");
    }

    private void WriteIndexOfOne(string name, string file) =>
        File.WriteAllText(
            directory[name],
            JsonSerializer.Serialize(new { weight_map = Parameters.ToDictionary(parameter => parameter.Name, _ => file) }));

    private static string Shard(int number) => $"model-0000{number}-of-00002.safetensors";

    private static ParameterInfo[] ShardParameters(int number) =>
        [.. Parameters.Chunk((Parameters.Count + 1) / 2).ElementAt(number - 1)];

    private void WriteSingle(long seed) => TinyModel.WriteFile(directory[WeightSet.SingleFileName], Parameters, seed);

    private void WriteShards(long seed)
    {
        foreach (var number in (int[])[1, 2]) TinyModel.WriteFile(directory[Shard(number)], ShardParameters(number), seed);
    }

    private void WriteIndex(string name) =>
        File.WriteAllText(directory[name], JsonSerializer.Serialize(new
        {
            weight_map = new[] { 1, 2 }.SelectMany(
                number => ShardParameters(number).Select(parameter => (parameter.Name, Shard(number)))).ToDictionary(),
        }));

    /// <summary>How many files were opened; their values are those of seed 1.</summary>
    private int Open()
    {
        using var checkpoint = Checkpoint.Open(directory.Root, reporter);
        foreach (var parameter in checkpoint.Parameters)
        {
            var values = new float[parameter.Count];
            checkpoint.ReadFloat32(parameter.Name, values);
            values.ShouldBe(TinyModel.Values(parameter, 1));
        }

        return checkpoint.Files.Count;
    }

    private string Refused() =>
        Should.Throw<InvalidInputException>(() => Checkpoint.Open(directory.Root, reporter).Dispose()).Message;
}
