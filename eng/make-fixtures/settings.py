"""The models of tests/fixtures/hf-more: their settings, and for each setting a change that must alter the logits."""

import dataclasses

SIZES = dict(vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             intermediate_size=48, max_position_embeddings=128, tie_word_embeddings=False,
             bos_token_id=1, eos_token_id=2, pad_token_id=0)
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=12)
DEFAULT = dict(rope_type="default", rope_theta=10_000.0)


def rope(rope_type, theta=10_000.0, **settings):
    return dict(rope_type=rope_type, rope_theta=theta, **settings)


@dataclasses.dataclass(frozen=True)
class Fixture:
    name: str
    model_type: str
    settings: dict                  # beside SIZES
    changes: dict                   # what is switched off, and the settings that do so: each must change the logits
    old: dict | None = None         # what else differs in the config.json as transformers 4 wrote it: None drops a key
    length: int = 24                # of the input
    prompt: int = 24                # of the prompt that greedy generation continues
    cached: bool = True             # generates with a cache
    cache_matters: bool = False     # cached keys keep the frequencies of the length at which they were computed
    standard_deviation: float = 1   # of q and k: larger makes what depends on positions matter more


LONGROPE = dict(long_factor=[1.0, 1.5, 2.5, 4.0], short_factor=[1.0, 1.1, 1.3, 1.9])
YARN = rope("yarn", theta=100.0, factor=4.0, original_max_position_embeddings=64)
MSCALE = dict(mscale=2.0, mscale_all_dim=0.5)
QUERY_SCALING = rope("yarn", factor=4.0, original_max_position_embeddings=8, llama_4_scaling_beta=0.5)
WIDE_HEADS = dict(num_attention_heads=2, num_key_value_heads=1, head_dim=16)
WINDOWS = dict(layer_types=["full_attention", "sliding_attention"], sliding_window=7)
FULL = dict(layer_types=["full_attention"] * 2)

PHI = [
    Fixture("phi-qk-layernorm", "phi", dict(qk_layernorm=True, rope_parameters=DEFAULT | dict(partial_rotary_factor=0.5)),
            {"q/k norm": dict(qk_layernorm=False),
             "partial rotary": dict(rope_parameters=DEFAULT | dict(partial_rotary_factor=0.75))},
            old=dict(partial_rotary_factor=0.5)),
    Fixture("phi-tied", "phi", dict(tie_word_embeddings=True, hidden_act="gelu", rope_parameters=DEFAULT),
            {"activation": dict(hidden_act="silu")}),
]

# Where the length passes the original one, Phi-3 generates without a cache: transformers 5.12 drops the cache there, because keys
# of the other factors are in it, but then passes on only the last token.
PHI_3 = [
    Fixture("phi3-partial-rotary-tied", "phi3",
            dict(tie_word_embeddings=True, num_key_value_heads=1, rope_parameters=DEFAULT | dict(partial_rotary_factor=0.75)),
            {"partial rotary": dict(rope_parameters=DEFAULT | dict(partial_rotary_factor=1.0))},
            old=dict(partial_rotary_factor=0.75, attention_bias=False)),
    Fixture("phi3-window", "phi3", dict(sliding_window=7, rope_parameters=DEFAULT),
            {"window": dict(sliding_window=None)}, old={}),
    Fixture("phi3-longrope-factor", "phi3",  # the attention factor follows from factor, not from 128 / 16
            dict(original_max_position_embeddings=16, rope_parameters=rope("longrope", factor=4.0, **LONGROPE)),
            {"long factors": dict(rope_parameters=rope("longrope", factor=4.0, long_factor=[1.0] * 4, short_factor=[1.0] * 4)),
             "factor": dict(rope_parameters=rope("longrope", **LONGROPE))},
            prompt=12, cached=False, standard_deviation=2),
    Fixture("phi3-longrope-attention-factor", "phi3",  # shorter than the original length
            dict(original_max_position_embeddings=48, rope_parameters=rope("longrope", attention_factor=1.4, **LONGROPE)),
            {"short factors": dict(
                rope_parameters=rope("longrope", attention_factor=1.4, long_factor=[1.0] * 4, short_factor=[1.0] * 4)),
             "attention factor": dict(rope_parameters=rope("longrope", **LONGROPE))},
            standard_deviation=2),
    Fixture("phi3-longrope-partial", "phi3",  # two factors for four rotated dimensions; generation passes the original length
            dict(original_max_position_embeddings=16,
                 rope_parameters=rope("longrope", partial_rotary_factor=0.5, long_factor=[1.2, 4.0], short_factor=[1.0, 1.5])),
            {"short factors": dict(
                rope_parameters=rope("longrope", partial_rotary_factor=0.5, long_factor=[1.0] * 2, short_factor=[1.0] * 2))},
            old=dict(partial_rotary_factor=0.5,
                     rope_scaling=dict(type="longrope", long_factor=[1.2, 4.0], short_factor=[1.0, 1.5])),
            length=14, prompt=12, cached=False, standard_deviation=3),
]

