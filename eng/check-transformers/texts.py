"""Reads the tokenizers that Bam exported with AutoTokenizer: their ids, their text, and batches that they pad on the left."""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXTS = ["The licensee shall", "a", "Gradient checkpointing computes a layer twice"]
NEW = 12


def reads_alike(tokenizer, expected):
    with expected.open(encoding="utf-8") as lines:
        return all(
            tokenizer(line["text"]).input_ids == line["ids"] and tokenizer.decode(line["ids_without_special"]) == line["decoded"]
            for line in map(json.loads, lines)
        )


@torch.no_grad()
def pads(tokenizer, model):
    settings = dict(max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    together = model.generate(**batch, **settings)[:, -NEW:]
    alone = [model.generate(**tokenizer(text, return_tensors="pt"), **settings)[0, -NEW:] for text in TEXTS]
    return (batch.attention_mask[1, 0] == 0).item() and torch.equal(together, torch.stack(alone))


def main(root):
    found = []
    for directory in sorted((root / "text-exports").iterdir()):
        name = directory.name.split("-", 1)[1]
        tokenizer = AutoTokenizer.from_pretrained(directory, padding_side="left", trust_remote_code=True)
        model = AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True, dtype=torch.float32).eval()
        checks = dict(ids=reads_alike(tokenizer, root / "tokenizers" / name / "expected.jsonl"), padded=pads(tokenizer, model))
        found.append(dict(what=directory.name, checks=checks | dict(rows=len(tokenizer) <= model.config.vocab_size)))
    (root / "texts.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
