using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Checkpoints;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

/// <summary>What several threads write into shards against what one stream writes tensor by tensor.</summary>
public sealed class ShardedMixtureTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("bam", TensorDtype.BFloat16, null, 9_000_000)]
    [InlineData("btx", TensorDtype.Float32, TensorDtype.BFloat16, 5_000_000)]
    [InlineData("bam", TensorDtype.Float16, TensorDtype.Float32, long.MaxValue)]
    public void Shards_hold_what_one_stream_would_write(string method, TensorDtype stored, TensorDtype? wanted, long shardBytes)
    {
        // Embedding, head, query and output have more than a piece's 2²¹ elements, and a last piece that is not whole.
        var config = TinyModel.Dense with
        {
            VocabSize = 2049, HiddenSize = 1024, NumAttentionHeads = 33, NumKeyValueHeads = 1, HeadDim = 64, NumHiddenLayers = 1,
            TieWordEmbeddings = false,
        };
        var models = Enumerable.Range(0, 3).Select(i => TinyModel.Write(directory[$"m{i}"], config, i, stored)).ToArray();
        var options = new MixtureOptions
        {
            Seed = models[0], Experts = models[1..], Dtype = wanted, RouterSeed = 3, AttentionInitialization = Init(method),
            ShardBytes = shardBytes,
        };
        var plan = Upcycler.Mix(method, options, directory["mixture"], SilentReporter.Instance);

        using var sources = MixtureSources.Open(options.Models, SilentReporter.Instance);
        using var mixture = Checkpoint.Open(directory["mixture"], SilentReporter.Instance);
        (mixture.Files.Count > 2).ShouldBe(shardBytes < long.MaxValue);
        foreach (var tensor in plan.Tensors)
        {
            var expected = OneStream(sources, tensor, plan);
            var found = new byte[expected.Length];
            mixture.ReadBytes(tensor.Parameter.Name, 0, found);
            SHA256.HashData(found).ShouldBe(SHA256.HashData(expected), tensor.Parameter.Name);
        }
    }

    [Fact]
    public void Shards_have_the_names_the_sizes_and_the_index_of_hugging_face()
    {
        var a = TinyModel.Write(directory["a"], TinyModel.Dense, 1);
        var b = TinyModel.Write(directory["b"], TinyModel.Dense, 2);
        var plan = Upcycler.Mix(
            "btx", new MixtureOptions { Seed = a, Experts = [b], ShardBytes = 500 }, directory["mixture"],
            SilentReporter.Instance);

        var shards = Directory.GetFiles(directory["mixture"], "*.safetensors").Order(StringComparer.Ordinal).ToArray();
        shards.Length.ShouldBeGreaterThan(3);
        shards.Select(Path.GetFileName)
            .ShouldBe(Enumerable.Range(1, shards.Length).Select(i => $"model-{i:D5}-of-{shards.Length:D5}.safetensors"));
        File.Exists(directory["mixture/model.safetensors"]).ShouldBeFalse();
        var index = JsonNode.Parse(File.ReadAllText(directory["mixture/model.safetensors.index.json"]))!;
        index["metadata"]!["total_size"]!.GetValue<long>().ShouldBe(plan.ByteLength);
        var written = new List<string>();
        foreach (var shard in shards)
        {
            using var file = SafetensorsFile.Open(shard);
            file.Metadata["format"].ShouldBe("pt");
            file.Tensors.Values.Sum(tensor => tensor.ByteLength).ShouldBeLessThanOrEqualTo(500);
            foreach (var tensor in file.Tensors.Values.OrderBy(tensor => tensor.Offset))
            {
                index["weight_map"]![tensor.Name]!.GetValue<string>().ShouldBe(Path.GetFileName(shard));
                written.Add(tensor.Name);
            }
        }

        written.ShouldBe(plan.Tensors.Select(tensor => tensor.Parameter.Name));
        Directory.GetFiles(directory["mixture"]).Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .ShouldBe(["config.json", .. shards.Select(Path.GetFileName), "model.safetensors.index.json", "upcycling.json"]);
    }

    [Theory]
    [InlineData(100, "a|b|c|d")]
    [InlineData(240, "a|b c|d")]
    [InlineData(241, "a|b c d")]
    [InlineData(640, "a b c|d")]
    [InlineData(641, "a b c d")]
    public void Shards_are_filled_in_order_and_a_large_tensor_has_its_own(long shardBytes, string expected)
    {
        TensorDeclaration[] tensors =
        [
            new("a", TensorDtype.Float32, [100]), new("b", TensorDtype.Float32, [30]), new("c", TensorDtype.Float32, [30]),
            new("d", TensorDtype.UInt8, [1]),
        ];
        var layout = CheckpointLayout.Of(tensors, shardBytes);
        string.Join("|", layout.Files.Select(file => string.Join(" ", file.Tensors.Select(tensor => tensor.Name))))
            .ShouldBe(expected);
        layout.Files[^1].Name.ShouldBe(
            layout.Files.Count == 1
                ? "model.safetensors"
                : $"model-0000{layout.Files.Count}-of-0000{layout.Files.Count}.safetensors");
        (layout.Index() is null).ShouldBe(layout.Files.Count == 1);
    }

    [Fact]
    public void A_skipped_stream_goes_on_as_if_drawn()
    {
        var whole = new float[11];
        new RandomStream(4, "w").FillNormal(whole, 1);
        var stream = new RandomStream(4, "w");
        stream.Skip(6);
        var rest = new float[5];
        stream.FillNormal(rest, 1);
        rest.ShouldBe(whole[6..]);
    }

    /// <summary>Random attention gives pieces that begin in the middle of a stream.</summary>
    private static AttentionInitialization Init(string method) =>
        method == "bam" ? AttentionInitialization.Random : AttentionInitialization.Copy;

    /// <summary>A tensor as a single stream wrote it: whole, from first to last, with plain loops.</summary>
    private static byte[] OneStream(MixtureSources sources, PlannedTensor tensor, MixturePlan plan)
    {
        var values = new float[tensor.Parameter.Count];
        var next = new float[values.Length];
        switch (tensor.Recipe)
        {
            case TensorRecipe.Copy copy when sources.Models[copy.Model].Dtype == plan.Dtype:
                var bytes = new byte[values.Length * plan.Dtype.ByteSize];
                sources.Models[copy.Model].ReadBytes(copy.Name, 0, bytes);
                return bytes;
            case TensorRecipe.Copy copy:
                sources.Models[copy.Model].ReadFloat32(copy.Name, values);
                break;
            case TensorRecipe.Mean mean:
                sources.Models[0].ReadFloat32(mean.Name, values);
                foreach (var model in sources.Models.Skip(1))
                {
                    model.ReadFloat32(mean.Name, next);
                    for (var i = 0; i < values.Length; i++) values[i] += next[i];
                }

                for (var i = 0; i < values.Length; i++) values[i] /= sources.Models.Count;
                break;
            case TensorRecipe.Normal normal:
                new RandomStream(plan.Options.RouterSeed, tensor.Parameter.Name).FillNormal(values, normal.StandardDeviation);
                break;
        }

        var rounded = new byte[values.Length * plan.Dtype.ByteSize];
        FloatConversion.FromFloat32(values, plan.Dtype, rounded);
        return rounded;
    }
}
