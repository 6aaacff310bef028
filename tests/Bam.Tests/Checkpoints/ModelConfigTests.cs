using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

public sealed class ModelConfigTests
{
    /// <summary>No value is its default, so that a key written or read wrong shows.</summary>
    private static readonly ModelConfig Unusual = new()
    {
        VocabSize = 11, HiddenSize = 12, IntermediateSize = 13, NumHiddenLayers = 14, NumAttentionHeads = 6, NumKeyValueHeads = 3,
        HeadDim = 16,
        MaxPositionEmbeddings = 17, ParallelBlock = false, SeparateNorms = true, NormBias = true, GatedMlp = false,
        HiddenAct = "gelu", MlpBias = true,
        AttentionBias = true, AttentionOutputBias = true, QueryKeyNorm = QueryKeyNorm.PerHead, SlidingWindow = 9,
        LmHeadBias = true,
        RopeScaling = new(RopeScalingType.Llama3, 8) { LowFreqFactor = 2, HighFreqFactor = 3, OriginalMaxPositionEmbeddings = 4 },
        NormType = NormType.RmsNorm, NormEps = 1e-6, RopeTheta = 5e5, RopeInterleaved = true,
        PartialRotaryFactor = 0.25, LogitScale = 0.0625, TieWordEmbeddings = false, NumAttentionExperts = 5,
        AttentionRouting = AttentionRouting.TopK,
        NumAttentionExpertsPerTok = 4, ShareKeyValue = true, NumLocalExperts = 8, NumExpertsPerTok = 2, NormTopkProb = true,
        RouterAuxLossCoef = 0.02,
        RouterZLossCoef = 0.003, BosTokenId = 1, EosTokenIds = [2, 7], TorchDtype = "bfloat16",
    };

    [Fact]
    public void Every_value_survives_saving_and_loading()
    {
        using var directory = new TemporaryDirectory();
        Unusual.Save(directory.Root);
        ModelConfigReader.Load(directory.Root, SilentReporter.Instance).ShouldBe(Unusual);
        JsonNode.Parse(File.ReadAllText(directory["config.json"]))!["norm_type"]!.GetValue<string>().ShouldBe("rms_norm");
    }

    [Fact]
    public void The_keys_are_those_of_the_format()
    {
        JsonNode.Parse(Unusual.ToJson())!.AsObject().Select(pair => pair.Key).ShouldBe(
        [
            "model_type", "architectures", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
            "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "parallel_block",
            "separate_norms", "norm_type", "norm_eps", "norm_bias", "gated_mlp", "hidden_act", "mlp_bias", "attention_bias",
            "attention_output_bias", "query_key_norm", "sliding_window", "rope_theta", "rope_scaling", "rope_interleaved",
            "partial_rotary_factor", "logit_scale", "tie_word_embeddings", "lm_head_bias", "num_attention_experts",
            "attention_routing", "num_attention_experts_per_tok", "share_key_value", "num_local_experts", "num_experts_per_tok",
            "norm_topk_prob", "router_aux_loss_coef", "router_z_loss_coef", "bos_token_id", "eos_token_id", "torch_dtype",
        ]);
    }

    // transformers 5 moves the rotary settings when it saves a model that Bam exported.
    [Fact]
    public void Rotary_settings_may_lie_in_an_object_of_their_own()
    {
        var json = JsonNode.Parse(Unusual.ToJson())!.AsObject();
        var rope = json["rope_scaling"]!.DeepClone().AsObject();
        (rope["rope_theta"], rope["partial_rotary_factor"]) = (
            json["rope_theta"]!.DeepClone(), json["partial_rotary_factor"]!.DeepClone());
        foreach (var key in new[] { "rope_scaling", "rope_theta", "partial_rotary_factor" }) json.Remove(key);
        json["rope_parameters"] = rope;
        ModelConfigReader.Parse(json.ToJsonString(), "config.json", SilentReporter.Instance).ShouldBe(Unusual);
    }

    [Fact]
    public void What_a_model_does_not_have_is_not_written() =>
        JsonNode.Parse(TinyModel.Dense.ToJson())!.AsObject().Select(pair => pair.Key).ShouldBe(
        [
            "model_type", "architectures", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
            "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "parallel_block", "norm_type",
            "norm_eps", "hidden_act", "rope_theta", "rope_interleaved", "partial_rotary_factor", "logit_scale",
            "tie_word_embeddings", "num_attention_experts", "attention_routing", "num_attention_experts_per_tok",
            "share_key_value", "num_local_experts", "num_experts_per_tok", "norm_topk_prob", "router_aux_loss_coef",
            "router_z_loss_coef", "bos_token_id", "eos_token_id",
        ]);

