"""Loads what Bam exported, compares its logits and what it generates, and saves it again for Bam to read."""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from use import scaling_of

PROMPT, NEW = 8, 16


def greedy(model, ids, count):
    """Token by token from the whole sequence, without a cache."""
    for _ in range(count):
        ids = torch.cat([ids, model(ids, use_cache=False).logits[:, -1].argmax(-1, keepdim=True)], 1)
    return ids


def cached_greedy(model, ids, count):
    """Token by token, each from the one before."""
    cache, new = DynamicCache(), ids
    for _ in range(count):
        new = model(new, past_key_values=cache).logits[:, -1].argmax(-1, keepdim=True)
        ids = torch.cat([ids, new], 1)
    return ids


@torch.no_grad()
def generates_alike(model, ids):
    prompt = ids[:1, :PROMPT]
    # With dynamic scaling, cached keys keep the frequencies of a shorter text, and generation without a cache differs.
    expected = (cached_greedy if scaling_of(model) == "dynamic" else greedy)(model, prompt, NEW)
    settings = dict(max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=0)
    end = model.config.eos_token_id
    # Kept from ending, generation would choose otherwise than the comparison where the end of text is the greedy choice.
    if end is not None and (expected == end).any():
        settings.pop("min_new_tokens")
    cached = model.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
    padding = torch.zeros(1, 3, dtype=torch.long)
    padded = model.generate(
        torch.cat([padding, prompt], 1), attention_mask=torch.cat([padding, torch.ones_like(prompt)], 1), **settings
    )[:, 3:]
    return torch.equal(cached, expected[:, : cached.shape[1]]) and torch.equal(padded, expected[:, : padded.shape[1]])


@torch.no_grad()
def load_exports(root):
    for directory in sorted((root / "exports").iterdir()):
        source = directory.name.removeprefix("hf-")
        folders = [root / "hf" / source, root / "hf-more" / source, root / "bam" / source, root / "saved" / "llama"]
        ids = load_file(next(folder for folder in folders if folder.exists()) / "expected.safetensors")["input_ids"]
        model = AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True, dtype=torch.float32).eval()
        logits = model(ids).logits
        resaved = root / "resaved" / directory.name
        model.save_pretrained(resaved)
        save_file({"input_ids": ids, "logits": logits.contiguous()}, resaved / "expected.safetensors")
        ours = load_file(root / "logits" / "exports" / f"{directory.name}.safetensors")["logits"]
        difference = (ours - logits).abs().max().item()
        yield dict(what=f"{directory.name}, exported by Bam, loaded by transformers", difference=difference,
            generates=generates_alike(model, ids))


@torch.no_grad()
def load_trained(root):
    for directory in sorted(root.glob("trained/*")):
        tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=True)
        model = AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True, dtype=torch.float32).eval()
        prompt = tokenizer((directory / "prompt.txt").read_text(), return_tensors="pt").input_ids
        new = greedy(model, prompt, 32)[0, prompt.shape[1] :].tolist()
        ours = json.loads((directory / "bam.json").read_text())["ids"]
        yield dict(what=f"trained model {directory.name}, 32 tokens", generates=len(ours) > 0 and ours == new[: len(ours)])


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    (folder / "loaded.json").write_text(json.dumps([*load_exports(folder), *load_trained(folder)]))