GEMMA = [
    Fixture("gemma2-no-softcap", "gemma2",
            dict(num_hidden_layers=3, head_dim=12, intermediate_size=22, query_pre_attn_scalar=12, attn_logit_softcapping=None,
                 final_logit_softcapping=None, sliding_window=7, tie_word_embeddings=True, rope_parameters=DEFAULT),
            {"scale": dict(query_pre_attn_scalar=8),
             "attention's cap": dict(attn_logit_softcapping=3.0),
             "logits' cap": dict(final_logit_softcapping=3.0),
             "windows by layer": dict(layer_types=["full_attention"] * 3),
             "which layers slide": dict(layer_types=["full_attention", "sliding_attention", "full_attention"])},
            old=dict(layer_types=None, hidden_act="gelu_pytorch_tanh", cache_implementation="hybrid")),
    Fixture("gemma3-text-linear", "gemma3_text",
            dict(num_hidden_layers=6, hidden_size=24, num_attention_heads=3, num_key_value_heads=1, head_dim=8,
                 intermediate_size=16, query_pre_attn_scalar=8, sliding_window=7, tie_word_embeddings=True,
                 rope_parameters=dict(full_attention=rope("linear", theta=1_000_000.0, factor=8.0), sliding_attention=DEFAULT)),
            {"linear": dict(rope_parameters=dict(full_attention=rope("default", theta=1_000_000.0), sliding_attention=DEFAULT)),
             "local base": dict(rope_parameters=dict(full_attention=rope("linear", theta=1_000_000.0, factor=8.0),
                                                     sliding_attention=rope("default", theta=1_000_000.0))),
             "windows": dict(sliding_window=100),
             "pattern": dict(layer_types=["sliding_attention", "full_attention"] * 3)},
            old=dict(layer_types=None, rope_theta=1_000_000.0, rope_local_base_freq=10_000.0, sliding_window_pattern=6,
                     rope_scaling=dict(rope_type="linear", factor=8.0), cache_implementation="hybrid", tie_word_embeddings=None),
            standard_deviation=2),
    Fixture("gemma3-text-biases", "gemma3_text",
            dict(head_dim=8, query_pre_attn_scalar=16, sliding_window=7, tie_word_embeddings=True, attention_bias=True,
                 final_logit_softcapping=5.0, layer_types=["full_attention", "sliding_attention"]),
            {"logits' cap": dict(final_logit_softcapping=None),
             "attention bias": dict(attention_bias=False)}),
]

