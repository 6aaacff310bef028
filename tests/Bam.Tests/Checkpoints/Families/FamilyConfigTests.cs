using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Families;

/// <summary>What a config.json of another library may say.</summary>
public sealed class FamilyConfigTests
{
    [Theory]
    [InlineData(
        "llama-gqa", "rope_parameters", "{\"rope_type\":\"proportional\",\"factor\":4}",
        "config.json: rope_parameters: rope_type: expected "
        + "\"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\" or \"longrope\", found "
        + "\"proportional\"")]
    [InlineData(
        "llama-gqa", "rope_scaling", "{\"type\":\"su\",\"factor\":4}",
        "config.json: rope_scaling: type: expected "
        + "\"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\" or \"longrope\", found "
        + "\"su\"")]
    [InlineData(
        "llama-gqa", "rope_scaling", "{\"type\":\"linear\"}",
        "config.json: rope_scaling: factor: expected a number, found no such key")]
    [InlineData(
        "llama-gqa", "rope_scaling", "{\"type\":\"linear\",\"factor\":2,\"attention_factor\":2}",
        "config.json: rope_scaling: attention_factor: expected 1, null or no such key, found 2")]
    [InlineData(
        "llama-gqa", "rope_scaling", "{\"type\":\"linear\",\"factor\":0}",
        "config.json: rope_scaling: factor: expected a positive number, found 0")]
    [InlineData(
        "llama-tied-llama3rope", "rope_scaling",
        "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4,"
        + "\"original_max_position_embeddings\":32}",
        "config.json: rope_scaling: high_freq_factor: expected more than low_freq_factor = 4, found 4")]
    [InlineData("llama-gqa", "residual_multiplier", "2", "config.json: residual_multiplier: expected 1 or no such key, found 2")]
    [InlineData(
        "llama-gqa", "hidden_act", "\"relu2\"",
        "config.json: hidden_act: expected \"silu\" or \"gelu\" or \"gelu_new\", found \"relu2\"")]
    [InlineData(
        "qwen3-qknorm", "layer_types", "[\"full_attention\",\"sliding_attention\"]",
        "config.json: layer_types: expected \"full_attention\" for every layer, found \"sliding_attention\"")]
    [InlineData("mistral-sliding", "sliding_window", "0", "config.json: sliding_window: expected a positive number, found 0")]
    [InlineData(
        "gemma2", "query_pre_attn_scalar", "0", "config.json: query_pre_attn_scalar: expected a positive number, found 0")]
    [InlineData(
        "gemma3-text", "query_pre_attn_scalar", "-4", "config.json: query_pre_attn_scalar: expected a positive number, found -4")]
    [InlineData("granite", "logits_scaling", "0", "config.json: logits_scaling: expected a positive number, found 0")]
    [InlineData("granite", "logits_scaling", "-3", "config.json: logits_scaling: expected a positive number, found -3")]
    [InlineData(
        "granite", "embedding_multiplier", "1e39",
        "config.json: embedding_multiplier: expected a number in the range of float32, found 1E+39")]
    [InlineData(
        "granite", "attention_multiplier", "1e-60",
        "config.json: attention_multiplier: expected a number in the range of float32, found 1E-60")]
    [InlineData(
        "qwen2-moe-shared-expert", "decoder_sparse_step", "0",
        "config.json: decoder_sparse_step: expected a positive number of layers, found 0")]
    [InlineData("gptj", "rotary", "false", "config.json: rotary: expected true or no such key, found false")]
    [InlineData(
        "cohere", "num_key_value_heads", "3",
        "config.json: num_key_value_heads: expected a divisor of num_attention_heads = 4, found 3")]
    [InlineData(
        "llama-gqa", "model_type", "\"mamba\"",
        "config.json: model_type: expected one of bam, llama, mistral, ministral, ministral3, mixtral, qwen2, qwen3, qwen2_moe, "
        + "qwen3_moe, gemma2, gemma3_text, phi3, olmo2, olmoe, granite, smollm3, starcoder2, cohere, cohere2, gpt_neox, gptj, "
        + "phi, found \"mamba\"; Bam does not read this family")]
    public void What_changes_the_arithmetic_and_is_not_known_is_refused(string name, string key, string value, string message) =>
        Should.Throw<InvalidInputException>(() => Parse(name, key, value)).Message.ShouldStartWith(message);

