"""Loads mixtures of copies of one model, which are that model: their logits must be those of its own export, and of generation with a cache."""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file

from fixtures import continuation, distance, load

PROMPT = 12


@torch.no_grad()
def main(root):
    found = []
    for directory in sorted((root / "copies").iterdir()):
        dense = root / "exports" / f"hf-{directory.name}"
        fixture = next(folder for folder in (root / "hf", root / "hf-more") if (folder / directory.name).exists()) / directory.name
        ids = load_file(fixture / "expected.safetensors")["input_ids"]
        expected, prompt = load(dense)(ids).logits, ids[:, :PROMPT]
        continued = continuation(dense, prompt)
        for mixture in sorted(directory.iterdir()):
            model = load(mixture)
            if model.config.num_attention_experts == 1 and model.config.num_local_experts == 1:
                raise ValueError(f"{mixture}: expected a mixture, found a dense model")
            alike = torch.equal(continuation(mixture, prompt), continued)
            difference = distance(model(ids).logits, expected)
            found.append(dict(what=f"{directory.name}: {mixture.name} of 3 copies", difference=difference, generates=alike))
    (root / "copies.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
