"""Compares the harness's figures and items with those of bam eval tasks, and writes result.json and result.md. The exit status is
1 when something differs."""

import collections
import json
import pathlib
import re
import sys
import textwrap

import torch
import transformers

TOLERANCE = 1e-4  # of a log-likelihood
WAYS = {"served": "asks `bam serve`", "exported": "loads the export"}
MODELS = ["dense", "mixture", "demo-seed", "demo-btx", "demo-bam"]
EXPECTED = {"piqa": 40, "gsm8k": 16, "mmlu": 40, "nq_open": 40}  # items

root = pathlib.Path(sys.argv[1])


def lines_of(file):
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


def bams_folder(task, model):
    return root / ("bam-few-shot" if task == "mmlu" else "bam") / model


def bams_items(task, model):
    """By subset and index."""
    (file,) = bams_folder(task, model).glob(f"*/{task}.jsonl")
    return {(item["subset"], item["index"]): item for item in lines_of(file)}


def bams_figures(task, model):
    results = json.loads((bams_folder(task, model) / "results.json").read_text())
    (found,) = [each for each in results["models"][0]["tasks"] if each["task"] == task]
    return {figure["metric"]: (figure["value"], figure["standard_error"]) for figure in found["figures"]}


def harness_figures(task, results):
    """By metric, with the name of its filter unless that is none."""
    found = results["results"].get(f"check_{task}") or results["groups"][f"check_{task}"]
    figures = {}
    for name, value in found.items():
        metric, _, filtered = name.partition(",")
        if filtered and not metric.endswith("_stderr"):
            key = metric if filtered == "none" else name
            figures[key] = (value, found[f"{metric}_stderr,{filtered}"])
    return figures


def harness_items(task, folder):
    """(subset, item) of each filter."""
    for file in sorted(folder.glob(f"samples_check_{task}_*.jsonl")):
        subset = re.fullmatch(rf"samples_check_{task}_(?:(\w*[a-z])_)?\d{{4}}-.*", file.stem)[1] or ""
        for item in lines_of(file):
            yield subset, item


def compare_item(theirs, ours):
    """What differs, and the largest difference of a log-likelihood; None where there is none."""
    differs = set()
    largest = None
    requests = [theirs["arguments"][f"gen_args_{i}"] for i in range(len(theirs["arguments"]))]
    prompts = ours["prompts"] if len(ours["prompts"]) > 1 else ours["prompts"] * len(requests)
    if [request["arg_0"] for request in requests] != prompts:
        differs.add("prompt")
    if "choices" in ours:
        answers = theirs["filtered_resps"]
        if len({len(answers), len(requests), len(ours["choices"])}) > 1:
            differs.add("number of choices")
        if [request["arg_1"] for request in requests] != [choice["text"] for choice in ours["choices"]]:
            differs.add("choice")
        if [str(answer[1]) == "True" for answer in answers] != [choice["is_greedy"] for choice in ours["choices"]]:
            differs.add("whether a choice is greedy")
        largest = max(abs(float(answer[0]) - choice["log_likelihood"]) for answer, choice in zip(answers, ours["choices"]))
        if not largest < TOLERANCE:
            differs.add("log-likelihood")
    elif theirs["resps"][0][0] != ours["generated"]:
        differs.add("answer")
    for metric in theirs["metrics"]:
        key = metric if theirs["filter"] == "none" else f"{metric},{theirs['filter']}"
        if theirs[metric] != ours["scores"][key]:
            differs.add(f"score {key}")
    return differs, largest


def compare(task, model, way):
    (folder,) = (root / "out" / f"{way}-{model}").iterdir()
    (results,) = folder.glob("results_*.json")
    ours, theirs = bams_figures(task, model), harness_figures(task, json.loads(results.read_text()))
    differs = collections.Counter()
    if ours.keys() != theirs.keys():
        differs["set of metrics"] += 1
    for metric in ours.keys() & theirs.keys():
        differs["figure"] += ours[metric][0] != theirs[metric][0]
        differs["standard error"] += abs(ours[metric][1] - theirs[metric][1]) > 1e-12
    items = bams_items(task, model)
    seen = set()
    largest = None
    for subset, item in harness_items(task, folder):
        key = (subset, item["doc_id"])
        seen.add(key)
        found, difference = compare_item(item, items[key])
        differs.update(found)
        largest = difference if largest is None else max(largest, difference)
    if seen != items.keys() or len(seen) != EXPECTED[task]:
        differs["set of items"] += 1
    return dict(
        model=model, way=way, task=task, items=len(seen), bam=ours, harness=theirs, difference=largest,
        differs={what: count for what, count in differs.items() if count})


def percent(figure):
    return f"{100 * figure[0]:.2f} ± {100 * figure[1]:.2f}"


def table_of(rows):
    yield "| | task | items | metric | `bam eval tasks` | harness | log-likelihoods | differs |"
    yield "|---|---|---:|---|---:|---:|---:|---|"
    for row in rows:
        for metric, figure in row["bam"].items():
            theirs = percent(row["harness"][metric]) if metric in row["harness"] else "-"
            difference = "" if row["difference"] is None else f"{row['difference']:.1e}"
            differs = ", ".join(f"{what} ({count})" for what, count in row["differs"].items()) or "nothing"
            name = f"{row['model']}, the harness {WAYS[row['way']]}"
            cells = [name, row["task"], row["items"], metric, percent(figure), theirs, difference, differs]
            yield f"| {' | '.join(map(str, cells))} |"


version = next(root.glob("lm_eval-*.dist-info")).name.removeprefix("lm_eval-").removesuffix(".dist-info")
rows = [compare(task, model, way) for model in MODELS for way in WAYS for task in EXPECTED]
# The client shortens longer prompts, otherwise than the model hf: nothing may be compared that was shortened.
shortened = [file.name for file in root.glob("*-*.log") if "truncat" in file.read_text().lower()]
passed = not shortened and not any(row["differs"] for row in rows)
head = f"""\
lm-evaluation-harness {version}, transformers {transformers.__version__}, PyTorch {torch.__version__}, float32 on the CPU. The
models `dense` and `mixture` are tiny and were trained for a minute, partly on the very items of gsm8k and nq_open: their figures,
percent ± standard error, say nothing about Bam's models. The demo's models (0.9 to 2.9 M parameters, five minutes of training)
are at chance: 50 % for piqa, 25 % for mmlu, 0 % for the others. mmlu has 5 examples.

Asks `bam serve`: the harness's client `local-completions` with the server's tokenizer, token ids, and 8 requests at once.
Loads the export: its model `hf`, with the export in transformers' form, and log-probabilities summed in float64, since its
sums in float32 are off by up to 1.2e-4. Figures, prompts, choices, generated answers, greedy choices and scores of each
item must be equal, log-likelihoods within {TOLERANCE:.0e}; the table has their largest difference."""
text = "\n\n".join(textwrap.fill(paragraph, 120, break_on_hyphens=False) for paragraph in head.split("\n\n"))
verdict = "Equal." if passed else f"DIFFERENT. Logs that name truncated prompts: {', '.join(sorted(shortened)) or 'none'}."
result = ["# Bam and lm-evaluation-harness", "", text, "", *table_of(rows), "", verdict]
(root / "result.md").write_text("\n".join(result) + "\n", "utf-8")
found = dict(harness=version, passed=passed, shortened=shortened, rows=rows)
(root / "result.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
sys.exit(0 if passed else 1)