    [Theory]
    [InlineData("{\"use_sliding_window\":true,\"sliding_window\":16,\"max_window_layers\":1,\"layer_types\":null}", 0, 1)]
    [InlineData(
        "{\"use_sliding_window\":true,\"sliding_window\":16,\"layer_types\":[\"sliding_attention\",\"full_attention\"]}", 1, 0)]
    public void A_window_may_be_in_some_layers_only(string keys, int first, int second)
    {
        var json = Json("qwen2-bias");
        foreach (var (key, value) in JsonNode.Parse(keys)!.AsObject()) json[key] = value?.DeepClone();
        var config = Parse(json);
        config.SlidingWindow.ShouldBe(16);
        config.LayerTypes.Select(type => type == LayerType.SlidingAttention ? 1 : 0).ShouldBe([first, second]);
        (config.WindowOf(0), config.WindowOf(1)).ShouldBe((first == 1 ? 16 : null, second == 1 ? 16 : null));
    }

    [Fact]
    public void Gemma_may_have_unread_rotary_keys_beside_those_of_its_layers()
    {
        var json = Json("gemma3-text");
        var plain = Parse(json);
        var rope = json["rope_parameters"]!.AsObject();
        (rope["rope_type"], rope["rope_theta"]) = ("default", null);
        Parse(json).ShouldBe(plain);
        rope["rope_type"] = "linear";
        Should.Throw<InvalidInputException>(() => Parse(json)).Message.ShouldContain("rope_parameters: rope_type: expected");
    }

    [Theory]
    [InlineData("[\"sliding_attention\",\"chunked_attention\"]", "\"full_attention\" or \"sliding_attention\" for each layer")]
    [InlineData(
        "[\"sliding_attention\",\"full_attention\",\"full_attention\"]", "as many entries as num_hidden_layers = 2, found 3")]
    [InlineData("[\"sliding_attention\"]", "as many entries as num_hidden_layers = 2, found 1")]
    [InlineData("[]", "as many entries as num_hidden_layers = 2, found 0")]
    public void Layers_that_do_not_fit_are_refused(string types, string message)
    {
        var json = Json("qwen2-bias");
        (json["use_sliding_window"], json["sliding_window"], json["layer_types"]) = (true, 16, JsonNode.Parse(types));
        Should.Throw<InvalidInputException>(() => Parse(json)).Message.ShouldContain($"layer_types: expected {message}");
    }

    [Theory]
    [InlineData("rope_parameters", "full_attention")]
    [InlineData("rope_parameters", "sliding_attention")]
    [InlineData("rope_scaling", null)]
    public void Gemma_rotates_whole_heads(string key, string? layers)
    {
        var json = Json("gemma3-text");
        if (layers is null) json[key] = JsonNode.Parse("""{"rope_type":"linear","factor":2}""");
        var rope = layers is null ? json[key]! : json[key]![layers]!;
        rope["partial_rotary_factor"] = 1;
        Parse(json).PartialRotaryFactor.ShouldBe(1);
        rope["partial_rotary_factor"] = 0.5;
        Should.Throw<InvalidInputException>(() => Parse(json)).Message.ShouldContain(
            "partial_rotary_factor: expected 1 or no such key, found 0.5; this family rotates whole heads");
    }

