"""Loads what Bam wrote in the forms of transformers' own families, without Bam's code, and compares it with what Bam gives."""

import json
import pathlib
import sys

import torch
from load import generates_alike
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

DEPENDS_ON_LENGTH = ("dynamic", "longrope")  # what is in the cache keeps the rotation of the length that it was read at


@torch.no_grad()
def main(root):
    rows = []
    for directory in sorted((root / "forms" / "written").iterdir()):
        ids = load_file(root / "forms" / "ids" / f"{directory.name}.safetensors")["input_ids"]
        ours = load_file(root / "logits" / "forms" / f"{directory.name}.safetensors")["logits"]
        # The kernel for grouped experts wants wider ones than some fixtures have.
        settings = dict(dtype=torch.float32, experts_implementation="eager", attn_implementation="eager")
        model, loading = AutoModelForCausalLM.from_pretrained(directory, output_loading_info=True, **settings)
        difference = (ours - model.eval()(ids).logits).abs().max().item()
        row = dict(what=f"{directory.name}, written by Bam as {model.config.model_type}", difference=difference)
        if not any(kind in directory.name for kind in DEPENDS_ON_LENGTH):
            row["generates"] = generates_alike(model, ids)
        if any(loading[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")):
            row["generates"] = False
        rows.append(row)
    (root / "forms.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
