"""
Saves a small random model of every family that Bam reads, as transformers does, with the logits that it gives; and a Llama for
every tokenizer.
"""

import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

SIZES = dict(vocab_size=160, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=128)
LLAMA = SIZES | dict(intermediate_size=96, num_key_value_heads=2)
FAMILIES = {
    "llama": ("llama", LLAMA | dict(tie_word_embeddings=False)),
    "llama-2": ("llama", LLAMA | dict(tie_word_embeddings=False)),
    "llama-3": ("llama", LLAMA | dict(tie_word_embeddings=False)),
    "llama-linear": ("llama",
        LLAMA | dict(tie_word_embeddings=True, rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=10_000.0))),
    "llama-biased": ("llama", LLAMA | dict(attention_bias=True, mlp_bias=True)),
    "mistral": ("mistral", LLAMA | dict(sliding_window=9)),
    "mixtral": ("mixtral", LLAMA | dict(num_local_experts=4, num_experts_per_tok=2)),
    "qwen2": ("qwen2", LLAMA),
    "qwen3": ("qwen3", LLAMA | dict(head_dim=32)),
    "cohere": ("cohere", LLAMA | dict(use_qk_norm=True)),
    "gpt-neox": ("gpt_neox", SIZES | dict(intermediate_size=96)),
    "gpt-neox-tanh": ("gpt_neox", SIZES | dict(intermediate_size=96, hidden_act="gelu_new", use_parallel_residual=False)),
    "gptj": ("gptj", dict(vocab_size=160, n_embd=64, n_layer=3, n_head=4, n_inner=96, n_positions=128, rotary_dim=8)),
    "phi": ("phi", SIZES | dict(intermediate_size=96)),
}


def save(directory, model_type, settings, seed):
    torch.manual_seed(seed)
    config = AutoConfig.for_model(model_type, **(dict(bos_token_id=1, eos_token_id=2) | settings))
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Norms of one and biases of zero would hide that they are left out.
            parameter.add_(torch.randn_like(parameter) * 0.05)
        ids = torch.randint(3, 160, (2, 24))
        logits = model(ids).logits
    # Shards, for half of them.
    model.save_pretrained(directory, max_shard_size="100KB" if seed % 2 else "5GB")
    save_file({"input_ids": ids, "logits": logits.contiguous()}, directory / "expected.safetensors")


def save_with_tokenizer(directory, tokenizer, seed):
    added = json.loads(tokenizer.read_text())["added_tokens"]
    ids = {token["content"]: token["id"] for token in added}
    begin, end = (ids["<s>"], ids["</s>"]) if "<s>" in ids else (ids["<|begin|>"], ids["<|endoftext|>"])
    save(directory, "llama", LLAMA | dict(vocab_size=1536, bos_token_id=begin, eos_token_id=end), seed)
    shutil.copy(tokenizer, directory)


def main(root):
    for seed, (name, (model_type, settings)) in enumerate(FAMILIES.items()):
        save(root / "saved" / name, model_type, settings, seed)
    for seed, tokenizer in enumerate(sorted(root.glob("tokenizers/*/tokenizer.json"))):
        save_with_tokenizer(root / "texts" / tokenizer.parent.name, tokenizer, seed)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
