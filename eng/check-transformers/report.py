"""Compares what Bam read with what transformers saved, and writes result.json and result.md. The exit status is 1 when something differs."""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file

TOLERANCE = 1e-4


def read_by_bam(folder, what):
    for directory in sorted(folder.iterdir()):
        theirs = load_file(directory / "expected.safetensors")["logits"]
        ours = load_file(directory / "bam.safetensors")["logits"]
        yield dict(what=f"{directory.name}, {what}, read by Bam", difference=(ours - theirs).abs().max().item())


def main():
    root = pathlib.Path(sys.argv[1])
    rows = [
        *read_by_bam(root / "saved", "saved by transformers"),
        *json.loads((root / "loaded.json").read_text()),
        *read_by_bam(root / "resaved", "exported by Bam, saved again by transformers"),
    ]
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