    [Theory]
    [InlineData(1_000_000, false)]
    [InlineData(5, true)]
    public void A_base_beside_those_of_Gemmas_layers_is_warned_of(double theta, bool isOther)
    {
        var json = Json("gemma3-text");
        json["rope_parameters"]!["rope_theta"] = theta;
        var warnings = new Warnings();
        Parse(json, warnings).RopeTheta.ShouldBe(1_000_000);
        warnings.ShouldBe(isOther
            ? ["config.json: rope_parameters: rope_theta: 5 contradicts the other rotary settings; 1000000 is taken, as "
                + "transformers does"]
            : []);
    }

    [Theory]
    [InlineData("gemma3-text", "sliding_window_pattern", "layer_types")]
    [InlineData("cohere2", "sliding_window_pattern", "layer_types")]
    [InlineData("smollm3-window", "no_rope_layer_interval", "no_rope_layers")]
    public void An_interval_of_layers_counts_where_the_layers_are_not_named(string name, string interval, string layers)
    {
        var json = Json(name);
        var named = Parse(json);
        json[interval] = 0;
        Parse(json).ShouldBe(named);
        json.Remove(layers);
        Should.Throw<InvalidInputException>(() => Parse(json)).Message.ShouldStartWith(
            $"config.json: {interval}: expected a positive number of layers, found 0");
        json[interval] = 2;
        Parse(json).NumHiddenLayers.ShouldBe(named.NumHiddenLayers);
    }

    [Theory]
    [InlineData("sliding_attention", 0, 16, null)]
    [InlineData(
        "sliding_attention", 28, 16, "max_window_layers: 28 contradicts layer_types; layer_types is taken, as transformers does")]
    [InlineData("full_attention", 28, null, null)]
    public void The_types_of_layers_say_where_the_window_is(string type, int from, int? window, string? warning)
    {
        var json = Json("qwen2-bias");
        (json["use_sliding_window"], json["sliding_window"], json["max_window_layers"]) = (true, 16, from);
        json["layer_types"] = new JsonArray(type, type);
        var warnings = new Warnings();
        Parse(json, warnings).SlidingWindow.ShouldBe(window);
        warnings.ShouldBe(warning is null ? [] : [$"config.json: {warning}"]);
    }

    [Theory]
    [InlineData(
        "use_sliding_window", "false",
        "config.json: use_sliding_window: false contradicts sliding_window = 7, which is taken, as transformers does")]
    [InlineData(
        "layer_types", "[\"full_attention\",\"full_attention\"]",
        "config.json: layer_types: \"full_attention\" contradicts sliding_window = 7, which is taken, as transformers does")]
    [InlineData("layer_types", "[\"sliding_attention\"]", null)]
    [InlineData("max_window_layers", "28", null)]
    public void Mistral_has_its_window_in_every_layer(string key, string value, string? warning)
    {
        var json = Json("mistral-sliding");
        json[key] = JsonNode.Parse(value);
        var warnings = new Warnings();
        Parse(json, warnings).SlidingWindow.ShouldBe(7);
        warnings.ShouldBe(warning is null ? [] : [warning]);
    }

    [Fact]
    public void A_window_that_is_not_used_is_passed_over()
    {
        var json = Json("llama-gqa");
        json["sliding_window"] = 16;
        Should.Throw<InvalidInputException>(() => Parse(json))
            .Message.ShouldStartWith("config.json: sliding_window: expected null or no such key, found 16");
        json["use_sliding_window"] = false;
        Parse(json).SlidingWindow.ShouldBeNull();
    }

    public static TheoryData<string> Models => [.. Fixtures.HuggingFaceModels, "bam-expert-kv"];

    [Theory, MemberData(nameof(Models))]
    public void Keys_of_other_tools_change_nothing_in_any_family(string name)
    {
        var json = Json(name);
        var plain = Parse(json);
        // Layers of two types are said by keys that other tools write too.
        var saysWhere = plain.LayerTypes.Count > 0 || (plain.SlidingWindow is not null && json.ContainsKey("use_sliding_window"));
        string[] own = saysWhere ? ["layer_types", "use_sliding_window", "max_window_layers"] : [];
        foreach (var (key, value) in OtherTools().Where(pair => !own.Contains(pair.Key))) json[key] = value?.DeepClone();
        Parse(json).ShouldBe(plain);
        json["use_magic"] = true;
        json["softcap"] = 30.0;
        Should.Throw<InvalidInputException>(() => Parse(json)).Message.ShouldContain("found use_magic = true, softcap = 30; ");
    }

