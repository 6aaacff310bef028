using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Adapters;

/// <summary>Every feature of adapters, bit for bit against the product computed the plainest way.</summary>
public sealed class AdapterFoldingTests : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj", Down = "model.layers.1.mlp.down_proj";

    private static readonly ModelConfig Untied = TinyModel.Dense with { TieWordEmbeddings = false };

    private readonly TemporaryDirectory directory = new();
    private readonly RecordingReporter reporter = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(TensorDtype.Float32, TensorDtype.Float32)]
    [InlineData(TensorDtype.Float32, TensorDtype.BFloat16)]
    [InlineData(TensorDtype.Float32, TensorDtype.Float16)]
    [InlineData(TensorDtype.BFloat16, TensorDtype.Float32)]
    [InlineData(TensorDtype.Float16, TensorDtype.Float64)]
    public void The_product_is_added_and_nothing_else_changes(TensorDtype ofBase, TensorDtype ofAdapter)
    {
        TinyModel.Write(directory["base"], Untied, seed: 1, ofBase);
        var adapter = new AdapterSource { Dtype = ofAdapter }.AddLinear(Query, 8, 6).AddLinear(Down, 6, 5);
        var expected = Numbers(directory["base"]);
        expected[$"{Query}.weight"] = adapter.Merge(Query, expected[$"{Query}.weight"], 8, 6, 1.5f);
        expected[$"{Down}.weight"] = adapter.Merge(Down, expected[$"{Down}.weight"], 6, 5, 1.5f);

        ShouldBe(Folded(adapter), expected);
        reporter.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void A_part_is_read_as_the_whole_is()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        var adapter = new AdapterSource().With("use_dora", true).AddLinear(Query, 8, 6)
            .Add($"{AdapterSource.Prefix}{Query}.lora_magnitude_vector", [8]);
        adapter.Write(directory["adapter"]);
        using var model = Open();
        var whole = new float[48];
        model.ReadFloat32($"{Query}.weight", whole);
        for (var start = 0; start < 48; start++)
        {
            for (var count = 1; count <= 48 - start; count++)
            {
                var part = new float[count];
                model.ReadFloat32($"{Query}.weight", start, part);
                part.ShouldBe(whole.AsSpan(start, count).ToArray());
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(16)]
    public void A_matrix_wider_than_a_block_is_merged_at_every_rank(int rank)
    {
        var config = Untied with { HiddenSize = 8, IntermediateSize = 5003 };
        TinyModel.Write(directory["base"], config, seed: 1);
        var adapter = new AdapterSource().With("r", rank).AddLinear(Down, 8, 5003, rank);
        var expected = Numbers(directory["base"]);
        expected[$"{Down}.weight"] = adapter.Merge(Down, expected[$"{Down}.weight"], 8, 5003, (float)(3.0 / rank), rank);
        ShouldBe(Folded(adapter), expected);
    }

    /// <summary>The last pattern never decides, since the first that matches does.</summary>
    [Theory]
    [InlineData(false, "{}", 2, 1.5f)]
    [InlineData(true, "{}", 2, 2.1213203f)]
    [InlineData(false, """{"q_proj": 8, ".*": 1}""", 2, 4f)]
    [InlineData(false, """{"layers.0.self_attn.q_proj": 5, "q_proj": 8}""", 2, 2.5f)]
    [InlineData(false, """{"layers\\.[01]\\.self_attn\\.(k|q)_proj": 7}""", 2, 3.5f)]
    [InlineData(false, """{"proj": 9, "self_attn": 9, "0.self_attn.q_pro": 9}""", 2, 1.5f)]
    [InlineData(true, """{"q_proj": 8}""", 4, 4f)]
    public void The_scale_follows_rank_and_alpha(bool isRankStabilised, string alphas, int rank, float scale)
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        var adapter = new AdapterSource().AddLinear(Query, 8, 6, rank).With("use_rslora", isRankStabilised)
            .With("alpha_pattern", JsonNode.Parse(alphas));
        if (rank != 2) adapter.With("rank_pattern", new JsonObject { ["q_proj"] = rank, ["self_attn.q_proj"] = 99 });
        var expected = Numbers(directory["base"]);
        expected[$"{Query}.weight"] = adapter.Merge(Query, expected[$"{Query}.weight"], 8, 6, scale, rank);
        ShouldBe(Folded(adapter), expected);
    }

    public static TheoryData<string, string> Names => new()
    {
        { "with the adapter's name", "default" },
        { "with another name", "law_v2" },
        { "prefix twice", "" },
        { "sharded training", "" },
        { "compiled", "" },
        { "without the head's model", "" },
        { "without a prefix", "" },
    };

    [Theory, MemberData(nameof(Names))]
    public void Names_of_other_tools_are_understood(string kind, string name)
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        var adapter = new AdapterSource().With("use_dora", true).AddLinear(Query, 8, 6)
            .Add($"{AdapterSource.Prefix}{Query}.lora_magnitude_vector", [8])
            .Add($"{AdapterSource.Prefix}lm_head.weight", [7, 6]);
        var expected = Folded(adapter);
        adapter.Write(directory["adapter"], tensor => kind switch
        {
            "prefix twice" => AdapterSource.Prefix + tensor,
            "sharded training" => tensor.Replace(".layers.0.", ".layers.0._fsdp_wrapped_module.", StringComparison.Ordinal),
            "compiled" => tensor.Replace(AdapterSource.Prefix, AdapterSource.Prefix + "_orig_mod.", StringComparison.Ordinal),
            "without the head's model" => tensor.Replace(".model.model.", ".model.", StringComparison.Ordinal),
            "without a prefix" => tensor[AdapterSource.Prefix.Length..],
            _ => tensor.Replace("lora_A.", $"lora_A.{name}.", StringComparison.Ordinal)
                .Replace("lora_B.", $"lora_B.{name}.", StringComparison.Ordinal)
                .Replace("lora_magnitude_vector", $"lora_magnitude_vector.{name}.weight", StringComparison.Ordinal)
                .Replace("lm_head.weight", $"lm_head.modules_to_save.{name}.weight", StringComparison.Ordinal),
        });
        using var model = Open();
        ShouldBe(Numbers(model), expected);
        model.Adapters.ShouldHaveSingleItem().Modules.ShouldHaveSingleItem().Name.ShouldBe(Query);
        model.Adapters[0].Replaced.ShouldBe(["lm_head.weight"]);
    }

    [Fact]
    public void Whole_tensors_take_the_place_of_the_bases_before_the_product_is_added()
    {
        var config = Untied with { AttentionBias = true };
        TinyModel.Write(directory["base"], config, seed: 1, TensorDtype.BFloat16);
        var adapter = new AdapterSource().With("bias", "lora_only").With("modules_to_save", new JsonArray("lm_head"))
            .AddLinear(Query, 8, 6).Add($"{AdapterSource.Prefix}{Query}.base_layer.bias", [8])
            .Add($"{AdapterSource.Prefix}lm_head.weight", [7, 6]).Add($"{AdapterSource.Prefix}model.norm.weight", [6])
            .AddEmbedding("model.embed_tokens", 7, 6)
            .Add($"{AdapterSource.Prefix}model.embed_tokens.base_layer.weight", [7, 6]);
        var expected = Numbers(directory["base"]);
        expected[$"{Query}.weight"] = adapter.Merge(Query, expected[$"{Query}.weight"], 8, 6, 1.5f);
        expected[$"{Query}.bias"] = adapter.Values[$"{AdapterSource.Prefix}{Query}.base_layer.bias"];
        foreach (var name in new[] { "lm_head.weight", "model.norm.weight" })
            expected[name] = adapter.Values[AdapterSource.Prefix + name];
        expected["model.embed_tokens.weight"] = adapter.MergeEmbedding(
            "model.embed_tokens", adapter.Values[$"{AdapterSource.Prefix}model.embed_tokens.base_layer.weight"], 7, 6, 1.5f);
        ShouldBe(Folded(adapter), expected);
    }

    [Fact]
    public void A_bias_of_the_product_is_added_to_that_of_the_base()
    {
        TinyModel.Write(directory["base"], Untied with { AttentionBias = true }, seed: 1);
        var adapter = new AdapterSource().With("lora_bias", true).AddLinear(Query, 8, 6)
            .Add($"{AdapterSource.Prefix}{Query}.lora_B.bias", [8]);
        var expected = Numbers(directory["base"]);
        var bias = adapter.Values[$"{AdapterSource.Prefix}{Query}.lora_B.bias"];
        expected[$"{Query}.weight"] = adapter.Merge(Query, expected[$"{Query}.weight"], 8, 6, 1.5f);
        expected[$"{Query}.bias"] = [.. expected[$"{Query}.bias"].Zip(bias, (x, b) => x + (b * 1.5f))];
        ShouldBe(Folded(adapter), expected);
    }

    [Fact]
    public void DoRA_gives_every_row_its_length()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        var name = $"{AdapterSource.Prefix}{Query}.lora_magnitude_vector";
        var adapter = new AdapterSource().With("use_dora", true).AddLinear(Query, 8, 6).Add(name, [8]);
        var expected = Numbers(directory["base"]);
        var direction = adapter.Merge(Query, expected[$"{Query}.weight"], 8, 6, 1.5f);
        expected[$"{Query}.weight"] = [.. direction.Select((value, i) =>
            value * (adapter.Values[name][i / 6] / Norm(direction.Skip(i / 6 * 6).Take(6))))];
        ShouldBe(Folded(adapter), expected);
    }

    [Fact]
    public void DoRA_gives_every_column_of_an_embedding_its_length()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        var name = $"{AdapterSource.Prefix}model.embed_tokens.lora_magnitude_vector";
        var adapter = new AdapterSource().With("use_dora", true).AddEmbedding("model.embed_tokens", 7, 6).Add(name, [6]);
        var expected = Numbers(directory["base"]);
        var direction = adapter.MergeEmbedding("model.embed_tokens", expected["model.embed_tokens.weight"], 7, 6, 1.5f);
        expected["model.embed_tokens.weight"] = [.. direction.Select((value, i) =>
            value * (adapter.Values[name][i % 6] / Norm(direction.Where((_, j) => j % 6 == i % 6))))];
        ShouldBe(Folded(adapter), expected);
    }

    [Fact]
    public void Several_adapters_are_folded_in_one_after_the_other()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        var first = new AdapterSource().AddLinear(Query, 8, 6).AddLinear("lm_head", 7, 6);
        var second = new AdapterSource().With("use_dora", true).With("lora_alpha", 5).AddLinear(Query, 8, 6)
            .Add($"{AdapterSource.Prefix}{Query}.lora_magnitude_vector", [8])
            .Add($"{AdapterSource.Prefix}lm_head.weight", [7, 6]);
        first.Write(directory["first"]);
        second.Write(directory["second"]);
        using var model = Checkpoint.Open($"{directory["base"]}+{directory["first"]}+{directory["second"]}", reporter);

        Folded(first, "once");
        WriteMerged($"{directory["base"]}+{directory["once"]}", Untied, directory["merged"]);
        using var expected = Checkpoint.Open($"{directory["merged"]}+{directory["second"]}", reporter);
        ShouldBe(Numbers(model), Numbers(expected));
        model.Adapters.Select(adapter => adapter.Directory).ShouldBe([directory["first"], directory["second"]]);
    }

    [Fact]
    public void A_float8_matrix_is_multiplied_by_its_scales_first()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        var plain = Numbers(directory["base"]);
        var ones = Enumerable.Repeat((byte)0x38, 48).ToArray();  // 1 in E4M3
        SafetensorsWriter.Write(
            directory["base/model.safetensors"],
            [
                .. ParameterTable.Of(Untied).Select(parameter => new TensorDeclaration(
                    parameter.Name, parameter.Name == $"{Query}.weight" ? TensorDtype.Float8E4M3 : TensorDtype.Float32,
                    parameter.Shape)),
                new TensorDeclaration($"{Query}.weight_scale", TensorDtype.Float32, [8]),
            ],
            (tensor, stream) =>
            {
                float[] scales = [1, 2, 3, 4, 5, 6, 7, 8];
                if (tensor.Dtype == TensorDtype.Float8E4M3) stream.Write(ones);
                else WriteFloats(stream, tensor.Name.EndsWith("_scale", StringComparison.Ordinal) ? scales : plain[tensor.Name]);
            });
        var adapter = new AdapterSource().AddLinear(Query, 8, 6);
        plain[$"{Query}.weight"] = adapter.Merge(
            Query, [.. Enumerable.Range(0, 48).Select(i => (i / 6) + 1f)], 8, 6, 1.5f);
        ShouldBe(Folded(adapter), plain);
    }

    [Fact]
    public void A_fused_matrix_is_changed_as_it_is_stored()
    {
        const string Fused = "gpt_neox.layers.1.attention.query_key_value";
        var fixture = Fixtures.HuggingFaceModel("gpt-neox-pythia");
        var adapter = new AdapterSource().AddLinear(Fused, 96, 32);
        adapter.Write(directory["adapter"]);
        using var plain = Checkpoint.Open(fixture, reporter);
        using var model = Checkpoint.Open($"{fixture}+{directory["adapter"]}", reporter);
        var fused = new float[96 * 32];
        plain.Stored.ReadFloat32($"{Fused}.weight", 0, fused);
        var merged = adapter.Merge(Fused, fused, 96, 32, 1.5f);

        // Head by head: 8 rows of queries, 8 of keys, 8 of values.
        float[] Part(int part) => [.. merged.Where((_, i) => i / 32 / 8 % 3 == part)];
        foreach (var (part, name) in new[] { "q_proj", "k_proj", "v_proj" }.Index())
        {
            var values = new float[32 * 32];
            model.ReadFloat32($"model.layers.1.self_attn.{name}.weight", values);
            values.ShouldBe(Part(part), name);
        }
    }

    [Fact]
    public void An_adapter_of_one_use_of_a_tied_matrix_unties_them()
    {
        TinyModel.Write(directory["base"], TinyModel.Dense, seed: 1);
        var adapter = new AdapterSource().AddLinear("lm_head", 7, 6);
        var expected = Numbers(directory["base"]);
        var embedding = expected["model.embed_tokens.weight"];
        expected["lm_head.weight"] = adapter.Merge("lm_head", embedding, 7, 6, 1.5f);
        adapter.Write(directory["adapter"]);
        using (var model = Open())
        {
            model.Config.TieWordEmbeddings.ShouldBeFalse();
            ShouldBe(Numbers(model), expected);
        }

        ModelConfigReader.Load(Name, reporter).TieWordEmbeddings.ShouldBeFalse();
        reporter.Warnings.ShouldAllBe(warning => warning
            == $"{Name}: lm_head.weight and model.embed_tokens.weight differ with the adapter, although tie_word_embeddings is "
            + "true; the model is read as untied, as it was trained");
        reporter.Warnings.Count.ShouldBe(2);

        var ofEmbedding = new AdapterSource().AddEmbedding("model.embed_tokens", 7, 6);
        expected["lm_head.weight"] = embedding;
        expected["model.embed_tokens.weight"] = ofEmbedding.MergeEmbedding("model.embed_tokens", embedding, 7, 6, 1.5f);
        ShouldBe(Folded(ofEmbedding), expected);
    }

    [Theory]
    [InlineData("lm_head")]
    [InlineData("model.embed_tokens")]
    public void With_ensured_tying_the_other_use_follows(string module)
    {
        TinyModel.Write(directory["base"], TinyModel.Dense, seed: 1);
        var adapter = new AdapterSource().With("ensure_weight_tying", true);
        var expected = Numbers(directory["base"]);
        var embedding = expected["model.embed_tokens.weight"];
        expected["model.embed_tokens.weight"] = module == "lm_head"
            ? adapter.AddLinear(module, 7, 6).Merge(module, embedding, 7, 6, 1.5f)
            : adapter.AddEmbedding(module, 7, 6).MergeEmbedding(module, embedding, 7, 6, 1.5f);
        ShouldBe(Folded(adapter), expected);
        reporter.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void Two_uses_that_stay_equal_stay_tied()
    {
        TinyModel.Write(directory["base"], TinyModel.Dense, seed: 1);
        var numbers = Enumerable.Range(0, 42).Select(i => i / 4f).ToArray();
        var adapter = new AdapterSource().Add($"{AdapterSource.Prefix}lm_head.weight", [7, 6], numbers)
            .Add($"{AdapterSource.Prefix}model.embed_tokens.weight", [7, 6], numbers);
        var expected = Numbers(directory["base"]);
        expected["model.embed_tokens.weight"] = numbers;
        ShouldBe(Folded(adapter), expected);
    }

    [Fact]
    public void An_adapter_of_attention_fits_a_mixture_that_has_one_attention()
    {
        var config = Untied with { NumLocalExperts = 3 };
        TinyModel.Write(directory["base"], config, seed: 1);
        var adapter = new AdapterSource().AddLinear(Query, 8, 6).AddLinear("model.layers.0.mlp.experts.2.up_proj", 5, 6);
        var expected = Numbers(directory["base"]);
        foreach (var (module, rows) in new[] { (Query, 8), ("model.layers.0.mlp.experts.2.up_proj", 5) })
            expected[$"{module}.weight"] = adapter.Merge(module, expected[$"{module}.weight"], rows, 6, 1.5f);
        ShouldBe(Folded(adapter), expected);
    }

    [Fact]
    public void An_adapter_beside_the_weights_is_folded_in_when_it_is_named()
    {
        TinyModel.Write(directory["base"], Untied, seed: 1);
        var adapter = new AdapterSource().AddLinear(Query, 8, 6);
        var expected = Numbers(directory["base"]);
        adapter.Write(directory["base"]);
        ShouldBe(Numbers(directory["base"]), expected);
        reporter.Warnings.ShouldHaveSingleItem().ShouldEndWith(
            $"name them as BASE+ADAPTER: {directory["base"]}+{directory["base"]}");

        expected[$"{Query}.weight"] = adapter.Merge(Query, expected[$"{Query}.weight"], 8, 6, 1.5f);
        ShouldBe(Numbers($"{directory["base"]}+{directory["base"]}"), expected);
        reporter.Warnings.Count.ShouldBe(1);
    }

    private string Name => $"{directory["base"]}+{directory["adapter"]}";

    private Checkpoint Open() => Checkpoint.Open(Name, reporter);

    private Dictionary<string, float[]> Folded(AdapterSource adapter, string folder = "adapter")
    {
        adapter.Write(directory[folder]);
        return Numbers($"{directory["base"]}+{directory[folder]}");
    }

    private Dictionary<string, float[]> Numbers(string path)
    {
        using var model = Checkpoint.Open(path, reporter);
        return Numbers(model);
    }

    private static Dictionary<string, float[]> Numbers(Checkpoint model) => model.Parameters.ToDictionary(
        parameter => parameter.Name,
        parameter =>
        {
            var values = new float[parameter.Count];
            model.ReadFloat32(parameter.Name, values);
            return values;
        });

    private void WriteMerged(string path, ModelConfig config, string target)
    {
        var numbers = Numbers(path);
        Directory.CreateDirectory(target);
        config.Save(target);
        SafetensorsWriter.Write(
            Path.Combine(target, "model.safetensors"),
            [
                .. ParameterTable.Of(config)
                    .Select(parameter => new TensorDeclaration(parameter.Name, TensorDtype.Float32, parameter.Shape)),
            ],
            (tensor, stream) => WriteFloats(stream, numbers[tensor.Name]));
    }

    private static void WriteFloats(Stream stream, float[] values) =>
        stream.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));

    private static float Norm(IEnumerable<float> values) =>
        (float)Math.Sqrt(values.Aggregate(0.0, (sum, value) => sum + ((double)value * value)));

    private static void ShouldBe(Dictionary<string, float[]> found, Dictionary<string, float[]> expected)
    {
        found.Keys.Order().ShouldBe(expected.Keys.Order());
        foreach (var (name, values) in found) values.ShouldBe(expected[name], name);
    }
}