LLAMA_BLOCKS = [
    Fixture("granite-tied-biases", "granite",
            dict(tie_word_embeddings=True, attention_bias=True, mlp_bias=True, embedding_multiplier=2.0, attention_multiplier=0.2,
                 residual_multiplier=0.7, logits_scaling=2.0, rope_parameters=DEFAULT),
            {"attention bias": dict(attention_bias=False),
             "feed-forward bias": dict(mlp_bias=False),
             "embedding multiplier": dict(embedding_multiplier=1.0),
             "attention multiplier": dict(attention_multiplier=8 ** -0.5),
             "residual multiplier": dict(residual_multiplier=1.0),
             "logits' scaling": dict(logits_scaling=1.0)},
            old={}),
    Fixture("olmo2-biases-one-kv-head", "olmo2", dict(attention_bias=True, num_key_value_heads=1, rope_parameters=DEFAULT),
            {"attention bias": dict(attention_bias=False)}, old={}),
    Fixture("smollm3-window", "smollm3",  # layer_types follows: the layers without rotary embeddings slide
            dict(num_hidden_layers=3, intermediate_size=24, num_key_value_heads=1, no_rope_layer_interval=2,
                 use_sliding_window=True, sliding_window=7, tie_word_embeddings=True,
                 rope_parameters=rope("default", theta=2_000_000.0)),
            {"layers without rotary": dict(
                no_rope_layers=[1, 1, 1], layer_types=["full_attention", "sliding_attention", "full_attention"]),
             "window": dict(use_sliding_window=False),
             "which layers": dict(no_rope_layers=[0, 1, 0])},
            old=dict(layer_types=None, no_rope_layers=None)),
    Fixture("smollm3-layer-types", "smollm3",  # the rotated layer slides
            dict(attention_bias=True, mlp_bias=True, no_rope_layers=[1, 0], use_sliding_window=True, sliding_window=7,
                 layer_types=["sliding_attention", "full_attention"], rope_parameters=rope("default", theta=2_000_000.0)),
            {"layer types": dict(layer_types=["full_attention", "sliding_attention"]),
             "attention bias": dict(attention_bias=False),
             "feed-forward bias": dict(mlp_bias=False)}),
    Fixture("starcoder2-window-no-bias", "starcoder2", dict(sliding_window=7, use_bias=False, rope_parameters=DEFAULT),
            {"window": dict(sliding_window=None)}, old=dict(mlp_type="default", norm_type="layer_norm")),
    Fixture("mistral-head-dim", "mistral",
            dict(head_dim=12, intermediate_size=40, sliding_window=None, rope_parameters=rope("default", theta=1_000_000.0)),
            {"no window": dict(sliding_window=7)}, old={}),
    Fixture("ministral", "ministral", dict(head_dim=12, intermediate_size=40, rope_parameters=DEFAULT, **WINDOWS),
            {"windows by layer": FULL, "which layers": dict(layer_types=["sliding_attention", "full_attention"])},
            old=dict(model_type="mistral", architectures=["MistralForCausalLM"])),
    Fixture("ministral3", "ministral3",
            dict(head_dim=12, intermediate_size=40, sliding_window=None, max_position_embeddings=32,
                 rope_parameters=QUERY_SCALING | dict(beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0)),
            {"query scaling": dict(
                rope_parameters=QUERY_SCALING | dict(mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.0)),
             "mscale": dict(rope_parameters=QUERY_SCALING)},
            standard_deviation=2),
    Fixture("qwen3-window", "qwen3",
            dict(head_dim=12, attention_bias=True, tie_word_embeddings=True, use_sliding_window=True, rope_parameters=DEFAULT,
                 **WINDOWS),
            {"windows by layer": FULL, "attention bias": dict(attention_bias=False)},
            old=dict(layer_types=None, max_window_layers=1)),
    Fixture("cohere-qk-norm-biases", "cohere",
            dict(use_qk_norm=True, attention_bias=True, tie_word_embeddings=True, logit_scale=0.25,
                 rope_parameters=rope("default", theta=500_000.0)),
            {"q/k norm": dict(use_qk_norm=False),
             "attention bias": dict(attention_bias=False),
             "logit scale": dict(logit_scale=1.0)},
            old=dict(model_max_length=128)),
    Fixture("cohere2", "cohere2",
            dict(num_hidden_layers=3, sliding_window=7, tie_word_embeddings=True, logit_scale=0.25, intermediate_size=24,
                 layer_types=["sliding_attention", "full_attention", "sliding_attention"], rope_parameters=DEFAULT),
            {"window": dict(sliding_window=20), "rotary": dict(layer_types=["sliding_attention"] * 3),
             "logit scale": dict(logit_scale=1.0)},
            old=dict(sliding_window_pattern=2, cache_implementation="hybrid")),
]

ROTARY = [
    Fixture("llama-linear-biases", "llama",
            dict(attention_bias=True, mlp_bias=True, tie_word_embeddings=True, rope_parameters=rope("linear", factor=4.0)),
            {"linear": dict(rope_parameters=DEFAULT),
             "attention bias": dict(attention_bias=False),
             "feed-forward bias": dict(mlp_bias=False)},
            old=dict(rope_scaling=dict(type="linear", factor=4.0))),
    Fixture("llama-dynamic-within", "llama", dict(max_position_embeddings=64, rope_parameters=rope("dynamic", factor=4.0)),
            {"length": dict(max_position_embeddings=16)}, old=dict(rope_scaling=dict(type="dynamic", factor=4.0))),
    Fixture("llama-dynamic-beyond", "llama",  # generation passes max_position_embeddings
            dict(max_position_embeddings=16, rope_parameters=rope("dynamic", factor=4.0)),
            {"dynamic": dict(rope_parameters=DEFAULT), "length": dict(max_position_embeddings=20)},
            prompt=12, cache_matters=True, standard_deviation=3),
    Fixture("llama-longrope", "llama",  # generation passes the original length
            dict(rope_parameters=rope("longrope", factor=8.0, original_max_position_embeddings=16, **LONGROPE)),
            {"long factors": dict(rope_parameters=rope(
                "longrope", factor=8.0, original_max_position_embeddings=16, long_factor=[1.0] * 4, short_factor=[1.0] * 4))},
            prompt=12, cache_matters=True, standard_deviation=3),
    Fixture("llama-yarn-attention-factor", "llama",  # factor is not max_position_embeddings / original_max_position_embeddings
            dict(max_position_embeddings=64, rope_parameters=YARN | dict(attention_factor=1.5), **WIDE_HEADS),
            {"attention factor": dict(rope_parameters=YARN), "yarn": dict(rope_parameters=rope("default", theta=100.0))},
            standard_deviation=2),
    Fixture("llama-yarn-mscale", "llama",
            dict(rope_parameters=YARN | MSCALE | dict(beta_fast=4.0, beta_slow=0.5, truncate=False), **WIDE_HEADS),
            {"mscale": dict(rope_parameters=YARN | dict(beta_fast=4.0, beta_slow=0.5, truncate=False)),
             "beta_fast": dict(rope_parameters=YARN | MSCALE | dict(beta_slow=0.5, truncate=False)),
             "beta_slow": dict(rope_parameters=YARN | MSCALE | dict(beta_fast=4.0, truncate=False)),
             "truncate": dict(rope_parameters=YARN | MSCALE | dict(beta_fast=4.0, beta_slow=0.5))},
            standard_deviation=2),
    Fixture("llama-yarn-partial-mscale", "llama",  # mscale alone has no effect; truncated
            dict(max_position_embeddings=256, rope_parameters=YARN | dict(mscale=2.0, beta_fast=4.0), **WIDE_HEADS),
            {"beta_fast": dict(rope_parameters=YARN),
             "truncate": dict(rope_parameters=YARN | dict(beta_fast=4.0, truncate=False))},
            old=dict(rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=64, mscale=2.0, beta_fast=4.0)),
            standard_deviation=2),
    Fixture("qwen2-yarn", "qwen2", dict(rope_parameters=YARN | dict(original_max_position_embeddings=32)),
            {"yarn": dict(rope_parameters=rope("default", theta=100.0)),
             "original length": dict(rope_parameters=YARN | dict(original_max_position_embeddings=128))},
            old=dict(layer_types=None, sliding_window=128,
                     rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=32)),
            standard_deviation=2),
]

