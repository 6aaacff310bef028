"""
Compares what Bam read with what transformers saved, and writes result.json and result.md. The exit status is 1 when something
differs.
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file

TOLERANCE = 1e-4
DIFFERENCES = ("logits", "loss", "gradients")
GENERATED = {True: "alike", False: "DIFFERENT", None: ""}


def read_by_bam(folder, what):
    for directory in sorted(folder.iterdir()):
        theirs = load_file(directory / "expected.safetensors")["logits"]
        ours = load_file(folder.parent / "logits" / folder.name / f"{directory.name}.safetensors")["logits"]
        yield dict(what=f"{directory.name}, {what}, read by Bam", difference=(ours - theirs).abs().max().item())


def fixtures_of(root):
    rows = json.loads((root / "fixtures.json").read_text())
    for row in rows:
        row["passed"] = "error" not in row and row["generates"] and all(row[name] < TOLERANCE for name in DIFFERENCES)
    return rows


def table_of_fixtures(rows):
    yield from [
        "",
        "Exports of the fixtures, and transformers' own class that reads the fixture: the largest difference of a logit, of the "
        "loss and of its",
        "gradient (of the embeddings, and of the parameters that the fixture names), and greedy generation with a dynamic and a "
        "static cache.",
        "",
        "| | logits | loss | gradients | generated |",
        "|---|---:|---:|---:|---|",
    ]
    for row in rows:
        if "error" in row:
            yield f"| {row['what']} | {row['error']} | | | |"
            continue
        differences = " | ".join(f"{row[name]:.1e}" for name in DIFFERENCES)
        yield f"| {row['what']} | {differences} | {GENERATED[row['generates']]} |"


def checks_of(root):
    """What was done with each export, by title."""
    titles = {
        "used": "Used as transformers' own models",
        "accumulated": "One step of `Trainer` as 8 x 1, 2 x 4 and 1 x 8, losses and gradients within 1e-5: rows of equal and of "
                       "unequal length, and "
        "these with gradient checkpointing",
        "texts": "Read with `AutoTokenizer`: ids and text as expected, a batch padded on the left, no id without a row",
    }
    return {title: json.loads((root / f"{name}.json").read_text()) for name, title in titles.items()}


def table_of(title, found):
    names = list(dict.fromkeys(name for row in found for name in row["checks"]))
    words = {True: "yes", False: "NO", None: ""}
    yield from ["", f"{title}.", "", f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for row in found:
        yield f"| {row['what']} | {' | '.join(words[row['checks'].get(name)] for name in names)} |"


def main():
    root = pathlib.Path(sys.argv[1])
    rows = [
        *read_by_bam(root / "saved", "saved by transformers"),
        *json.loads((root / "loaded.json").read_text()),
        *read_by_bam(root / "resaved", "exported by Bam, saved again by transformers"),
        *json.loads((root / "copies.json").read_text()),
        *json.loads((root / "forms.json").read_text()),
    ]
    for row in rows:
        row["passed"] = row.get("difference", 0) < TOLERANCE and row.get("generates", True)
    fixtures, checks = fixtures_of(root), checks_of(root)
    versions = dict(transformers=transformers.__version__, torch=torch.__version__)
    passed = all(row["passed"] for row in rows + fixtures) and all(
        all(row["checks"].values()) for found in checks.values() for row in found
    )
    result = dict(versions=versions, passed=passed, rows=rows, fixtures=fixtures, checks=checks)
    (root / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    lines = [
        "# Bam and transformers",
        "",
        f"transformers {versions['transformers']}, PyTorch {versions['torch']}, float32 on the CPU. Difference: the largest of "
        f"any logit. Generated: greedily,",
        "with a cache, equal to without, and to a padded prompt's; of trained models Bam's tokens equal to transformers'. With "
        "dynamic scaling,",
        "which generates otherwise without a cache, equal to token by token. Mixtures of copies of a model are compared with "
        "that model.",
        "",
        "| | difference | generated |",
        "|---|---:|---|",
    ]
    for row in rows:
        difference = f"{row['difference']:.1e}" if "difference" in row else ""
        lines.append(f"| {row['what']} | {difference} | {GENERATED[row.get('generates')]} |")
    lines += table_of_fixtures(fixtures)
    for title, found in checks.items():
        lines += table_of(title, found)
    lines += ["", f"All within {TOLERANCE:g}, alike and as expected: {'yes' if passed else 'no'}."]
    (root / "result.md").write_text("\n".join(lines) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
