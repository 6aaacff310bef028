"""
Loads mixtures of copies of one model, which are that model: logits, and generation with a cache, must be those of its own export.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file

from fixtures import continuation, distance, load

PROMPT = 12
KINDS = ("bam", "bam-shared", "btx")


@torch.no_grad()
def compare(fixture, export, copies):
    dense = load(export)
    if dense.config.num_local_experts > 1:
        return
    ids = load_file(fixture / "expected.safetensors")["input_ids"]
    expected, prompt = dense(ids).logits, ids[:, :PROMPT]
    continued = continuation(export, prompt)
    for kind in KINDS:
        mixture = load(copies / kind)
        if max(mixture.config.num_attention_experts, mixture.config.num_local_experts) != 3:
            raise ValueError(f"{copies / kind}: expected 3 experts, found {mixture.config}")
        alike = torch.equal(continuation(copies / kind, prompt), continued)
        yield dict(what=f"{fixture.name}: {kind} of 3 copies", difference=distance(mixture(ids).logits, expected),
            generates=alike)


def main(root):
    found = []
    for fixture in sorted(path for path in [*root.glob("hf/*"), *root.glob("hf-more/*")] if path.is_dir()):
        found += compare(fixture, root / "exports" / f"hf-{fixture.name}", root / "copies" / fixture.name)
    (root / "copies.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