MIXTURES = [
    Fixture("qwen2-moe-normalised-no-bias", "qwen2_moe",
            EXPERTS | dict(norm_topk_prob=True, qkv_bias=False, shared_expert_intermediate_size=8, rope_parameters=DEFAULT),
            {"normalised": dict(norm_topk_prob=False), "experts per token": dict(num_experts_per_tok=1)},
            old=dict(layer_types=None, sliding_window=128, mlp_only_layers=None)),
    Fixture("qwen2-moe-sparse-step", "qwen2_moe",  # layer 0 is dense
            EXPERTS | dict(decoder_sparse_step=2, num_experts_per_tok=3, shared_expert_intermediate_size=16, intermediate_size=20,
                           rope_parameters=DEFAULT),
            {"normalised": dict(norm_topk_prob=True), "experts per token": dict(num_experts_per_tok=2)},
            old=dict(layer_types=None)),
    Fixture("qwen2-moe-window", "qwen2_moe",  # layer 0 slides, layer 1 is dense
            EXPERTS | dict(mlp_only_layers=[1], use_sliding_window=True, sliding_window=7, max_window_layers=2,
                           shared_expert_intermediate_size=16, rope_parameters=DEFAULT),
            {"windows by layer": FULL, "which layers": dict(layer_types=["full_attention", "sliding_attention"])},
            old=dict(layer_types=None)),
    Fixture("qwen3-moe-tied-window", "qwen3_moe",
            EXPERTS | dict(head_dim=12, norm_topk_prob=True, tie_word_embeddings=True, attention_bias=True,
                           use_sliding_window=True, sliding_window=7, rope_parameters=DEFAULT),
            {"normalised": dict(norm_topk_prob=False),
             "window": dict(use_sliding_window=False),
             "attention bias": dict(attention_bias=False)},
            old=dict(num_local_experts=None, num_experts=4, max_window_layers=2)),
    Fixture("qwen3-moe-mlp-only-layers", "qwen3_moe",  # layer 0 is dense
            EXPERTS | dict(head_dim=8, mlp_only_layers=[0], norm_topk_prob=False, rope_parameters=DEFAULT),
            {"normalised": dict(norm_topk_prob=True)}, old=dict(num_local_experts=None, num_experts=4)),
    Fixture("olmoe-clip-normalised", "olmoe",
            EXPERTS | dict(intermediate_size=12, clip_qkv=0.8, norm_topk_prob=True, rope_parameters=DEFAULT),
            {"clipped": dict(clip_qkv=None), "normalised": dict(norm_topk_prob=False)}, old={}),
    Fixture("mixtral-window-head-dim", "mixtral",
            dict(num_local_experts=4, num_experts_per_tok=2, intermediate_size=10, head_dim=12, sliding_window=7,
                 rope_parameters=rope("default", theta=1_000_000.0)),
            {"window": dict(sliding_window=None)}, old={}),
]

FIXTURES = [*PHI, *PHI_3, *GEMMA, *LLAMA_BLOCKS, *ROTARY, *MIXTURES]