    [Theory]
    [InlineData("transformers_version", "\"5.12.1\"")]
    [InlineData("use_cache", "true")]
    [InlineData("dtype", "\"float32\"")]
    [InlineData("attention_dropout", "0.0")]
    [InlineData("attention_dropout", "0")]
    [InlineData("vocab_size", "11.0")]
    [InlineData("eos_token_id", "[2.0, 7]")]
    [InlineData("use_magic", "false")]
    public void Harmless_keys_are_left_unread(string key, string value) =>
        ModelConfigReader.Parse(With(key, value), "config.json", SilentReporter.Instance).ShouldBe(Unusual);

    [Theory]
    [InlineData(
        "rope_scaling", "{\"rope_type\":\"su\"}",
        "rope_type: expected \"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\" or \"longrope\", found \"su\"; "
        + "Bam does not compute this scaling; if the weights were trained without it, remove rope_scaling and keep to the "
        + "length of that training")]
    [InlineData(
        "rope_scaling", "{\"rope_type\":\"linear\",\"factor\":-1}", "factor: expected a positive number, found -1; correct it")]
    [InlineData("sliding_window", "0", "expected a positive number, found 0; correct it")]
    [InlineData(
        "query_key_norm", "\"yes\"",
        "expected \"none\" or \"shared\" or \"per_head\" or \"all_heads\", found \"yes\"; correct it")]
    [InlineData(
        "attention_dropout", "-1",
        "expected no such key, found -1; remove it if it changes no arithmetic; otherwise Bam cannot run this model")]
    [InlineData(
        "lm_head_multiplier", "2",
        "expected 1 or no such key, found 2; remove it if it changes no arithmetic; otherwise Bam cannot run this model")]
    [InlineData(
        "lm_head_bais", "false",
        "expected no such key, found false; did you mean lm_head_bias? If not, remove it if it changes no arithmetic; "
        + "otherwise Bam cannot run this model")]
    [InlineData("vocab_size", "null", "expected an integer, found no such key; add it")]
    [InlineData("vocab_size", "1.5", "expected an integer, found 1.5; correct it")]
    [InlineData("vocab_size", "3000000000", "expected an integer, found 3000000000; correct it")]
    [InlineData("vocab_size", "0", "expected a positive number, found 0; correct it")]
    [InlineData("num_hidden_layers", "-1", "expected a positive number, found -1; correct it")]
    [InlineData("norm_eps", "0", "expected a positive number, found 0; correct it")]
    [InlineData("norm_eps", "\"1e-5\"", "expected a number, found \"1e-5\"; correct it")]
    [InlineData("norm_type", "\"batch_norm\"", "expected \"layer_norm\" or \"rms_norm\", found \"batch_norm\"; correct it")]
    [InlineData("norm_type", "0", "expected \"layer_norm\" or \"rms_norm\", found 0; correct it")]
    [InlineData("parallel_block", "1", "expected true or false, found 1; correct it")]
    [InlineData(
        "hidden_act", "\"relu\"", "expected \"silu\" or \"gelu\" or \"gelu_new\", found \"relu\"; Bam has no other activation")]
    [InlineData("hidden_act", "true", "expected a string, found true; correct it")]
    [InlineData(
        "num_key_value_heads", "4",
        "expected a divisor of num_attention_heads = 6, found 4; each key-value head serves the same number of query heads")]
    [InlineData(
        "partial_rotary_factor", "0.2",
        "expected an even number of rotated dimensions of head_dim = 16, found 3; rotary embedding turns pairs; correct "
        + "head_dim or partial_rotary_factor")]
    [InlineData(
        "partial_rotary_factor", "1.5",
        "expected a number above 0 and at most 1, found 1.5; it is the rotated part of each head")]
    [InlineData("logit_scale", "1e999", "expected a number, found 1e999; correct it")]
    [InlineData(
        "num_experts_per_tok", "9",
        "expected at most num_local_experts = 8, found 9; a token cannot go to more experts than there are")]
    [InlineData("num_attention_experts_per_tok", "6", "expected 1 to num_attention_experts = 5, found 6; correct it")]
    [InlineData("num_attention_experts_per_tok", "0", "expected 1 to num_attention_experts = 5, found 0; correct it")]
    [InlineData(
        "num_attention_experts_per_tok", "null", "expected an integer with attention_routing = \"top_k\", found none; add it")]
    [InlineData("router_z_loss_coef", "-1", "expected 0 or a positive number, found -1; correct it")]
    [InlineData("eos_token_id", "11", "expected an id below vocab_size = 11, found 11; correct or remove it")]
    [InlineData("eos_token_id", "[2, -1]", "expected an id below vocab_size = 11, found -1; correct or remove it")]
    [InlineData("eos_token_id", "[2, \"</s>\"]", "expected an integer or an array of them, found an array; correct it")]
    [InlineData(
        "torch_dtype", "\"int8\"",
        "expected \"float32\" or \"bfloat16\" or \"float16\" or \"float64\", found \"int8\"; correct or remove it")]
    [InlineData(
        "intermediate_size", "2000000000",
        "expected a fused width over all experts of at most 2147483647, found 32000000000; is a size wrong?")]
    public void A_wrong_value_costs_one_line_that_names_the_field(string key, string value, string message) =>
        Refused(With(key, value)).ShouldBe($"config.json: {key}: {message}");

