using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Families;

public sealed class ConfigPlaceTests
{
    [Theory]
    [InlineData("olmoe", "num_experts", "0", "num_experts: expected a positive number, found 0")]
    [InlineData("olmoe", "intermediate_size", "0", "intermediate_size: expected a positive number, found 0")]
    [InlineData(
        "mixtral-top2", "num_experts_per_tok", "9", "num_experts_per_tok: expected at most num_local_experts = 4, found 9")]
    [InlineData("qwen3-moe", "moe_intermediate_size", "0", "moe_intermediate_size: expected a positive number, found 0")]
    [InlineData("qwen2-moe-sparse-step", "intermediate_size", "0", "intermediate_size: expected a positive number, found 0")]
    [InlineData("gptj", "n_layer", "0", "n_layer: expected a positive number, found 0")]
    [InlineData("gptj", "n_layer", "99999999", "n_layer: expected a model of at most 200000 tensors, found 99999999")]
    [InlineData("gptj", "n_inner", "-1", "n_inner: expected a positive number, found -1")]
    [InlineData("gptj", "n_positions", "0", "n_positions: expected a positive number, found 0")]
    [InlineData("gptj", "n_head", "1000", "n_head: expected at most n_embd = ")]
    [InlineData("gptj", "rotary_dim", "3", "rotary_dim: expected an even number from 2 to n_embd / n_head = ")]
    [InlineData("gptj", "rotary_dim", "1000", "rotary_dim: expected an even number from 2 to n_embd / n_head = ")]
    [InlineData("gptj", "activation_function", "\"relu2\"", "activation_function: expected \"silu\" or ")]
    [InlineData("gptj", "layer_norm_epsilon", "0", "layer_norm_epsilon: expected a positive number, found 0")]
    [InlineData("gemma2", "hidden_activation", "\"relu2\"", "hidden_activation: expected \"silu\" or ")]
    [InlineData("llama-gqa", "rms_norm_eps", "-1", "rms_norm_eps: expected a positive number, found -1")]
    [InlineData("starcoder2", "norm_epsilon", "0", "norm_epsilon: expected a positive number, found 0")]
    [InlineData("llama-gqa", "dtype", "\"int3\"", "dtype: expected \"float32\" or ")]
    [InlineData(
        "llama-gqa", "rope_parameters", "{\"rope_type\":\"linear\",\"factor\":0}",
        "rope_parameters: factor: expected a positive number, found 0")]
    [InlineData(
        "granite", "logits_scaling", "1e-60",
        "logits_scaling: expected a number whose reciprocal is in the range of float32, found 1E-60")]
    public void A_rule_names_the_key_as_the_file_has_it(string name, string key, string value, string message) =>
        Should.Throw<InvalidInputException>(() => Parse(name, key, value)).Message.ShouldStartWith($"config.json: {message}");

    [Theory]
    [InlineData(
        "qwen3-moe", "num_local_experts", "num_experts", "1", "num_experts_per_tok: expected at most num_experts = 1, found 2")]
    [InlineData(
        "qwen3-moe", "num_experts", "num_local_experts", "1",
        "num_experts_per_tok: expected at most num_local_experts = 1, found 2")]
    [InlineData(
        "llama-gqa", "head_dim", "num_attention_heads", "5000", "num_attention_heads: expected at most hidden_size = ")]
    public void A_rule_names_the_key_that_is_there(string name, string absent, string key, string value, string message) =>
        Should.Throw<InvalidInputException>(() => Parse(name, key, value, absent))
            .Message.ShouldStartWith($"config.json: {message}");

    private static void Parse(string name, string key, string value, string? absent = null)
    {
        var directory = Fixtures.HuggingFaceModels.Contains(name) ? Fixtures.HuggingFaceModel(name) : Fixtures.Model(name);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(directory, ModelConfig.FileName)))!.AsObject();
        if (absent is not null) json.Remove(absent);
        json[key] = JsonNode.Parse(value);
        ModelConfigReader.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance);
    }
}
