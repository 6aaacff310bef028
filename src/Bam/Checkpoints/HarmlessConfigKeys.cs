using System.Text.Json;

namespace Bam.Checkpoints;

/// <summary>
/// The keys of <c>config.json</c> that change no arithmetic, by class. A key that stands nowhere here and that the family does
/// not read passes where its value switches a feature off: null, false, 0, or empty.
/// </summary>
internal static class HarmlessConfigKeys
{
    /// <summary>Keys that pass with any value.</summary>
    private static readonly HashSet<string> AnyValue =
    [
        // Who wrote the file, with what, and for which task. Keys that begin with "_" or "unsloth_" belong here too.
        "architectures", "auto_map", "base_model_name_or_path", "custom_pipelines", "dtype", "finetuning_task", "id2label",
        "is_decoder", "label2id", "library_name", "loss_type", "model_name", "name_or_path", "num_labels", "prefix",
        "problem_type", "processor_class", "summary_activation", "summary_first_dropout", "summary_proj_to_labels",
        "summary_type", "summary_use_proj", "task_specific_params", "tokenizer_class", "torch_dtype", "transformers.js_config",
        "transformers_version", "classifier_dropout",

        // How a library runs the model, with the same result.
        "attn_implementation", "bf16", "cache_config", "cache_implementation", "chunk_size_feed_forward", "device_map",
        "experts_implementation", "flash_attention", "fp16", "fp32", "gradient_checkpointing", "keys_to_ignore_at_inference",
        "max_model_len", "max_seq_len", "max_seq_length", "max_sequence_length", "model_max_length", "n_ctx", "output_attentions",
        "output_hidden_states", "output_past", "output_router_logits", "pretraining_tp", "return_dict", "seq_length",
        "tensor_parallel_size", "torchscript", "use_bfloat16", "use_cache", "use_flash_attention", "use_flash_attention_2",
        "use_flash_attn", "use_gradient_checkpointing", "use_liger_kernel", "use_return_dict", "use_sdpa",

        // How the weights are stored, which QuantizedWeights reads beside them.
        "compression_config", "quantization_config",

        // How numbers are drawn before training, and noise that another library adds to embeddings. "initializer_…" belongs here
        // too.
        "init_device", "init_std", "neftune_noise_alpha",

        // It has no effect without a sliding window; families with one read it.
        "max_window_layers",

        // Tokens that the arithmetic does not meet.
        "additional_special_tokens", "bos_token", "cls_token_id", "decoder_start_token_id", "eos_token", "mask_token_id",
        "pad_token", "pad_token_id", "sep_token_id", "unk_token", "unk_token_id",

        // Settings of generation, which older libraries keep here.
        "assistant_confidence_threshold", "assistant_early_exit", "assistant_lookbehind", "bad_words_ids",
        "begin_suppress_tokens", "chat_template", "compile_config", "constraints", "continuous_batching_config",
        "disable_compile", "diversity_penalty", "do_sample", "dola_layers", "early_stopping", "encoder_no_repeat_ngram_size",
        "encoder_repetition_penalty", "epsilon_cutoff", "eta_cutoff", "exponential_decay_length_penalty", "force_words_ids",
        "forced_bos_token_id", "forced_decoder_ids", "forced_eos_token_id", "generation_config", "generation_kwargs",
        "guidance_scale", "is_assistant", "length_penalty", "low_memory", "max_length", "max_matching_ngram_size",
        "max_new_tokens", "max_time", "min_length", "min_new_tokens", "min_p", "no_repeat_ngram_size", "num_assistant_tokens",
        "num_assistant_tokens_schedule", "num_beam_groups", "num_beams", "num_logits_to_keep", "num_return_sequences",
        "output_logits", "output_scores", "penalty_alpha", "prefill_chunk_size", "prompt_lookup_num_tokens",
        "remove_invalid_values", "renormalize_logits", "repetition_penalty", "return_dict_in_generate", "sequence_bias",
        "stop_strings", "stop_token_ids", "suppress_tokens", "target_lookbehind", "temperature", "token_healing", "top_h",
        "top_k", "top_p", "typical_p", "use_model_defaults", "watermarking_config",
    ];

    private static readonly string[] AnyValuePrefixes = ["_", "initializer_", "unsloth_"];

    /// <summary>
    /// Features that are on unless a value says otherwise, and factors: the one value, as JSON, that changes nothing, beside
    /// null.
    /// </summary>
    private static readonly Dictionary<string, string> Neutral = new()
    {
        ["causal"] = "true",
        ["embedding_multiplier"] = "1",
        ["is_causal"] = "true",
        ["lm_head_multiplier"] = "1",
        ["logit_scale"] = "1",
        ["logits_scaling"] = "1",
        ["residual_multiplier"] = "1",
        ["rotary"] = "true",
        ["routed_scaling_factor"] = "1",
        ["scale_attn_weights"] = "true",
        ["use_rope"] = "true",
        ["use_rotary"] = "true",
    };

    /// <summary>Noise in training, which changes nothing where it is 0, and only training where it is not.</summary>
    private static readonly HashSet<string> Dropouts =
    [
        "activation_dropout", "attention_dropout", "attention_probs_dropout_prob", "attn_dropout", "attn_pdrop", "dropout",
        "dropout_rate", "embd_pdrop", "embedding_dropout", "ffn_dropout", "hidden_dropout", "hidden_dropout_prob", "layerdrop",
        "mlp_dropout", "resid_dropout", "resid_pdrop", "residual_dropout", "router_jitter_noise",
    ];

    /// <summary>True where a key changes nothing, whatever its value.</summary>
    public static bool HasAnyValue(string key) =>
        AnyValue.Contains(key) || AnyValuePrefixes.Any(prefix => key.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>
    /// The one value, as JSON, with which a key changes nothing, beside null; null for keys of features that are off unless a
    /// value says otherwise.
    /// </summary>
    public static string? NeutralValue(string key) => Neutral.GetValueOrDefault(key);

    /// <summary>True for a dropout, whatever its value.</summary>
    public static bool IsDropout(string key) => Dropouts.Contains(key);

    /// <summary>True for a rate of dropout above 0.</summary>
    public static bool IsActiveRate(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var rate) && rate is > 0 and < 1;

    /// <summary>True for the values that switch a feature off.</summary>
    public static bool IsOff(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Number => value.TryGetDouble(out var number) && number == 0,
        JsonValueKind.String => value.ValueEquals(""),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => value.GetPropertyCount() == 0,
        _ => false,
    };
}