    [Fact]
    public void Settings_that_contradict_each_other_are_refused()
    {
        Refused((Unusual with { AttentionRouting = AttentionRouting.Soft }).ToJson())
            .ShouldBe(
                "config.json: num_attention_experts_per_tok: expected null with attention_routing = \"soft\", found 4; set "
                + "attention_routing to \"top_k\" or remove it");
        Refused((Unusual with { NumAttentionExperts = 1, NumAttentionExpertsPerTok = 1, ShareKeyValue = false }).ToJson())
            .ShouldBe(
                "config.json: attention_routing: expected \"soft\" with num_attention_experts = 1, found \"top_k\"; one "
                + "attention expert needs no routing");
        Refused(
            (
                Unusual with
                {
                    NumAttentionExperts = 1, AttentionRouting = AttentionRouting.Soft, NumAttentionExpertsPerTok = null,
                }).ToJson())
            .ShouldBe(
                "config.json: share_key_value: expected false with num_attention_experts = 1, found true; one attention "
                + "expert has nobody to share with");
    }

    [Fact]
    public void Of_several_wrong_values_the_first_in_this_order_is_named()
    {
        string[] keys =
        [
            "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
            "head_dim", "max_position_embeddings", "num_attention_experts", "num_local_experts", "num_experts_per_tok",
            "sliding_window", "norm_eps", "rope_theta", "logit_scale", "partial_rotary_factor", "hidden_act", "torch_dtype",
            "router_aux_loss_coef", "router_z_loss_coef",
        ];
        var json = JsonNode.Parse(Unusual.ToJson())!.AsObject();
        foreach (var key in keys) json[key] = key is "hidden_act" or "torch_dtype" ? "none" : -1;
        foreach (var key in keys)
        {
            Refused(json.ToJsonString()).ShouldStartWith($"config.json: {key}: ");
            json[key] = JsonNode.Parse(Unusual.ToJson())![key]!.DeepClone();
        }
    }

    [Theory]
    [InlineData("", "config.json: not JSON (line 1, byte 1); it may be cut short or the wrong file")]
    [InlineData("{\"vocab_size\": 1", "config.json: not JSON (line 1, byte 17); it may be cut short or the wrong file")]
    [InlineData("[]", "config.json: expected a JSON object, found an array; it may be cut short or the wrong file")]
    [InlineData("{\"a\":1,\"a\":1}", "config.json: a: expected one value, found the key twice; remove one of the two")]
    [InlineData(
        "{\"\\ud800\":1}",
        "config.json: line 1, byte 3: expected Unicode text, found half of a surrogate pair, \\ud800; it may be cut short or "
        + "the wrong file")]
    public void Text_that_is_not_one_object_is_refused(string json, string message) => Refused(json).ShouldBe(message);

    private static string With(string key, string value)
    {
        var json = JsonNode.Parse(Unusual.ToJson())!.AsObject();
        json[key] = null;
        return json.ToJsonString().Replace($"\"{key}\":null", $"\"{key}\":{value}", StringComparison.Ordinal);
    }

    private static string Refused(string json) =>
        Should.Throw<InvalidInputException>(() => ModelConfigReader.Parse(json, "config.json", SilentReporter.Instance)).Message;
}
