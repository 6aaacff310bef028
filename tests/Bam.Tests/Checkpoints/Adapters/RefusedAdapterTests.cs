using System.Text.Json.Nodes;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Adapters;

/// <summary>What cannot be folded in exactly costs one line that names the place.</summary>
public sealed class RefusedAdapterTests : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj";

    private const string Prefix = AdapterSource.Prefix;

    private readonly TemporaryDirectory directory = new();
    private readonly RecordingReporter reporter = new();

    public RefusedAdapterTests() =>
        TinyModel.Write(directory["base"], TinyModel.Dense with { TieWordEmbeddings = false }, seed: 1);

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("peft_type", "\"LOHA\"", "peft_type: expected \"LORA\", found \"LOHA\"; Bam folds LoRA and DoRA")]
    [InlineData("peft_type", "null", "peft_type: expected a string")]
    [InlineData(
        "target_parameters", """["mlp.experts.gate_up_proj"]""", "target_parameters: expected no such key, found an array")]
    [InlineData("trainable_token_indices", "[1, 2]", "trainable_token_indices: expected no such key, found an array")]
    [InlineData("layer_replication", "[[0, 2]]", "layer_replication: expected no such key, found an array")]
    [InlineData("alora_invocation_tokens", "[5]", "no weights can express it")]
    [InlineData("use_qalora", "true", "use_qalora: expected no such key, found true")]
    [InlineData("megatron_config", """{"a": 1}""", "megatron_config: expected no such key, found an object")]
    [InlineData("something_of_tomorrow", "0.5", "something_of_tomorrow: expected no such key, found 0.5")]
    [InlineData("bias", "\"some\"", "bias: expected \"none\", \"all\" or \"lora_only\", found \"some\"")]
    [InlineData(
        "lora_alpha", "1e300", "lora_alpha: expected a factor in the range of float32 for model.layers.0.self_attn.q_proj")]
    [InlineData("r", "0", "r: expected a positive integer for model.layers.0.self_attn.q_proj, found 0")]
    [InlineData("r", "3", "lora_A.weight: shape: expected [3, 6] for model.layers.0.self_attn.q_proj.weight, found [2, 6]")]
    [InlineData("rank_pattern", """{"q_proj": 1.5}""", "expected a positive integer")]
    [InlineData("alpha_pattern", """{"q_proj": "many"}""", "alpha_pattern: q_proj: expected a number")]
    [InlineData("alpha_pattern", """{"q_proj(": 1}""", "alpha_pattern: expected regular expressions, found \"q_proj(\"")]
    [InlineData(
        "use_dora", "true",
        "expected lora_magnitude_vector of model.layers.0.self_attn.q_proj, as use_dora says, found none")]
    public void Settings_that_cannot_be_honoured_are_named(string key, string value, string message)
    {
        new AdapterSource().With(key, JsonNode.Parse(value)).AddLinear(Query, 8, 6).Write(directory["adapter"]);
        Refused().ShouldContain(message);
    }

    [Theory]
    [InlineData("peft_version", "\"0.20.0\"")]
    [InlineData("loftq_config", """{"loftq_bits": 4}""")]
    [InlineData("eva_config", """{"rho": 2}""")]
    [InlineData("init_lora_weights", "\"eva\"")]
    [InlineData("init_lora_weights", "\"gaussian\"")]
    [InlineData("fan_in_fan_out", "true")]
    [InlineData("target_parameters", "[]")]
    [InlineData("layer_replication", "null")]
    [InlineData("something_of_tomorrow", "false")]
    public void Settings_that_change_nothing_are_accepted(string key, string value)
    {
        new AdapterSource().With(key, JsonNode.Parse(value)).AddLinear(Query, 8, 6).Write(directory["adapter"]);
        using var model = Open();
        reporter.Warnings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("pissa")]
    [InlineData("pissa_niter_16")]
    [InlineData("olora")]
    [InlineData("corda")]
    [InlineData("loftq")]
    public void An_initialisation_that_changed_the_base_is_warned_of(string initialisation)
    {
        new AdapterSource().With("init_lora_weights", initialisation).AddLinear(Query, 8, 6).Write(directory["adapter"]);
        using var model = Open();
        reporter.Warnings.ShouldHaveSingleItem().ShouldBe(
            $"{directory["adapter/adapter_config.json"]}: init_lora_weights is \"{initialisation}\", which takes a part out of "
            + "the base's weights: the adapter fits only the base that was saved with it, unless it was converted for the "
            + "original one");
    }

    [Fact]
    public void A_tensor_that_would_not_be_used_is_named()
    {
        Write(source => source.AddLinear(Query, 8, 6).AddLinear("model.layers.7.self_attn.q_proj", 8, 6));
        Refused().ShouldBe(
            $"{File}: tensor {Prefix}model.layers.7.self_attn.q_proj.lora_A.weight: expected a module of "
            + $"{directory["base/model.safetensors"]}, found none called model.layers.7.self_attn.q_proj; is this the model "
            + "that the adapter was trained on (someone/base)?");

        Write(source => source.AddLinear(Query, 8, 6).Add($"{Prefix}{Query}.lora_C.weight", [2]));
        Refused().ShouldContain("lora_C.weight: expected a part of a LoRA adapter");

        Write(source => source.Add($"{Prefix}model.embed_tokens.token_adapter.trainable_tokens_delta", [1, 6]));
        Refused().ShouldContain("trainable_tokens_delta: expected a part of a LoRA adapter");

        Write(source => source.AddLinear("q_proj", 8, 6));
        Refused().ShouldContain("found several called q_proj");

        Write(source => source.AddLinear(Query, 8, 6).Add($"{Prefix}{Query}.bias", [8]));
        Refused().ShouldContain($"{Query}.bias: expected {Query}.bias in {directory["base/model.safetensors"]}, found none");

        Write(source => source.AddLinear(Query, 8, 6).Add($"{Prefix}{Query}.lora_magnitude_vector", [8]));
        Refused().ShouldContain("has no use_dora");

        Write(source => source.AddLinear(Query, 8, 6).AddEmbedding(Query, 8, 6));
        Refused().ShouldContain($"expected one adapter of {Query}, found two kinds");
    }

    [Fact]
    public void A_missing_half_is_named()
    {
        Write(source => source.Add($"{Prefix}{Query}.lora_B.weight", [8, 2]));
        Refused().ShouldContain($"{Query}.lora_B.weight: expected lora_A of {Query} beside it, found none");
    }

    [Fact]
    public void Two_adapters_in_one_file_are_refused()
    {
        Write(source => source.AddLinear(Query, 8, 6).Add($"{Prefix}{Query}.lora_A.other.weight", [2, 6]));
        Refused().ShouldContain($"expected one such tensor of {Query}, found {Prefix}{Query}.lora_A.weight beside it");

        Write(source => source.AddLinear(Query, 8, 6).AddLinear("layers.0.self_attn.q_proj", 8, 6));
        Refused().ShouldContain($"expected one adapter of {Query}, found another");
    }

    [Fact]
    public void An_adapter_with_added_tokens_says_what_to_do()
    {
        Write(source => source.Add($"{Prefix}model.embed_tokens.weight", [9, 6]));
        Refused().ShouldBe(
            $"{File}: tensor {Prefix}model.embed_tokens.weight: shape: expected [7, 6] for model.embed_tokens.weight, found "
            + "[9, 6]; an adapter with added tokens needs the base with as many rows; resize it first (resize_token_embeddings "
            + "of transformers) and save it");
        Write(source => source.AddEmbedding("model.embed_tokens", 9, 6));
        Refused().ShouldContain("an adapter with added tokens needs the base");
    }

    [Fact]
    public void A_shape_of_another_model_is_refused()
    {
        Write(source => source.AddLinear(Query, 16, 6));
        Refused().ShouldContain($"lora_B.weight: shape: expected [8, 2] for {Query}.weight, found [16, 2]; is this the model");
        Write(source => source.AddLinear("model.norm", 6, 6));
        Refused().ShouldContain("expected an adapter of a matrix, found model.norm.weight [6]");
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "Infinity")]
    public void A_number_that_is_not_finite_is_named_when_it_is_read(float number, string text)
    {
        var numbers = new float[12];
        numbers[7] = number;
        Write(source => source.Add($"{Prefix}{Query}.lora_A.weight", [2, 6], numbers)
            .Add($"{Prefix}{Query}.lora_B.weight", [8, 2]));
        using var model = Open();
        Should.Throw<InvalidInputException>(() => model.ReadFloat32($"{Query}.weight", new float[48])).Message.ShouldBe(
            $"{File}: tensor {Prefix}{Query}.lora_A.weight[1, 1]: expected a finite number, found {text}; the adapter is "
            + "damaged or its training diverged");
    }

    [Fact]
    public void DoRA_of_a_row_without_length_is_named()
    {
        Write(source => source.With("use_dora", true)
            .Add($"{Prefix}{Query}.base_layer.weight", [8, 6], new float[48])
            .Add($"{Prefix}{Query}.lora_A.weight", [2, 6], new float[12]).Add($"{Prefix}{Query}.lora_B.weight", [8, 2])
            .Add($"{Prefix}{Query}.lora_magnitude_vector", [8]));
        using var model = Open();
        Should.Throw<InvalidInputException>(() => model.ReadFloat32($"{Query}.weight", new float[48])).Message
            .ShouldContain($"lora_magnitude_vector: expected a length above 0 of row 0 of {Query}.weight, found none");
    }

    [Fact]
    public void Integers_are_no_adapter()
    {
        Write(source => source.AddLinear(Query, 8, 6));
        SafetensorsWriter.Write(
            File, [new TensorDeclaration($"{Prefix}{Query}.lora_A.weight", TensorDtype.Int8, [2, 6])],
            (_, stream) => stream.Write(new byte[12]));
        Refused().ShouldContain("lora_A.weight: dtype: expected a floating-point type, found I8");
    }

    [Fact]
    public void A_pickled_adapter_is_not_read()
    {
        Write(source => source.AddLinear(Query, 8, 6));
        System.IO.File.Move(File, directory["adapter/adapter_model.bin"]);
        Refused().ShouldStartWith(
            $"{directory["adapter"]}: expected adapter_model.safetensors, found only adapter_model.bin; Bam reads nothing that "
            + "can run code; convert it: python3 -c");
        System.IO.File.Delete(directory["adapter/adapter_model.bin"]);
        Refused().ShouldBe(
            $"{directory["adapter"]}: expected adapter_model.safetensors, found none; copy it beside the configuration");
    }

    [Fact]
    public void A_second_model_is_no_adapter()
    {
        TinyModel.Write(directory["adapter"], TinyModel.Dense, seed: 2);
        Refused().ShouldBe(
            $"{directory["adapter"]}: expected adapter_config.json of a LoRA adapter, found a whole model; BASE+ADAPTER names a "
            + "checkpoint and an adapter of it");
    }

    [Fact]
    public void An_adapter_without_its_base_is_no_model()
    {
        new AdapterSource().AddLinear(Query, 8, 6).Write(directory["adapter"]);
        Should.Throw<InvalidInputException>(() => ModelConfigReader.Load(directory["adapter"], reporter)).Message.ShouldBe(
            $"{directory["adapter"]}: expected config.json, found only adapter_config.json, an adapter for another model; "
                + $"name both as BASE+{directory["adapter"]}, with that model's directory as BASE");
    }

    [Fact]
    public void A_number_of_base_and_adapter_is_named_by_both()
    {
        new AdapterSource().AddLinear(Query, 8, 6).Write(directory["adapter"]);
        using var model = Open();
        var file = directory["base/model.safetensors"];
        model.Describe($"{Query}.weight", 7).ShouldBe(
            $"{file} with {directory["adapter"]} folded in: tensor {Query}.weight[1, 1]");
        model.Describe("model.norm.weight", 2).ShouldBe($"{file}: tensor model.norm.weight[2]");
    }

    [Fact]
    public void A_misspelt_adapter_is_named() => Refused().ShouldBe(
        $"{directory["base"]}+{directory["adapter"]}: does not exist; expected a checkpoint directory with config.json and "
        + $"model.safetensors, or BASE+ADAPTER, of which {directory["adapter"]} does not exist");

    private string File => directory["adapter/adapter_model.safetensors"];

    private void Write(Action<AdapterSource> fill)
    {
        var source = new AdapterSource();
        fill(source);
        source.Write(directory["adapter"]);
    }

    private Checkpoint Open() => Checkpoint.Open($"{directory["base"]}+{directory["adapter"]}", reporter);

    private string Refused() => Should.Throw<InvalidInputException>(() => Open().Dispose()).Message;
}
