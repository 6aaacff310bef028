using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Families;

/// <summary>What a config.json of another library may say.</summary>
public sealed class FamilyConfigTests
{
    [Theory]
    [InlineData("llama-gqa", "rope_parameters", "{\"rope_type\":\"yarn\",\"factor\":4}", "config.json: rope_parameters: rope_type: expected \"linear\" or \"llama3\", found \"yarn\"")]
    [InlineData("llama-gqa", "rope_scaling", "{\"type\":\"dynamic\",\"factor\":4}", "config.json: rope_scaling: rope_type: expected \"linear\" or \"llama3\", found \"dynamic\"")]
    [InlineData("llama-gqa", "rope_scaling", "{\"type\":\"linear\"}", "config.json: rope_scaling: factor: expected a number, found no such key")]
    [InlineData("llama-gqa", "rope_scaling", "{\"type\":\"linear\",\"factor\":2,\"attention_factor\":2}", "config.json: rope_scaling: attention_factor: expected a key that Bam knows")]
    [InlineData("llama-gqa", "rope_scaling", "{\"type\":\"linear\",\"factor\":0}", "config.json: rope_scaling: factor: expected a positive number, found 0")]
    [InlineData("llama-tied-llama3rope", "rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4,\"original_max_position_embeddings\":32}", "config.json: rope_scaling: high_freq_factor: expected more than low_freq_factor = 4, found 4")]
    [InlineData("llama-gqa", "residual_multiplier", "2", "config.json: residual_multiplier: expected a key that Bam knows, found residual_multiplier = 2")]
    [InlineData("llama-gqa", "hidden_act", "\"relu2\"", "config.json: hidden_act: expected \"silu\" or \"gelu\" or \"gelu_new\", found \"relu2\"")]
    [InlineData("llama-gqa", "quantization_config", "{\"bits\":4}", "config.json: quantization_config: expected null or no such key, found an object")]
    [InlineData("qwen3-qknorm", "layer_types", "[\"full_attention\",\"sliding_attention\"]", "config.json: layer_types: expected \"full_attention\" for every layer, found \"sliding_attention\"")]
    [InlineData("phi", "qk_layernorm", "true", "config.json: qk_layernorm: expected false or no such key, found true")]
    [InlineData("mistral-sliding", "sliding_window", "0", "config.json: sliding_window: expected a positive number, found 0")]
    [InlineData("gptj", "rotary", "false", "config.json: rotary: expected true or no such key, found false")]
    [InlineData("cohere", "num_key_value_heads", "3", "config.json: num_key_value_heads: expected a divisor of num_attention_heads = 4, found 3")]
    [InlineData("llama-gqa", "model_type", "\"mamba\"", "config.json: model_type: expected one of bam, llama, mistral, mixtral, qwen2, qwen3, cohere, gpt_neox, gptj, phi, found \"mamba\"; Bam does not read this family")]
    public void What_changes_the_arithmetic_and_is_not_known_is_refused(string name, string key, string value, string message) =>
        Should.Throw<InvalidInputException>(() => Parse(name, key, value)).Message.ShouldStartWith(message);

    [Fact]
    public void A_window_of_some_layers_only_is_refused()
    {
        var json = Json("qwen2-bias");
        (json["use_sliding_window"], json["sliding_window"], json["max_window_layers"]) = (true, 16, 1);
        Should.Throw<InvalidInputException>(() => ModelConfig.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance)).Message
            .ShouldStartWith("config.json: max_window_layers: expected 0, or at least num_hidden_layers = 2, found 1");
    }

    [Fact]
    public void A_window_of_all_layers_is_taken()
    {
        var json = Json("qwen2-bias");
        (json["use_sliding_window"], json["sliding_window"], json["max_window_layers"]) = (true, 16, 0);
        json["layer_types"] = new JsonArray("sliding_attention", "sliding_attention");
        ModelConfig.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance).SlidingWindow.ShouldBe(16);
    }

    [Fact]
    public void Without_the_key_mistral_has_the_window_of_its_first_model_and_with_null_none()
    {
        var json = Json("mistral-sliding");
        json["sliding_window"] = null;
        ModelConfig.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance).SlidingWindow.ShouldBeNull();
        json.Remove("sliding_window");
        ModelConfig.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance).SlidingWindow.ShouldBe(4096);
    }

    [Theory]
    [InlineData("[3, 4]", new[] { 3, 4 })]
    [InlineData("[3]", new[] { 3 })]
    [InlineData("3", new[] { 3 })]
    [InlineData("null", new int[0])]
    public void A_text_may_end_in_several_ways(string value, int[] ids) =>
        Parse("llama-gqa", "eos_token_id", value).EosTokenIds.ShouldBe(ids);

    [Theory]
    [InlineData("gelu_fast", "gelu_new")]
    [InlineData("gelu_pytorch_tanh", "gelu_new")]
    [InlineData("gelu", "gelu")]
    [InlineData("swish", "silu")]
    public void Activations_go_by_one_name(string written, string read) => Parse("gpt-neox-pythia", "hidden_act", $"\"{written}\"").HiddenAct.ShouldBe(read);

    private static ModelConfig Parse(string name, string key, string value)
    {
        var json = Json(name);
        json[key] = JsonNode.Parse(value);
        return ModelConfig.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance);
    }

    private static JsonObject Json(string name) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.HuggingFaceModel(name), ModelConfig.FileName)))!.AsObject();
}
