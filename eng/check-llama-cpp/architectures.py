"""
Makes a small random model for every architecture of llama.cpp that Bam writes, with transformers' own classes, and the inputs
whose logits are compared.

Sizes are those that llama.cpp runs: it chooses longrope's factors by its context in steps of 256 tokens, derives the scale
of Gemma's attention scores from the width of a head, and leaves out the rotary embedding in every fourth layer of SmolLM3. It
takes GELU from a table in float16, whose rounding hides nothing else where the feed-forward adds little.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

DEFAULT = dict(rope_type="default", rope_theta=10_000.0)
YARN = dict(rope_type="yarn", rope_theta=10_000.0, factor=4.0, original_max_position_embeddings=64)
LONGROPE = dict(rope_type="longrope", rope_theta=10_000.0, factor=4.0, original_max_position_embeddings=256, attention_factor=1.2)
SIZES = dict(
    vocab_size=160, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=256,
    tie_word_embeddings=False, rope_parameters=DEFAULT, bos_token_id=1, eos_token_id=2, pad_token_id=0,
)
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32)
GEMMA = dict(head_dim=32, query_pre_attn_scalar=32, sliding_window=9, tie_word_embeddings=True)
BY_LAYER_TYPE = dict(full_attention=DEFAULT | dict(rope_theta=1_000_000.0), sliding_attention=DEFAULT)


def factors(*values, repeated):
    return [value for value in values for _ in range(repeated)]


MODELS = {
    "llama-yarn": ("llama", dict(rope_parameters=YARN), 40),
    "llama-yarn-attention-factor": ("llama", dict(rope_parameters=YARN | dict(attention_factor=1.5)), 40),
    "llama-longrope-short": ("llama", dict(rope_parameters=LONGROPE | dict(
        short_factor=factors(1.0, 1.5, repeated=4), long_factor=factors(1.0, 4.0, repeated=4)), max_position_embeddings=1024),
        40),
    "llama-longrope-long": ("llama", dict(rope_parameters=LONGROPE | dict(
        short_factor=factors(1.0, 1.5, repeated=4), long_factor=factors(1.0, 4.0, repeated=4)), max_position_embeddings=1024),
        300),
    "gemma2": ("gemma2", GEMMA | dict(num_hidden_layers=4, attn_logit_softcapping=5.0, final_logit_softcapping=3.0), 40),
    "gemma2-full": ("gemma2", GEMMA | dict(layer_types=["full_attention"] * 3), 40),
    "gemma3": ("gemma3_text", GEMMA | dict(num_hidden_layers=7, rope_parameters=BY_LAYER_TYPE), 40),
    "gemma3-linear-capped": ("gemma3_text", GEMMA | dict(
        layer_types=["sliding_attention", "sliding_attention", "full_attention"], final_logit_softcapping=3.0,
        rope_parameters=BY_LAYER_TYPE | dict(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1_000_000.0))), 40),
    "gemma3-full": ("gemma3_text",
        GEMMA | dict(layer_types=["full_attention"] * 3, final_logit_softcapping=None, rope_parameters=BY_LAYER_TYPE), 40),
    "phi3": ("phi3", {}, 40),
    "phi3-partial": ("phi3", dict(rope_parameters=DEFAULT | dict(partial_rotary_factor=0.5)), 40),
    "phi3-longrope-short": ("phi3", dict(rope_parameters=LONGROPE | dict(
        short_factor=factors(1.0, 1.5, repeated=4), long_factor=factors(1.0, 4.0, repeated=4)),
        original_max_position_embeddings=256, max_position_embeddings=1024), 40),
    "phi3-longrope-long": ("phi3", dict(rope_parameters=LONGROPE | dict(
        short_factor=factors(1.0, 1.5, repeated=4), long_factor=factors(1.0, 4.0, repeated=4)),
        original_max_position_embeddings=256, max_position_embeddings=1024), 300),
    "olmo2": ("olmo2", {}, 40),
    "olmo2-tied-yarn": ("olmo2", dict(tie_word_embeddings=True, rope_parameters=YARN), 40),
    "olmoe": ("olmoe", dict(num_experts=4, num_experts_per_tok=2, num_key_value_heads=4), 40),
    "granite": ("granite",
        dict(embedding_multiplier=12.0, attention_multiplier=0.1, residual_multiplier=0.22, logits_scaling=8.0), 40),
    "granite-tied-biases": ("granite", dict(
        tie_word_embeddings=True, attention_bias=True, mlp_bias=True, attention_multiplier=0.2,
        rope_parameters=DEFAULT | dict(rope_theta=1_000_000.0)), 40),
    "smollm3": ("smollm3", dict(num_hidden_layers=5, no_rope_layer_interval=4, use_sliding_window=False), 40),
    "starcoder2": ("starcoder2", dict(use_bias=True, sliding_window=None), 40),
    "starcoder2-window": ("starcoder2", dict(use_bias=True, sliding_window=9, tie_word_embeddings=True), 40),
    "qwen2": ("qwen2", {}, 40),
    "qwen2-yarn": ("qwen2", dict(rope_parameters=YARN), 40),
    "qwen3": ("qwen3", dict(head_dim=32), 40),
    "qwen3-yarn": ("qwen3", dict(head_dim=32, rope_parameters=YARN), 40),
    "qwen2moe": ("qwen2_moe", EXPERTS | dict(norm_topk_prob=False, shared_expert_intermediate_size=48), 40),
    "qwen2moe-tied": ("qwen2_moe",
        EXPERTS | dict(norm_topk_prob=False, shared_expert_intermediate_size=48, tie_word_embeddings=True), 40),
    "qwen3moe": ("qwen3_moe", EXPERTS | dict(head_dim=32, norm_topk_prob=True), 40),
    "qwen3moe-tied": ("qwen3_moe", EXPERTS | dict(head_dim=32, norm_topk_prob=True, tie_word_embeddings=True), 40),
    "ministral": ("ministral",
        dict(head_dim=32, sliding_window=9, layer_types=["sliding_attention", "full_attention", "sliding_attention"]), 40),
    "ministral3": ("ministral3", dict(
        head_dim=32, sliding_window=None,
        rope_parameters=YARN | dict(original_max_position_embeddings=16, beta_fast=32.0, beta_slow=1.0, mscale=1.0,
            mscale_all_dim=1.0, llama_4_scaling_beta=0.1)), 40),
}


# Models with a copy beside them, for mixtures.
COPIED = ("qwen2", "qwen3", "granite")


def save(directory, model_type, settings, length, seed):
    torch.manual_seed(seed)
    config = AutoConfig.for_model(model_type, **(SIZES | settings))
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Norms of one and biases of zero would hide that they are left out.
            parameter.add_(torch.randn_like(parameter) * (0.1 if parameter.ndim == 1 else 0.05))
            if name.endswith("post_feedforward_layernorm.weight") and model_type.startswith("gemma"):
                parameter.sub_(0.9)
            if name.endswith(("mlp.c_proj.weight", "mlp.c_proj.bias")):
                parameter.mul_(0.1)
    model.save_pretrained(directory)
    if model_type == "gemma3_text":
        # Where all layers are of one type, transformers adds keys that it ignores.
        saved = json.loads((directory / "config.json").read_text())
        saved["rope_parameters"] = {key: value for key, value in saved["rope_parameters"].items() if isinstance(value, dict)}
        (directory / "config.json").write_text(json.dumps(saved, indent=2) + "\n")
    save_file({"input_ids": torch.randint(3, SIZES["vocab_size"], (2, length))}, directory / "ids.safetensors")


def main(root):
    for seed, (name, (model_type, settings, length)) in enumerate(MODELS.items()):
        save(root / "architectures" / name, model_type, settings, length, seed)
        if name in COPIED:
            save(root / "copies" / name, model_type, settings, length, seed + len(MODELS))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
