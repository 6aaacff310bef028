"""Configuration of Bam models for Hugging Face transformers."""

try:
    from transformers import PreTrainedConfig
except ImportError:  # transformers 4
    from transformers import PretrainedConfig as PreTrainedConfig


class BamConfig(PreTrainedConfig):
    """Sizes and choices of a dense, BTX or BAM model; the keys are described in Bam's docs/checkpoints.md."""

    model_type = "bam"
    keys_to_ignore_at_inference = ["past_key_values"]
    ignore_keys_at_rope_validation = {"llama_4_scaling_beta"}

    def __init__(
        self,
        vocab_size=32_000,
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=8,
        head_dim=64,
        max_position_embeddings=2048,
        parallel_block=True,
        separate_norms=False,
        norm_type="layer_norm",
        norm_placement="input",
        norm_eps=1e-5,
        norm_bias=False,
        norm_unit_offset=False,
        gated_mlp=True,
        hidden_act="silu",
        mlp_bias=False,
        attention_bias=False,
        attention_output_bias=False,
        query_key_norm="none",
        query_key_norm_bias=False,
        clip_qkv=None,
        attention_multiplier=None,
        attn_logit_softcapping=None,
        sliding_window=None,
        layer_types=None,
        rope_theta=10_000.0,
        rope_scaling=None,
        rope_local_base_freq=None,
        no_rope_layers=None,
        rope_interleaved=False,
        partial_rotary_factor=1.0,
        embedding_multiplier=1.0,
        residual_multiplier=1.0,
        logit_scale=1.0,
        final_logit_softcapping=None,
        lm_head_bias=False,
        num_attention_experts=1,
        attention_routing="soft",
        num_attention_experts_per_tok=None,
        share_key_value=False,
        num_local_experts=1,
        num_experts_per_tok=1,
        norm_topk_prob=False,
        mlp_only_layers=None,
        dense_intermediate_size=None,
        shared_expert_intermediate_size=None,
        router_aux_loss_coef=0.01,
        router_z_loss_coef=0.001,
        use_cache=True,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads
        self.head_dim = head_dim
        self.max_position_embeddings = max_position_embeddings
        self.parallel_block = parallel_block
        self.separate_norms = separate_norms
        self.norm_type = norm_type
        self.norm_placement = norm_placement
        self.norm_eps = norm_eps
        self.norm_bias = norm_bias
        self.norm_unit_offset = norm_unit_offset
        self.gated_mlp = gated_mlp
        self.hidden_act = hidden_act
        self.mlp_bias = mlp_bias
        self.attention_bias = attention_bias
        self.attention_output_bias = attention_output_bias
        self.query_key_norm = query_key_norm
        self.query_key_norm_bias = query_key_norm_bias
        self.clip_qkv = clip_qkv
        self.attention_multiplier = attention_multiplier
        self.attn_logit_softcapping = attn_logit_softcapping
        self.sliding_window = sliding_window
        # Never None: transformers' caches and masks read it.
        everywhere = "full_attention" if sliding_window is None else "sliding_attention"
        self.layer_types = layer_types or [everywhere] * num_hidden_layers
        self.rope_theta = rope_theta
        if rope_scaling and "attention_factor" in rope_scaling:
            # transformers 5 warns of an integer.
            rope_scaling = rope_scaling | {"attention_factor": float(rope_scaling["attention_factor"])}
        self.rope_scaling = rope_scaling
        self.rope_local_base_freq = rope_local_base_freq
        self.no_rope_layers = no_rope_layers
        self.rope_interleaved = rope_interleaved
        self.partial_rotary_factor = partial_rotary_factor
        self.embedding_multiplier = embedding_multiplier
        self.residual_multiplier = residual_multiplier
        self.logit_scale = logit_scale
        self.final_logit_softcapping = final_logit_softcapping
        self.lm_head_bias = lm_head_bias
        self.num_attention_experts = num_attention_experts
        self.attention_routing = attention_routing
        self.num_attention_experts_per_tok = num_attention_experts_per_tok
        self.share_key_value = share_key_value
        self.num_local_experts = num_local_experts
        self.num_experts_per_tok = num_experts_per_tok
        self.norm_topk_prob = norm_topk_prob
        self.mlp_only_layers = mlp_only_layers or []
        self.dense_intermediate_size = dense_intermediate_size
        self.shared_expert_intermediate_size = shared_expert_intermediate_size
        self.router_aux_loss_coef = router_aux_loss_coef
        self.router_z_loss_coef = router_z_loss_coef
        self.use_cache = use_cache
        super().__init__(
            tie_word_embeddings=tie_word_embeddings, bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs
        )

    def has_rotary(self, layer_idx):
        return not self.no_rope_layers or self.no_rope_layers[layer_idx] == 1