    [Theory]
    [InlineData("{\"rope_type\":\"linear\",\"factor\":2.0}", null)]
    [InlineData("{\"type\":\"linear\",\"rope_type\":\"linear\",\"factor\":2}", null)]
    [InlineData(
        "{\"type\":\"yarn\",\"rope_type\":\"linear\",\"factor\":2}",
        "rope_scaling: type: \"yarn\" contradicts rope_type; \"linear\" is taken, as transformers does")]
    [InlineData(
        "{\"type\":\"linear\",\"factor\":2,\"attention_factor\":1,\"beta_fast\":null,\"partial_rotary_factor\":1.0}", null)]
    [InlineData(
        "{\"type\":\"linear\",\"factor\":2,\"low_freq_factor\":1,\"beta_fast\":32}",
        "rope_scaling: low_freq_factor, beta_fast of another rope_type than \"linear\": ignored, as transformers does")]
    [InlineData("{\"full_attention\":{\"rope_type\":\"linear\",\"factor\":2}}", null)]
    public void A_scaling_is_read_in_every_form(string scaling, string? warning)
    {
        var json = Json("llama-gqa");
        json.Remove("rope_parameters");
        json["rope_scaling"] = JsonNode.Parse(scaling);
        var warnings = new Warnings();
        Parse(json, warnings).RopeScaling.ShouldBe(new RopeScaling(RopeScalingType.Linear, 2));
        warnings.ShouldBe(warning is null ? [] : [$"config.json: {warning}"]);
    }

    [Theory]
    [InlineData("{\"rope_theta\":500000,\"rope_scaling\":null}", 500_000, null)]
    [InlineData("{\"rope_theta\":500000,\"rope_scaling\":{}}", 500_000, null)]
    [InlineData("{\"rope_theta\":500000,\"rope_scaling\":{\"rope_type\":null}}", 500_000, null)]
    [InlineData(
        "{\"rope_parameters\":{\"rope_theta\":500000.0,\"rope_type\":\"default\"},\"rope_theta\":10000}", 500_000,
        "rope_theta: 10000 contradicts the other rotary settings; 500000 is taken, as transformers does")]
    [InlineData(
        "{\"rope_parameters\":{\"rope_theta\":500000.0,\"rope_type\":\"default\"},"
        + "\"rope_scaling\":{\"rope_type\":\"default\",\"rope_theta\":30000}}",
        30_000,
        "rope_scaling: contradicts rope_parameters; rope_scaling is taken, as transformers does: no scaling, rope_theta 30000")]
    public void The_base_is_taken_from_where_transformers_takes_it(string settings, double theta, string? warning)
    {
        var json = Json("llama-gqa");
        json.Remove("rope_parameters");
        foreach (var (key, value) in JsonNode.Parse(settings)!.AsObject()) json[key] = value?.DeepClone();
        var warnings = new Warnings();
        var config = Parse(json, warnings);
        config.RopeTheta.ShouldBe(theta);
        config.RopeScaling.ShouldBeNull();
        warnings.ShouldBe(warning is null ? [] : [$"config.json: {warning}"]);
    }

