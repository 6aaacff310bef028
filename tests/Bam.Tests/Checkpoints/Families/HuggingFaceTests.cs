using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Families;

/// <summary>Models that transformers saved, against the logits that it gives.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class HuggingFaceTests : IDisposable
{
    private const double Tolerance = 1e-4;
    private const double GradientTolerance = 1e-4;  // relative to the tensor's largest entry

    private readonly TemporaryDirectory directory = new();

    public static TheoryData<string> Models => [.. Fixtures.HuggingFaceModels];

    public void Dispose() => directory.Dispose();

    [Theory, MemberData(nameof(Models))]
    public void Logits_and_loss_come_out(string name) => RequireExpected(Fixtures.HuggingFaceModel(name), name);

    [Theory, MemberData(nameof(Models))]
    public void A_saved_copy_in_our_own_format_gives_the_same(string name)
    {
        LibTorch.Load();
        using (var model = ModelCheckpoint.Load(Fixtures.HuggingFaceModel(name), Device.Cpu, SilentReporter.Instance))
            ModelCheckpoint.Save(model, directory.Root);

        File.ReadAllText(directory["config.json"]).ShouldContain("\"model_type\": \"bam\"");
        RequireExpected(directory.Root, name);
    }

    [Theory, MemberData(nameof(Models))]
    public void Compared_with_a_copy_in_our_own_format_it_is_the_same(string name)
    {
        LibTorch.Load();
        using (var model = ModelCheckpoint.Load(Fixtures.HuggingFaceModel(name), Device.Cpu, SilentReporter.Instance))
            ModelCheckpoint.Save(model, directory.Root);

        using var first = Checkpoint.Open(Fixtures.HuggingFaceModel(name), SilentReporter.Instance);
        using var second = Checkpoint.Open(directory.Root, SilentReporter.Instance);
        var comparison = CheckpointComparison.Of(first, second, SilentReporter.Instance);
        comparison.OnlyInFirst.ShouldBeEmpty();
        comparison.Components.Sum(component => component.Tensors).ShouldBe(first.Parameters.Count);
        comparison.IsSame.ShouldBeTrue();
    }

    /// <summary>Models with the gradients and the continuations that PyTorch gives.</summary>
    public static TheoryData<string> WithGradients =>
        [.. Fixtures.HuggingFaceModels.Where(name => HasTensor(name, "generated_ids"))];

    /// <summary>Models with the configuration that transformers 4 wrote.</summary>
    public static TheoryData<string> WithOlderConfig =>
        [.. Fixtures.HuggingFaceModels.Where(name => File.Exists(OlderConfig(name)))];

    [Theory, MemberData(nameof(WithOlderConfig))]
    public void The_older_configuration_means_the_same(string name)
    {
        CopyWith(name, []);
        File.Copy(OlderConfig(name), directory[ModelConfig.FileName], overwrite: true);
        RequireExpected(directory.Root, name);
        ModelConfigReader.Load(directory.Root, SilentReporter.Instance)
            .ShouldBe(ModelConfigReader.Load(Fixtures.HuggingFaceModel(name), SilentReporter.Instance));
    }

    [Theory, MemberData(nameof(WithGradients))]
    public void Gradients_come_out(string name)
    {
        CopyWith(name, []);
        var config = JsonNode.Parse(File.ReadAllText(directory[ModelConfig.FileName]))!;
        if (config["router_aux_loss_coef"] is not null) config["router_aux_loss_coef"] = 0;  // the likelihood's alone
        File.WriteAllText(directory[ModelConfig.FileName], config.ToJsonString());
        var source = Fixtures.HuggingFaceModel(name);
        using var results = new TemporaryDirectory();
        var (input, output) = (Path.Combine(source, "expected.safetensors"), results["out.safetensors"]);
        ForwardPass.Run(directory.Root, input, output, withGradients: true, Device.Cpu, SilentReporter.Instance);
        using var expected = SafetensorsFile.Open(input);
        using var found = SafetensorsFile.Open(output);
        using var model = Checkpoint.Open(source, SilentReporter.Instance);
        var compared = 0;
        foreach (var parameter in model.Parameters)
        {
            var stored = model.SourceOf(parameter.Name);
            if (!expected.Tensors.ContainsKey($"grad.{stored.Tensor}")) continue;
            var (x, y) = (Read(found, $"grad.{parameter.Name}"), Read(expected, $"grad.{stored.Tensor}"));
            var allowed = GradientTolerance * y.Max(Math.Abs);
            for (var i = 0; i < x.Length; i++)
                Math.Abs((double)x[i] - y[stored.PlaceOf(i)]).ShouldBeLessThan(allowed, $"{parameter.Name} at {i}");
            compared++;
        }

        compared.ShouldBeGreaterThan(5);
    }

    /// <summary>
    /// Models whose continuations must be transformers'. It keeps the cached keys of longer inputs as they were rotated; Bam
    /// does so with dynamic scaling alone, so that llama-longrope goes on differently.
    /// </summary>
    public static TheoryData<string> WithContinuations =>
        [.. Fixtures.HuggingFaceModels.Where(name => HasTensor(name, "generated_ids") && name != "llama-longrope")];

    [Theory, MemberData(nameof(WithContinuations))]
    public void Greedy_continuations_come_out(string name)
    {
        using var scope = TensorScope.Open();
        using var expected = SafetensorsFile.Open(Path.Combine(Fixtures.HuggingFaceModel(name), "expected.safetensors"));
        using var model = ModelCheckpoint.Load(
            Fixtures.HuggingFaceModel(name), Device.Cpu, SilentReporter.Instance, withGradients: false);
        var (prompt, count) = (expected["prompt_ids"].Shape, (int)expected["generated_ids"].Shape[1]);
        var generated = expected.ReadInt64("generated_ids");
        using var cache = model.CreateCache((int)prompt[1] + count, (int)prompt[0]);
        var next = Tensor.From<long>(expected.ReadInt64("prompt_ids"), prompt, Device.Cpu);
        for (var step = 0; step < count && cache.Length + next.Size(1) <= model.Config.LongestInput; step++)
        {
            next = model.NextLogits(next, cache).ArgMax(-1).Unsqueeze(1);
            next.ToArray<long>().ShouldBe([generated[step], generated[count + step]], $"step {step}");
        }
    }

    [Fact]
    public void Experts_in_one_tensor_are_read_too()
    {
        var source = Fixtures.HuggingFaceModel("mixtral-top2");
        using (var stored = SafetensorsFile.Open(Path.Combine(source, WeightSet.SingleFileName)))
        {
            var tensors = stored.Tensors.Values
                .Where(tensor => !tensor.Name.Contains(".experts.", StringComparison.Ordinal))
                .Select(
                    tensor => (
                        Name: tensor.Name.Replace("block_sparse_moe.gate", "mlp.gate", StringComparison.Ordinal), tensor.Shape,
                        Values: Read(stored, tensor.Name)))
                .ToList();
            for (var layer = 0; layer < 2; layer++)
            {
                var experts = Enumerable.Range(0, 4).Select(expert => $"model.layers.{layer}.block_sparse_moe.experts.{expert}.")
                    .ToList();
                tensors.Add(
                    (
                        $"model.layers.{layer}.mlp.experts.gate_up_proj", [4, 96, 32],
                        [.. experts.SelectMany(e => Read(stored, $"{e}w1.weight").Concat(Read(stored, $"{e}w3.weight")))]));
                tensors.Add(
                    (
                        $"model.layers.{layer}.mlp.experts.down_proj", [4, 32, 48],
                        [.. experts.SelectMany(e => Read(stored, $"{e}w2.weight"))]));
            }

            Write(tensors);
        }

        File.Copy(Path.Combine(source, ModelConfig.FileName), directory[ModelConfig.FileName]);
        RequireExpected(directory.Root, "mixtral-top2");
    }

    [Theory]
    [InlineData("llama-tied-llama3rope", "model.layers.0.self_attn.rotary_emb.inv_freq")]
    [InlineData("gpt-neox-pythia", "gpt_neox.layers.1.attention.bias", "gpt_neox.layers.1.attention.masked_bias")]
    [InlineData("gptj", "transformer.h.0.attn.bias", "transformer.h.0.attn.masked_bias")]
    public void The_tables_of_older_files_are_passed_over(string name, params string[] extras)
    {
        CopyWith(name, extras);
        RequireExpected(directory.Root, name);
    }

    [Fact]
    public void Any_other_tensor_is_refused()
    {
        CopyWith("llama-gqa", ["model.layers.0.self_attn.q_proj.bias"]);
        Should.Throw<InvalidInputException>(() => Checkpoint.Open(directory.Root, SilentReporter.Instance))
            .Message.ShouldContain("tensor model.layers.0.self_attn.q_proj.bias: expected only the 21 tensors of");
    }

    [Fact]
    public void What_is_missing_is_named_as_the_family_names_it()
    {
        var source = Fixtures.HuggingFaceModel("gpt-neox-pythia");
        File.Copy(Path.Combine(Fixtures.HuggingFaceModel("phi"), WeightSet.SingleFileName), directory[WeightSet.SingleFileName]);
        File.Copy(Path.Combine(source, ModelConfig.FileName), directory[ModelConfig.FileName]);
        Should.Throw<InvalidInputException>(() => Checkpoint.Open(directory.Root, SilentReporter.Instance)).Message
            .ShouldContain("tensor gpt_neox.embed_in.weight: expected [160, 32], as ");
    }

    [Theory]
    [InlineData("config with older names", "gpt-neox-pythia")]
    [InlineData("config with rope_theta outside", "llama-tied-llama3rope")]
    public void Older_ways_to_write_rotary_settings_mean_the_same(string _, string name)
    {
        CopyWith(name, []);
        var json = JsonNode.Parse(File.ReadAllText(directory[ModelConfig.FileName]))!.AsObject();
        var rope = json["rope_parameters"]!.AsObject();
        json.Remove("rope_parameters");
        if (name == "gpt-neox-pythia")
        {
            (json["rotary_pct"], json["rotary_emb_base"]) = (rope["partial_rotary_factor"]!.DeepClone(), 10_000);
        }
        else
        {
            json["rope_theta"] = rope["rope_theta"]!.DeepClone();
            rope.Remove("rope_theta");
            json["rope_scaling"] = rope.DeepClone();
        }

        File.WriteAllText(directory[ModelConfig.FileName], json.ToJsonString());
        RequireExpected(directory.Root, name);
    }

    private static string OlderConfig(string name) =>
        Path.Combine(Fixtures.HuggingFaceModel(name), "config-transformers-4.json");

    private static bool HasTensor(string name, string tensor)
    {
        using var file = SafetensorsFile.Open(Path.Combine(Fixtures.HuggingFaceModel(name), "expected.safetensors"));
        return file.Tensors.ContainsKey(tensor);
    }

    private static float[] Read(SafetensorsFile file, string name)
    {
        var values = new float[file[name].Count];
        file.ReadFloat32(name, values);
        return values;
    }

    private void CopyWith(string name, string[] extras)
    {
        var source = Fixtures.HuggingFaceModel(name);
        using var stored = SafetensorsFile.Open(Path.Combine(source, WeightSet.SingleFileName));
        Write([
            .. stored.Tensors.Values.Select(tensor => (tensor.Name, tensor.Shape, Read(stored, tensor.Name))),
            .. extras.Select(extra => (extra, new long[] { 3 }, new float[3])),
        ]);
        File.WriteAllText(directory[ModelConfig.FileName], File.ReadAllText(Path.Combine(source, ModelConfig.FileName)));
    }

    private void Write(IEnumerable<(string Name, long[] Shape, float[] Values)> tensors) =>
        SafetensorsWriter.WriteFloat32(
            directory[WeightSet.SingleFileName],
            [.. tensors.Select(tensor => (tensor.Name, tensor.Shape, (ReadOnlyMemory<float>)tensor.Values))]);

    private static void RequireExpected(string model, string name)
    {
        using var results = new TemporaryDirectory();
        var (input, output) = (Path.Combine(Fixtures.HuggingFaceModel(name), "expected.safetensors"), results["out.safetensors"]);
        ForwardPass.Run(model, input, output, withGradients: false, Device.Cpu, SilentReporter.Instance);
        using var expected = SafetensorsFile.Open(input);
        using var found = SafetensorsFile.Open(output);
        RequireNear(Read(found, "logits"), Read(expected, "logits"));
        if (expected.Tensors.ContainsKey("mean_nll")) RequireNear(Read(found, "nll"), Read(expected, "mean_nll"));
    }

    private static void RequireNear(float[] found, float[] expected)
    {
        found.Length.ShouldBe(expected.Length);
        found.ShouldAllBe(value => float.IsFinite(value));  // NaN is less than any tolerance
        found.Zip(expected, (x, y) => Math.Abs((double)x - y)).Max().ShouldBeLessThan(Tolerance);
    }
}
