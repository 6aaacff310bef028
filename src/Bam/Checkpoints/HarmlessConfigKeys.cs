namespace Bam.Checkpoints;

/// <summary>The keys of other tools' <c>config.json</c> that Bam leaves unread because they change no arithmetic.</summary>
internal static class HarmlessConfigKeys
{
    /// <summary>Key, and the one value (as JSON) with which it is harmless; null where any value is.</summary>
    public static readonly IReadOnlyDictionary<string, string?> Table = new Dictionary<string, string?>
    {
        // Who wrote the file, and for which library.
        ["_name_or_path"] = null,
        ["_commit_hash"] = null,
        ["architectures"] = null,
        ["auto_map"] = null,
        ["transformers_version"] = null,
        ["dtype"] = null,

        // How a library runs the model, with the same result.
        ["use_cache"] = null,
        ["return_dict"] = null,
        ["output_attentions"] = null,
        ["output_hidden_states"] = null,
        ["output_router_logits"] = null,
        ["pretraining_tp"] = "1",

        // Used before training or after generation only.
        ["initializer_range"] = null,
        ["pad_token_id"] = null,

        // What a family does not read, switched off.
        ["attention_bias"] = "false",
        ["attention_dropout"] = "0.0",
        ["hidden_dropout"] = "0.0",
        ["mlp_bias"] = "false",
        ["quantization_config"] = "null",
        ["rope_scaling"] = "null",
        ["router_jitter_noise"] = "0.0",
        ["sliding_window"] = "null",
        ["use_qk_norm"] = "false",
    };
}