    [Fact]
    public void GPT_NeoX_may_repeat_its_rotary_settings_under_other_names()
    {
        var json = Json("gpt-neox-pythia");
        json.Remove("rope_parameters");
        (json["rotary_pct"], json["partial_rotary_factor"], json["rotary_emb_base"], json["rope_theta"]) = (
            0.25, 0.25, 10_000, 10_000.0);
        var warnings = new Warnings();
        Parse(json, warnings).ShouldBe(Parse(Json("gpt-neox-pythia")));
        warnings.ShouldBeEmpty();
        json["rope_theta"] = 500_000;
        Parse(json, warnings).RopeTheta.ShouldBe(10_000);
        warnings.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(
        "llama-gqa", "partial_rotary_factor", "0.5",
        "config.json: partial_rotary_factor: expected 1 or no such key, found 0.5; this family rotates whole heads")]
    [InlineData(
        "llama-gqa", "rope_scaling", "{\"factor\":2}",
        "config.json: rope_scaling: rope_type: expected "
        + "\"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\" or \"longrope\", "
        + "found no such key; add it")]
    [InlineData(
        "llama-gqa", "rope_scaling", "{\"full_attention\":{},\"sliding_attention\":{}}",
        "config.json: rope_scaling: expected one object for all layers, found objects for full_attention, sliding_attention")]
    [InlineData(
        "llama-gqa", "rope_scaling", "{\"rope_type\":\"linear\",\"factor\":2,\"twist\":1}",
        "config.json: rope_scaling: twist: expected no such key, found 1")]
    [InlineData(
        "cohere", "rope_interleaved", "false", "config.json: rope_interleaved: expected true or no such key, found false")]
    [InlineData(
        "mixtral-top2", "norm_topk_prob", "false", "config.json: norm_topk_prob: expected true or no such key, found false")]
    public void Settings_that_the_family_does_not_have_are_refused(string name, string key, string value, string message) =>
        Should.Throw<InvalidInputException>(() => Parse(name, key, value)).Message.ShouldStartWith(message);

    [Fact]
    public void A_model_that_wraps_another_is_refused_as_one()
    {
        var json = new JsonObject { ["model_type"] = "llava", ["text_config"] = Json("llama-gqa") };
        Should.Throw<InvalidInputException>(() => Parse(json))
            .Message.ShouldEndWith(
                "found \"llava\"; Bam reads no model that wraps another (text_config); save its language model alone with "
                + "transformers");
    }

    [Fact]
    public void Many_refused_keys_cost_one_line_of_bounded_length()
    {
        var json = Json("llama-gqa");
        for (var i = 0; i < 1000; i++) json[$"magic_{i}_{new string('x', 1000)}"] = new string('y', 1000);
        var message = Should.Throw<InvalidInputException>(() => Parse(json)).Message;
        message.ShouldContain(" and 988 more; ");
        message.Length.ShouldBeLessThan(2000);
    }

    [Fact]
    public void Without_the_key_mistral_has_the_window_of_its_first_model_and_with_null_none()
    {
        var json = Json("mistral-sliding");
        json["sliding_window"] = null;
        ModelConfigReader.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance).SlidingWindow.ShouldBeNull();
        json.Remove("sliding_window");
        ModelConfigReader.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance).SlidingWindow.ShouldBe(4096);
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
    public void Activations_go_by_one_name(string written, string read) =>
        Parse("gpt-neox-pythia", "hidden_act", $"\"{written}\"").HiddenAct.ShouldBe(read);

    private static ModelConfig Parse(string name, string key, string value)
    {
        var json = Json(name);
        json[key] = JsonNode.Parse(value);
        return Parse(json);
    }

    private static ModelConfig Parse(JsonObject json, IReporter? reporter = null) =>
        ModelConfigReader.Parse(json.ToJsonString(), "config.json", reporter ?? SilentReporter.Instance);

    private static JsonObject Json(string name)
    {
        var directory = Fixtures.HuggingFaceModels.Contains(name) ? Fixtures.HuggingFaceModel(name) : Fixtures.Model(name);
        return JsonNode.Parse(File.ReadAllText(Path.Combine(directory, ModelConfig.FileName)))!.AsObject();
    }

    private static JsonObject OtherTools() =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Case("config-keys-of-other-tools"), "keys.json")))!.AsObject();

    private sealed class Warnings : List<string>, IReporter
    {
        public void Say(string message) { }

        public void Warn(string message) => Add(message);

        public void Advance(WorkProgress progress) { }
    }
}
