"""
Saves small random dense models and their copies, from which Bam makes mixtures in the forms of Qwen2-MoE and Qwen3-MoE, and
Llamas with every rotary scaling.
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

DEFAULT = dict(rope_type="default", rope_theta=10_000.0)
SCALINGS = {
    "linear": dict(rope_type="linear", factor=4.0),
    "dynamic": dict(rope_type="dynamic", factor=4.0),
    "llama3": dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=16),
    "yarn": dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16),
    "yarn-mscale": dict(
        rope_type="yarn", factor=2.0, original_max_position_embeddings=16, beta_fast=4.0, beta_slow=0.5, truncate=False,
        mscale=2.0, mscale_all_dim=0.5),
    "longrope": dict(
        rope_type="longrope", factor=4.0, original_max_position_embeddings=16, short_factor=[1.0] * 4 + [1.5] * 4,
        long_factor=[1.0] * 4 + [4.0] * 4),
}
SIZES = dict(
    vocab_size=160, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=64,
    rope_parameters=DEFAULT, bos_token_id=1, eos_token_id=2,
)
WINDOW = dict(use_sliding_window=True, sliding_window=9)
DENSE = {
    "qwen2": {},
    "qwen2-tied-yarn": dict(tie_word_embeddings=True, rope_parameters=DEFAULT | SCALINGS["yarn"]),
    "qwen2-window": WINDOW | dict(max_window_layers=0),
    "qwen2-later-window": WINDOW | dict(max_window_layers=1),
    "qwen3": dict(head_dim=32),
    "qwen3-biases-tied": dict(head_dim=32, attention_bias=True, tie_word_embeddings=True),
    "qwen3-window": WINDOW | dict(head_dim=16, max_window_layers=0),
    "qwen3-longrope": dict(head_dim=16, rope_parameters=DEFAULT | SCALINGS["longrope"]),
}


def save(directory, model_type, settings, seed, ids):
    torch.manual_seed(seed)
    config = AutoConfig.for_model(model_type, **(SIZES | settings))
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Norms of one and biases of zero would hide that they are left out.
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model.save_pretrained(directory)
    save_file({"input_ids": ids}, directory / "expected.safetensors")


def main(root):
    ids = torch.randint(3, 160, (2, 24), generator=torch.Generator().manual_seed(1))
    for seed, (name, settings) in enumerate(DENSE.items()):
        for copy in range(3):
            save(root / "dense" / name / str(copy), name.split("-")[0], settings, 3 * seed + copy, ids)
    for seed, (name, scaling) in enumerate(SCALINGS.items()):
        settings = dict(rope_parameters=DEFAULT | scaling, max_position_embeddings=16 if name == "dynamic" else 64)
        save(root / "llama" / f"llama-{name}", "llama", settings, seed, ids)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) / "forms")
