#!/usr/bin/python3
"""Writes the table of all speed goals into bench/README.md, from the last result of each benchmark and machine."""
import json
import re
from pathlib import Path

BENCH = Path(__file__).resolve().parent
BEGIN, END = "<!-- table.py begins -->", "<!-- table.py ends -->"


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def training(result):
    summary = result["summary"]
    best_peer = max(row["median"] for name, row in summary.items() if name != "bam")
    width = result.get("width", 256)
    is_avx2 = result["machine"].get("without_avx512", False)
    goal = {128: "at least 0.55", 256: "at least 0.65" if is_avx2 else "at least 0.75 (AVX2: 0.65)", 512: "at least 0.75"}[width]
    yield f"training, d {width}: Bam ÷ the best of PyTorch 1.13", "at least 1.35", summary["bam"]["median"] / best_peer
    yield f"training, d {width}: part of the matrix peak", goal, summary["bam"]["fraction_of_peak"]
    if "scoring_to_training" in summary["bam"]:
        yield f"scoring ÷ training, d {width}", "at least 2.8", summary["bam"]["scoring_to_training"]


def today(result):
    summary = result["summary"]
    for peer in ("PyTorch", "TorchSharp"):
        best = max((row["median"] for name, row in summary.items() if name.startswith(peer)), default=None)
        if best:
            yield f"training, d 256: Bam ÷ {peer} of today, tuned", "at least 1.35", summary["bam"]["median"] / best


def data_parallel(result):
    for size, rows in result["summary"].items():
        width = {"small": "d 256", "medium": "d 512"}.get(size, size)
        yield f"two data-parallel ranks ÷ one process, {width}", "at least 0.9", rows["ranks"]["to_one_process"]
        yield f"two data-parallel ranks ÷ DistributedDataParallel, {width}", "at least 1.1", rows["ranks"]["to_best_ddp"]


def expert_parallel(result):
    for size, row in result["summary"].items():
        if size == "parameters":
            yield "memory of a rank with half of the experts ÷ one process", "at most 0.62", row["peak_memory"]
        else:
            yield f"experts on two ranks ÷ one process, {size.replace('d', 'd ')}", "at least 0.8", row["throughput"]


def plan(result):
    largest = max(abs(row["error"]) for row in result["layouts"])
    yield f"planner: the largest error of a step's time, d {result['options']['hidden_size']}", "at most 0.15", largest


def mixing(result):
    for size, methods in result["summary"].items():
        for method, row in methods.items():
            if "ratio" in row:
                yield f"mixing 4 × {size} ({method}): Bam ÷ cp", "at most 1.15", row["ratio"]


def starting(result):
    summary = result["summary"]
    yield "bam --version, ms", "at most 60", summary["bam --version"]["median"]
    yield f"bam inspect of {result['tensors']:,} tensors, ms", "at most 150", summary["bam inspect"]["median"]


def data(result):
    summary = result["summary"]
    yield "tokenizing: Bam ÷ Hugging Face's encode_batch", "at least 1.5", summary["tokenizing_to_peer"]
    yield "near-duplicate search and comparison ÷ tokenizing", "at most 1", summary["both_to_tokenizing"]
    yield "training a tokenizer: Hugging Face ÷ Bam, time", "at least 1", summary["training_to_peer"]
    yield "memory of data build: 1 GB of text ÷ 100 MB", "at most 1.25", summary["memory_to_smallest"]


def serving(rounds):
    def rates(server, clients):
        return [row["figures"]["new_tokens_per_second"] for row in rounds if (row["server"], row["clients"]) == (server, clients)]

    eight, one, peer = rates("bam", 8), rates("bam", 1), rates("llama.cpp", 8)
    yield "serving 8 clients: Bam ÷ llama-server", "at least 1", median([a / b for a, b in zip(eight, peer)])
    yield "serving: 8 clients ÷ 1 client", "at least 2.5", median([a / b for a, b in zip(eight, one)])


def decoding(result):
    summary, mixtures = result["summary"], result["mixtures"]
    full, half, peer = summary["bam, float32"], summary["bam, bfloat16"], summary["llama.cpp, float32"]
    yield "decoding, float32: Bam ÷ llama.cpp", "at least 1", full["decode"] / peer["decode"]
    yield "decoding: bfloat16 ÷ float32 weights", "at least 1.6", half["decode"] / full["decode"]
    yield "prefill of 256, float32: Bam ÷ llama.cpp", "at least 3.5", full["prefill"] / peer["prefill"]
    yield "prefill of 256: bfloat16 ÷ float32 weights", "at least 0.95", half["prefill"] / full["prefill"]
    yield "peak memory of 1.45 GB of float32 weights ÷ their size", "at most 1.05", full["peak_bytes"] / result["file_bytes"]
    if "loading_seconds" in full:
        yield "seconds from the start to the end of loading, 1.45 GB", "at most 0.6", full["loading_seconds"]
    else:
        yield "seconds from the start to the second token, 1.45 GB", "at most 0.6", full["two_tokens_seconds"]
    for name, goal in (("bam", "at most 1.15"), ("bam-shared-kv", "at most 1.08")):
        if name in mixtures:
            yield f"decoding at the paper's small size: {name} ÷ btx", goal, mixtures[name]["to_btx"]


# Add a benchmark here: its results' name, and what gives (measure, goal, figure) of one result.
BENCHMARKS = [
    ("train-throughput", "train-throughput", training),
    ("torchsharp", "train-throughput", today),
    ("train-today", "train-throughput", today),
    ("data-parallel", "data-parallel", data_parallel),
    ("expert-parallel", "expert-parallel", expert_parallel),
    ("plan", "plan", plan),
    ("mix", "mix", mixing),
    ("start-up", "start-up", starting),
    ("data", "data", data),
    ("serve-load", "serve-load", serving),
    ("decode", "decode", decoding),
]


def is_reached(goal, figure):
    bound = float(re.search(r"[\d.]+", goal)[0])
    return round(figure, 2) >= bound if goal.startswith("at least") else round(figure, 2) <= bound


def lines():
    """The table's rows: of each measure and machine the figure of its last result."""
    for name, folder, figures in BENCHMARKS:
        last = {}
        for path in sorted((BENCH / "results").glob(f"{name}-????-??-??-*.json")):
            date, machine = re.fullmatch(rf"{name}-(\d{{4}}-\d\d-\d\d)-(.+)", path.stem).groups()
            for measure, goal, figure in figures(json.loads(path.read_text())):
                last[measure, machine] = (goal, figure, date, path.with_suffix(".md").name)
        for (measure, machine), (goal, figure, date, page) in sorted(last.items()):
            mark = "" if is_reached(goal, figure) else " (missed)"
            yield (f"| [{measure}]({folder}/README.md) | {goal} | [{figure:.2f}](results/{page}){mark} | "
                f"{machine.replace('-', ' ')} | {date} |")


def main():
    page = BENCH / "README.md"
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    table = "\n".join(["| measure | goal | figure | machine | date |", "|---|---|---:|---|---|", *lines()])
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
