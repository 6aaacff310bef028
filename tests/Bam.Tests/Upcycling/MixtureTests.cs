using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Checkpoints;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

/// <summary>Every byte of every mixture against the plainest reading of the initialisation.</summary>
public sealed partial class MixtureTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    public static TheoryData<string, int, TensorDtype> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, int, TensorDtype>();
            foreach (var kind in new[] { "bam", "bam shared", "bam top-2", "bam 8", "btx", "btx 6 top-3", "btx 8", "soup" })
            {
                kinds.Add(kind, 4, TensorDtype.Float32);
                kinds.Add(kind, 4, TensorDtype.BFloat16);
            }

            kinds.Add("bam", 2, TensorDtype.Float16);
            kinds.Add("btx", 3, TensorDtype.Float64);
            kinds.Add("bam", 8, TensorDtype.BFloat16);
            kinds.Add("sparse 4", 1, TensorDtype.BFloat16);
            kinds.Add("sparse 4", 1, TensorDtype.Float64);
            return kinds;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Experts_are_their_densebytes_and_the_rest_is_the_mean(string kind, int models, TensorDtype dtype)
    {
        var sources = Enumerable.Range(0, models)
            .Select(i => TinyModel.Write(directory[$"m{i}"], TinyModel.Dense, seed: i, dtype)).ToArray();
        var options = new MixtureOptions { Seed = sources[0], Experts = sources[1..], RouterSeed = 5 };
        options = kind switch
        {
            "bam shared" => options with { ShareKeyValue = true },
            "bam top-2" => options with { AttentionTopK = 2 },
            "bam 8" or "btx 8" => options with { FeedForwardExperts = 8, TopK = 2, NormTopK = true },
            "btx 6 top-3" => options with { FeedForwardExperts = 6, TopK = 3 },
            "sparse 4" => options with { FeedForwardExperts = 4 },
            _ => options,
        };
        Upcycler.Mix(kind.Split(' ')[0], options, directory["mixture"], SilentReporter.Instance);

        using var mixture = Checkpoint.Open(directory["mixture"], SilentReporter.Instance);
        mixture.Config.ShouldBe(ExpectedConfig(kind, models) with { TorchDtype = dtype.TorchName });
        mixture.Dtype.ShouldBe(dtype);
        var dense = sources.Select(AllBytes).ToArray();
        foreach (var (name, bytes) in AllBytes(directory["mixture"]))
            bytes.ShouldBe(Reference(dense, name, dtype, mixture.Tensors[name].Shape), name);
    }

    [Fact]
    public void Untied_sequential_denseaverage_head_and_second_norm()
    {
        var config = TinyModel.Dense with { TieWordEmbeddings = false, ParallelBlock = false, NormType = NormType.RmsNorm };
        var options = new MixtureOptions
        {
            Seed = TinyModel.Write(directory["a"], config, seed: 1),
            Experts = [TinyModel.Write(directory["b"], config, seed: 2), TinyModel.Write(directory["c"], config, seed: 3)],
        };
        Upcycler.Mix("bam", options, directory["mixture"], SilentReporter.Instance);
        using var mixture = Checkpoint.Open(directory["mixture"], SilentReporter.Instance);
        var dense = options.Models.Select(AllBytes).ToArray();
        foreach (var name in new[] { "lm_head.weight", "model.layers.1.post_attention_layernorm.weight" })
            BytesOf(directory["mixture"], name)
                .ShouldBe(Reference(dense, name, TensorDtype.Float32, mixture.Tensors[name].Shape));
    }

    [Fact]
    public void The_sum_runs_in_the_order_of_the_experts_in_float32()
    {
        // (2²⁴ + 1) + 1 loses both ones in float32; (1 + 1) + 2²⁴ keeps them. One third of it is not exact.
        WriteConstant("big", 16_777_216);
        WriteConstant("one", 1);
        WriteConstant("also one", 1);
        Soup("big", "one", "also one").ShouldBe(16_777_216f / 3f);
        Soup("one", "also one", "big").ShouldBe(16_777_218f / 3f);
        (16_777_216f / 3f).ShouldNotBe(16_777_218f / 3f);
    }

    [Theory]
    [InlineData(1.0, 1.0078125, 0x3F80)] // 1 and its successor: the mean is a tie, below is even
    [InlineData(1.0078125, 1.015625, 0x3F82)] // a tie, above is even
    [InlineData(-1.0, -1.0078125, 0xBF80)]
    [InlineData(1.0, 1.015625, 0x3F81)] // exact
    [InlineData(3.3895313892515355E+38, 3.3895313892515355E+38, 0x7F7F)] // the sum overflows float32, the mean does not
    public void A_mean_in_bfloat16_is_rounded_to_nearest_even(double first, double second, int bits)
    {
        WriteConstant("a", (float)first, TensorDtype.BFloat16);
        WriteConstant("b", (float)second, TensorDtype.BFloat16);
        Upcycler.Mix(
            "soup", new MixtureOptions { Seed = directory["a"], Experts = [directory["b"]] }, directory["mixture"],
            SilentReporter.Instance);
        BitConverter.ToUInt16(BytesOf(directory["mixture"], ParameterTable.FinalNorm)).ShouldBe((ushort)bits);
    }

    [Fact]
    public void Different_dtypes_give_float32_and_a_wish_is_granted()
    {
        var options = new MixtureOptions
        {
            Seed = TinyModel.Write(directory["a"], TinyModel.Dense, 1, TensorDtype.BFloat16),
            Experts = [TinyModel.Write(directory["b"], TinyModel.Dense, 2, TensorDtype.Float16)],
        };
        var reporter = new RecordingReporter();
        Upcycler.Mix("btx", options, directory["mixture"], reporter);
        reporter.Warnings.ShouldContain("the models have different dtypes; the mixture is float32");
        using (var mixture = Checkpoint.Open(directory["mixture"], SilentReporter.Instance))
        {
            mixture.Dtype.ShouldBe(TensorDtype.Float32);
            var values = new float[30];
            mixture.ReadFloat32("model.layers.0.mlp.experts.1.up_proj.weight", values);
            var source = new float[30];
            using var expert = Checkpoint.Open(directory["b"], SilentReporter.Instance);
            expert.ReadFloat32("model.layers.0.mlp.up_proj.weight", source);
            values.ShouldBe(source);
        }

        Upcycler.Mix("btx", options with { Dtype = TensorDtype.BFloat16 }, directory["narrow"], SilentReporter.Instance);
        using var wide = SafetensorsFile.Open(directory["mixture/model.safetensors"]);
        foreach (var (name, bytes) in AllBytes(directory["narrow"]))
        {
            var values = new float[wide[name].Count];
            wide.ReadFloat32(name, values);
            bytes.ShouldBe(values.SelectMany(value => BitConverter.GetBytes(FloatConversion.ToBFloat16(value))), name);
        }
    }

    [Fact]
    public void Tensors_longer_than_a_buffer_are_whole()
    {
        var config = TinyModel.Dense with { VocabSize = 200_000, NumHiddenLayers = 1 };
        var sources = Enumerable.Range(0, 3).Select(i => TinyModel.Write(directory[$"m{i}"], config, i, TensorDtype.BFloat16))
            .ToArray();
        Upcycler.Mix(
            "soup", new MixtureOptions { Seed = sources[0], Experts = sources[1..] }, directory["mixture"],
            SilentReporter.Instance);
        BytesOf(directory["mixture"], ParameterTable.Embedding).AsSpan()
            .SequenceEqual(
                Reference([.. sources.Select(AllBytes)], ParameterTable.Embedding, TensorDtype.BFloat16, [200_000, 6]))
            .ShouldBeTrue();
        Upcycler.Mix(
            "sparse", new MixtureOptions { Seed = sources[0], FeedForwardExperts = 2 }, directory["copy"],
            SilentReporter.Instance);
        BytesOf(directory["copy"], ParameterTable.Embedding).AsSpan()
            .SequenceEqual(BytesOf(sources[0], ParameterTable.Embedding)).ShouldBeTrue();
    }

    [Fact]
    public void Shards_are_read_and_the_same_request_gives_the_same_bytes()
    {
        var a = TinyModel.Write(directory["a"], TinyModel.Dense, 1);
        var b = TinyModel.Write(directory["b"], TinyModel.Dense, 2);
        Upcycler.Mix("bam", new MixtureOptions { Seed = a, Experts = [b] }, directory["one"], SilentReporter.Instance);
        File.Delete(directory["b/model.safetensors"]);
        var map = new JsonObject();
        foreach (var (parameter, i) in ParameterTable.Of(TinyModel.Dense).Select((p, i) => (p, i)))
        {
            TinyModel.WriteFile(directory[$"b/{i}.safetensors"], [parameter], 2);
            map[parameter.Name] = $"{i}.safetensors";
        }

        File.WriteAllText(directory["b/model.safetensors.index.json"], new JsonObject { ["weight_map"] = map }.ToJsonString());
        Upcycler.Mix("bam", new MixtureOptions { Seed = a, Experts = [b] }, directory["two"], SilentReporter.Instance);
        File.ReadAllBytes(directory["two/model.safetensors"]).ShouldBe(File.ReadAllBytes(directory["one/model.safetensors"]));
        Upcycler.Mix(
            "bam", new MixtureOptions { Seed = a, Experts = [b], RouterSeed = 1 }, directory["two"], SilentReporter.Instance);
        BytesOf(directory["two"], "model.layers.0.mlp.router.weight")
            .ShouldNotBe(BytesOf(directory["one"], "model.layers.0.mlp.router.weight"));
    }

    private float Soup(params string[] names)
    {
        Upcycler.Mix(
            "soup", new MixtureOptions { Seed = directory[names[0]], Experts = [.. names[1..].Select(name => directory[name])] },
            directory["mixture"], SilentReporter.Instance);
        return BitConverter.ToSingle(BytesOf(directory["mixture"], ParameterTable.FinalNorm));
    }

    private void WriteConstant(string name, float value, TensorDtype dtype = TensorDtype.Float32)
    {
        Directory.CreateDirectory(directory[name]);
        TinyModel.Dense.Save(directory[name]);
        SafetensorsWriter.Write(
            directory[$"{name}/model.safetensors"],
            [.. ParameterTable.Of(TinyModel.Dense).Select(p => new TensorDeclaration(p.Name, dtype, p.Shape))],
            (tensor, stream) =>
            {
                var bytes = new byte[tensor.ByteLength];
                FloatConversion.FromFloat32(Enumerable.Repeat(value, (int)tensor.Count).ToArray(), dtype, bytes);
                stream.Write(bytes);
            });
    }

    private static ModelConfig ExpectedConfig(string kind, int models) => kind switch
    {
        "bam" => TinyModel.Dense with { NumAttentionExperts = models, NumLocalExperts = models },
        "bam shared" => TinyModel.Dense with { NumAttentionExperts = 4, NumLocalExperts = 4, ShareKeyValue = true },
        "bam top-2" =>
            TinyModel.Dense with
            {
                NumAttentionExperts = 4, NumLocalExperts = 4, AttentionRouting = AttentionRouting.TopK,
                NumAttentionExpertsPerTok = 2,
            },
        "bam 8" => TinyModel.Dense with
        {
            NumAttentionExperts = 4, NumLocalExperts = 8, NumExpertsPerTok = 2, NormTopkProb = true,
        },
        "btx" => TinyModel.Dense with { NumLocalExperts = models },
        "btx 6 top-3" => TinyModel.Dense with { NumLocalExperts = 6, NumExpertsPerTok = 3 },
        "btx 8" => TinyModel.Dense with { NumLocalExperts = 8, NumExpertsPerTok = 2, NormTopkProb = true },
        "sparse 4" => TinyModel.Dense with { NumLocalExperts = 4 },
        _ => TinyModel.Dense,
    };

    /// <summary>The bytes that a tensor of the mixture must have, one number at a time.</summary>
    private static byte[] Reference(Dictionary<string, byte[]>[] sources, string name, TensorDtype dtype, long[] shape)
    {
        if (name.Contains("router", StringComparison.Ordinal))
        {
            var random = new float[shape[0] * shape[1]];
            new RandomStream(5, name).FillNormal(random, 0.02);
            return [.. random.SelectMany(value => Rounded(value, dtype))];
        }

        var expert = ExpertNumber().Match(name);
        if (expert.Success)
        {
            var e = int.Parse(expert.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
            return sources[e < sources.Length ? e : 0][name.Replace(expert.Value, ".", StringComparison.Ordinal)];
        }

        if (sources.Length == 1) return sources[0][name];
        var models = sources.Select(source => source[name]).ToArray();
        var result = new List<byte>();
        for (var at = 0; at < models[0].Length; at += dtype.ByteSize)
        {
            var sum = ValueAt(models[0], at, dtype);
            for (var i = 1; i < models.Length; i++) sum += ValueAt(models[i], at, dtype);
            result.AddRange(Rounded(sum / models.Length, dtype));
        }

        return [.. result];
    }

    private static float ValueAt(byte[] bytes, int at, TensorDtype dtype) => dtype switch
    {
        TensorDtype.Float32 => BitConverter.ToSingle(bytes, at),
        TensorDtype.BFloat16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes, at) << 16),
        TensorDtype.Float16 => (float)BitConverter.ToHalf(bytes, at),
        _ => (float)BitConverter.ToDouble(bytes, at),
    };

    private static byte[] Rounded(float value, TensorDtype dtype) => dtype switch
    {
        TensorDtype.Float32 => BitConverter.GetBytes(value),
        TensorDtype.BFloat16 => BitConverter.GetBytes(NearestBFloat16(value)),
        TensorDtype.Float16 => BitConverter.GetBytes((Half)value),
        _ => BitConverter.GetBytes((double)value),
    };

    /// <summary>By distance to the two neighbours, in double precision.</summary>
    private static ushort NearestBFloat16(float value)
    {
        var below = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
        var above = (ushort)(below + 1);
        double toBelow = Math.Abs((double)value - BitConverter.UInt32BitsToSingle((uint)below << 16));
        double toAbove = Math.Abs((double)value - BitConverter.UInt32BitsToSingle((uint)above << 16));
        return toBelow < toAbove || (toBelow == toAbove && below % 2 == 0) ? below : above;
    }

    private static byte[] BytesOf(string model, string name) => AllBytes(model)[name];

    private static Dictionary<string, byte[]> AllBytes(string model)
    {
        using var file = SafetensorsFile.Open(Path.Combine(model, "model.safetensors"));
        var all = new Dictionary<string, byte[]>();
        foreach (var tensor in file.Tensors.Values)
        {
            var bytes = all[tensor.Name] = new byte[tensor.ByteLength];
            file.ReadBytes(tensor, 0, bytes);
        }

        return all;
    }

    [GeneratedRegex(@"\.experts\.([0-9]+)\.")]
    private static partial Regex ExpertNumber();
}
