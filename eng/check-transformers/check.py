"""Loads what Bam exported, compares, and writes result.json and result.md. The exit status is 1 when something differs."""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

TOLERANCE = 1e-4
PROMPT, NEW = 8, 16


def greedy(model, ids, count):
    """Token by token from the whole sequence, without a cache."""
    for _ in range(count):
        ids = torch.cat([ids, model(ids, use_cache=False).logits[:, -1].argmax(-1, keepdim=True)], 1)
    return ids


@torch.no_grad()
def generates_alike(model, ids):
    prompt = ids[:1, :PROMPT]
    expected = greedy(model, prompt, NEW)
    settings = dict(max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=0)
    # min_new_tokens keeps the end of text from being chosen; where greedy choice takes it the two may part.
    if (expected == model.config.eos_token_id).any():
        settings.pop("min_new_tokens")
    cached = model.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
    padding = torch.zeros(1, 3, dtype=torch.long)
    padded = model.generate(
        torch.cat([padding, prompt], 1), attention_mask=torch.cat([padding, torch.ones_like(prompt)], 1), **settings
    )[:, 3:]
    return torch.equal(cached, expected[:, : cached.shape[1]]) and torch.equal(padded, expected[:, : padded.shape[1]])


@torch.no_grad()
def check(root):
    rows = []
    for directory in sorted((root / "saved").iterdir()):
        theirs = load_file(directory / "expected.safetensors")["logits"]
        ours = load_file(directory / "bam.safetensors")["logits"]
        rows.append(dict(what=f"{directory.name}, saved by transformers, read by Bam", difference=(ours - theirs).abs().max().item()))
    for directory in sorted((root / "exports").iterdir()):
        ours = load_file(directory / "bam.safetensors")["logits"]
        source = directory.name.removeprefix("hf-")
        folders = [root / "hf" / source, root / "bam" / source, root / "saved" / "llama"]
        ids = load_file(next(folder for folder in folders if folder.exists()) / "expected.safetensors")["input_ids"]
        model = AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True, dtype=torch.float32).eval()
        difference = (ours - model(ids).logits).abs().max().item()
        rows.append(dict(what=f"{directory.name}, exported by Bam, loaded by transformers", difference=difference, generates=generates_alike(model, ids)))
    for directory in sorted(root.glob("trained/*")):
        tokenizer = AutoTokenizer.from_pretrained(directory)
        model = AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True, dtype=torch.float32).eval()
        prompt = tokenizer((directory / "prompt.txt").read_text(), return_tensors="pt").input_ids
        new = greedy(model, prompt, 32)[0, prompt.shape[1] :].tolist()
        ours = [token["id"] for token in json.loads((directory / "bam.json").read_text())["tokens"]]
        rows.append(dict(what=f"trained model {directory.name}, 32 tokens", generates=ours == new[: len(ours)], tokens=len(ours)))
    return rows


def main():
    root = pathlib.Path(sys.argv[1])
    rows = check(root)
    for row in rows:
        row["passed"] = row.get("difference", 0) < TOLERANCE and row.get("generates", True)
    versions = dict(transformers=transformers.__version__, torch=torch.__version__)
    passed = all(row["passed"] for row in rows)
    (root / "result.json").write_text(json.dumps(dict(versions=versions, passed=passed, rows=rows), indent=1) + "\n")
    lines = [
        "# Bam and transformers",
        "",
        f"transformers {versions['transformers']}, PyTorch {versions['torch']}, float32 on the CPU. Difference: the largest of any logit. Generated: greedily,",
        "with a cache, equal to without, and to a padded prompt's; of trained models Bam's tokens equal to transformers'.",
        "",
        "| | difference | generated |",
        "|---|---:|---|",
    ]
    for row in rows:
        difference = f"{row['difference']:.1e}" if "difference" in row else ""
        generated = {True: "alike", False: "DIFFERENT"}.get(row.get("generates"), "")
        lines.append(f"| {row['what']} | {difference} | {generated} |")
    lines += ["", f"All within {TOLERANCE:g} and alike: {'yes' if passed else 'no'}."]
    (root / "result.md").write_text("\n".join(lines) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
