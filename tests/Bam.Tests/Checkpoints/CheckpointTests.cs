using System.Text.Json;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private static readonly IReadOnlyList<ParameterInfo> Parameters = ParameterTable.Of(TinyModel.Dense);

    private readonly TemporaryDirectory directory = new();

    private string Model => directory["model"];

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(TensorDtype.Float32)]
    [InlineData(TensorDtype.BFloat16)]
    public void One_file_is_read_in_its_dtype(TensorDtype dtype)
    {
        TinyModel.Write(Model, TinyModel.Dense, seed: 1, dtype);
        using var checkpoint = Checkpoint.Open(Model, SilentReporter.Instance);
        checkpoint.Config.ShouldBe(TinyModel.Dense);
        checkpoint.Dtype.ShouldBe(dtype);
        checkpoint.Files.Count.ShouldBe(1);
        ShouldHoldTheValuesOf(checkpoint, seed: 1);
    }

    [Fact]
    public void Shards_are_read_through_their_index()
    {
        WriteShards();
        using var checkpoint = Checkpoint.Open(Model, SilentReporter.Instance);
        checkpoint.Files.Count.ShouldBe(3);
        ShouldHoldTheValuesOf(checkpoint, seed: 1);
        var part = new float[2];
        checkpoint.ReadFloat32(Parameters[4].Name, 3, part);
        part.ShouldBe(TinyModel.Values(Parameters[4], 1)[3..5]);
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        WriteShards();
        File.Delete(Shard(1));
        Refused().ShouldBe(
            $"{Index}: expected the shard {Path.GetFileName(Shard(1))}, found no such file; copy it beside the index");
    }

    [Fact]
    public void A_truncated_shard_is_named()
    {
        WriteShards();
        File.WriteAllBytes(Shard(1), File.ReadAllBytes(Shard(1))[..^10]);
        Refused().ShouldContain($"{Shard(1)}: tensor ");
        Refused().ShouldContain("the file is cut short, copy it again");
    }

    [Fact]
    public void A_shard_of_integers_is_named()
    {
        WriteShards();
        TinyModel.WriteFile(Shard(1), ShardParameters(1), seed: 1, TensorDtype.Int32);
        Refused().ShouldBe(
            $"{Shard(1)}: tensor {ShardParameters(1)[0].Name} (and {ShardParameters(1).Length - 1} more): dtype: expected a "
            + "floating-point dtype, found I32; is it a weight? store it as floating-point");
    }

    [Theory]
    [InlineData(null, TensorDtype.Float32)]
    [InlineData("bfloat16", TensorDtype.BFloat16)]
    [InlineData("float16", TensorDtype.Float32)]
    public void A_shard_of_another_dtype_is_read_by_its_own(string? declared, TensorDtype dtype)
    {
        WriteShards();
        (TinyModel.Dense with { TorchDtype = declared }).Save(Model);
        TinyModel.WriteFile(Shard(1), ShardParameters(1), seed: 1, TensorDtype.BFloat16);
        using var checkpoint = Checkpoint.Open(Model, SilentReporter.Instance);
        checkpoint.Dtype.ShouldBe(dtype);
        checkpoint.Dtypes.ShouldBe(
            [
                new(TensorDtype.Float32, Parameters.Count - ShardParameters(1).Length),
                new(TensorDtype.BFloat16, ShardParameters(1).Length),
            ]);
        ShouldHoldTheValuesOf(checkpoint, seed: 1);
    }

    [Fact]
    public void Weights_that_are_all_integers_are_refused()
    {
        TinyModel.Write(Model, TinyModel.Dense, seed: 1, TensorDtype.Int8);
        Refused().ShouldContain("dtype: expected a floating-point dtype, found I8");
    }

    [Fact]
    public void An_index_that_names_a_tensor_no_shard_has()
    {
        WriteShards(map => map["model.extra.weight"] = Path.GetFileName(Shard(0)));
        Refused().ShouldBe(
            $"{Index}: tensor model.extra.weight: expected it in {Path.GetFileName(Shard(0))}, found no shard that has it; "
            + "copy the index and the shards again");
    }

    [Fact]
    public void An_index_that_names_the_wrong_shard()
    {
        WriteShards(map => map[Parameters[0].Name] = Path.GetFileName(Shard(1)));
        Refused().ShouldBe(
            $"{Index}: tensor {Parameters[0].Name}: expected it in {Path.GetFileName(Shard(1))}, found it in "
            + $"{Path.GetFileName(Shard(0))}; copy the index and the shards again");
    }

    [Fact]
    public void An_index_that_forgets_a_tensor()
    {
        WriteShards(map => map.Remove(Parameters[0].Name));
        Refused().ShouldBe(
            $"{Shard(0)}: tensor {Parameters[0].Name}: expected only tensors that {Path.GetFileName(Index)} names, found one "
            + "that it does not; copy the index and the shards again");
    }

    [Fact]
    public void A_tensor_in_two_shards()
    {
        WriteShards();
        TinyModel.WriteFile(Shard(1), [.. ShardParameters(1), Parameters[0]], seed: 1);
        Refused().ShouldBe(
            $"{Shard(1)}: tensor {Parameters[0].Name}: expected one tensor of that name, found another in "
            + $"{Path.GetFileName(Shard(0))}; remove one of the shards");
    }

    [Theory]
    [InlineData("../other.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData("")]
    public void A_shard_outside_the_directory_is_refused(string shard)
    {
        WriteShards(map => map[Parameters[0].Name] = shard);
        Refused().ShouldBe(
            $"{Index}: tensor {Parameters[0].Name}: expected a file name beside the index, found \"{shard}\"; correct it");
    }

    [Theory]
    [InlineData("{", "not JSON (line 1, byte 2); copy the index again")]
    [InlineData("{}", "expected an object \"weight_map\" from tensor to shard, found none; copy the index again")]
    [InlineData("{\"weight_map\":{}}", "weight_map: expected at least one tensor, found none; copy the index again")]
    [InlineData(
        "{\"weight_map\":{\"w\":\"a\",\"w\":\"b\"}}", "tensor w: expected one shard, found the key twice; remove one of the two")]
    [InlineData("{\"weight_map\":{\"w\":3}}", "tensor w: expected a file name beside the index, found 3; correct it")]
    public void A_damaged_index_is_refused(string json, string message)
    {
        WriteShards();
        File.WriteAllText(Index, json);
        Refused().ShouldBe($"{Index}: {message}");
    }

    [Fact]
    public void Tensors_are_held_against_the_configuration()
    {
        TinyModel.Write(Model, TinyModel.Dense, seed: 1);
        var file = Path.Combine(Model, "model.safetensors");
        var config = Path.Combine(Model, "config.json");

        (TinyModel.Dense with { TieWordEmbeddings = false }).Save(Model);
        Refused().ShouldBe(
            $"{file}: tensor lm_head.weight: expected [7, 6], as {config} says, found none; is config.json that of another "
            + "model, or a shard missing?");
        (TinyModel.Dense with { NumHiddenLayers = 1 }).Save(Model);
        Refused().ShouldBe(
            $"{file}: tensor model.layers.1.input_layernorm.weight: expected only the 10 tensors of {config}, found one more; "
            + "is config.json that of another model?");
        (TinyModel.Dense with { IntermediateSize = 4 }).Save(Model);
        Refused().ShouldBe(
            $"{file}: tensor model.layers.0.mlp.gate_proj.weight: shape: expected [4, 6], as {config} says, found [5, 6]; is "
            + "config.json that of another model?");
    }

    [Fact]
    public void A_directory_with_pickled_weights_only_is_told_how_to_convert()
    {
        Directory.CreateDirectory(Model);
        TinyModel.Dense.Save(Model);
        File.WriteAllBytes(Path.Combine(Model, "pytorch_model.bin"), [1]);
        Refused().ShouldBe(
            $"{Model}: expected model.safetensors, found only pytorch_model.bin; Bam reads nothing that can run code; convert "
            + "it with transformers: "
            + $"python3 -c \"from transformers import AutoModelForCausalLM as M; "
                + $"M.from_pretrained('{Model}').save_pretrained('{Model}', safe_serialization=True)\"");
    }

    [Fact]
    public void What_is_no_checkpoint_is_refused()
    {
        Refused().ShouldBe($"{Model}: does not exist; expected a checkpoint directory with config.json and model.safetensors");
        Directory.CreateDirectory(Model);
        Refused().ShouldBe(
            $"{Model}: expected model.safetensors or model.safetensors.index.json, found neither; is it the right directory?");
        TinyModel.Write(Model, TinyModel.Dense, seed: 1);
        File.Delete(Path.Combine(Model, "config.json"));
        Refused().ShouldBe(
            $"{Path.Combine(Model, "config.json")}: does not exist; a checkpoint is a directory with config.json, "
            + "model.safetensors and tokenizer.json");
        var file = Path.Combine(Model, "model.safetensors");
        Should.Throw<InvalidInputException>(() => Checkpoint.Open(file, SilentReporter.Instance))
            .Message.ShouldBe($"{file}: expected a checkpoint directory, found a file; name the directory it lies in");
    }

    private static void ShouldHoldTheValuesOf(Checkpoint checkpoint, long seed)
    {
        foreach (var parameter in checkpoint.Parameters)
        {
            var values = new float[parameter.Count];
            checkpoint.ReadFloat32(parameter.Name, values);
            var expected = TinyModel.Values(parameter, seed).AsEnumerable();
            if (checkpoint.DtypeOf(parameter.Name) == TensorDtype.BFloat16)
                expected = expected.Select(value => FloatConversion.FromBFloat16(FloatConversion.ToBFloat16(value)));
            values.ShouldBe(expected);
        }
    }

    private string Index => Path.Combine(Model, "model.safetensors.index.json");

    private string Shard(int number) => Path.Combine(Model, $"model-0000{number + 1}-of-00003.safetensors");

    private static ParameterInfo[] ShardParameters(int number) =>
        [.. Parameters.Chunk((Parameters.Count + 2) / 3).ElementAt(number)];

    private void WriteShards(Action<Dictionary<string, string>>? change = null)
    {
        Directory.CreateDirectory(Model);
        TinyModel.Dense.Save(Model);
        var map = new Dictionary<string, string>();
        for (var number = 0; number < 3; number++)
        {
            TinyModel.WriteFile(Shard(number), ShardParameters(number), seed: 1);
            foreach (var parameter in ShardParameters(number)) map[parameter.Name] = Path.GetFileName(Shard(number));
        }

        change?.Invoke(map);
        File.WriteAllText(Index, JsonSerializer.Serialize(new { metadata = new { total_size = 1 }, weight_map = map }));
    }

    private string Refused() =>
        Should.Throw<InvalidInputException>(() => Checkpoint.Open(Model, SilentReporter.Instance).Dispose()).Message;
}
