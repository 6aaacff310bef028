#!/usr/bin/python3
"""Alternates Bam, PyTorch and TorchSharp for some rounds and writes what each reached to bench/results/. Started by today.sh."""
import argparse
import datetime
import json
import os
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import host  # noqa: E402
import rounds  # noqa: E402

OPENBLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"

MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str((1 << 31) - 1), "MALLOC_ARENA_MAX": "1"}


def inside(arguments, program, variables):
    return ["chroot", arguments.testing, "env", *(f"{name}={value}" for name, value in variables.items()), *program]


def torchsharp(arguments, form, *options, **variables):
    program = [arguments.dotnet, "exec", arguments.folder / "bin/TorchSharp.Bench.dll"]
    return inside(arguments, [*program, form, *options], variables)


def pytorch(arguments, form, *options, **variables):
    program = ["/usr/bin/python3", arguments.folder / "pytorch/peer.py"]
    return inside(arguments, [*program, form, *options], {"LD_LIBRARY_PATH": OPENBLAS, **variables})


def markdown(result):
    machine, environment = result["machine"], result["environment"]
    lines = [
        f"# Bam, PyTorch and TorchSharp of today, {result['date'][:10]}, {machine['cpu']}", "",
        f"BAM, d 256, 4 layers, 4 experts, 8 × 256 tokens, vocabulary 4096: forward, backward, clipping, AdamW. "
        f"{machine['threads']} threads, PyTorch {result['pytorch']} (fused attention, OpenBLAS), "
        f"TorchSharp {environment['torch_sharp']} with libtorch {environment['torch']} (MKL), "
        f"Bam with libtorch {machine['bam_torch']} ({machine['bam_blas']}). {result['rounds_run']} alternating rounds of "
        f"{result['steps']} steps after {result['warm_up']} of warm-up, commit {result['commit']}.", "",
        "| | tokens/s, median | min | max | Bam to it |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in result["summary"].items():
        lines.append(f"| {name} | {row['median']:,.0f} | {row['min']:,.0f} | {row['max']:,.0f} | {row['bam_to_it']:.2f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="today.sh", description="Bam, PyTorch and TorchSharp in alternating rounds.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="measured steps of each participant in each round")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path, default=rounds.ROOT / "bench/results")
    for name in ("--testing", "--dotnet", "--folder", "--preload"):  # today.sh gives these
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    clean = rounds.clean_environment()
    for form in ("loop", "tuned"):
        checked = rounds.run(torchsharp(arguments, form, "--check", arguments.folder / "fixture"), clean)
        print(f"TorchSharp, {form}: the fixture's logits, losses and gradients hold: {checked['holds']}", file=sys.stderr)
    for form in rounds.FORMS:
        rounds.run(pytorch(arguments, form, "--check", arguments.folder / "fixture"), clean)
    steps = ["--steps", arguments.steps, "--warm-up", arguments.warm_up, "--threads", arguments.threads]
    tuned = {"OMP_NUM_THREADS": arguments.threads, **MALLOC}
    participants = {
        **{f"PyTorch, {form}, tuned": pytorch(arguments, form, *steps, **tuned) for form in rounds.FORMS},
        "TorchSharp, as a user writes it": torchsharp(arguments, "loop", *steps),
        "TorchSharp, tuned": torchsharp(arguments, "tuned", *steps, **tuned),
    }
    if arguments.preload:
        preloaded = {**tuned, "LD_PRELOAD": arguments.preload}
        participants["TorchSharp, tuned, MKL with AVX2"] = torchsharp(arguments, "tuned", *steps, **preloaded)
    participants["bam"] = [*rounds.build_bam(), *steps]

    names = list(participants)
    results = {name: [] for name in names}
    for index in range(arguments.rounds):
        for name in names[index % len(names):] + names[:index % len(names)]:
            result = rounds.run(participants[name], clean)
            results[name].append(result)
            print(f"round {index + 1}, {name}: {result['tokens_per_second']:,.0f} tokens/s", file=sys.stderr)

    sizes = {name: (result[0]["parameters"], result[0]["flops_per_token"]) for name, result in results.items()}
    if len(set(sizes.values())) > 1:
        sys.exit(f"bench: the participants did not do the same work: {sizes}")
    medians = {name: statistics.median(one["tokens_per_second"] for one in result) for name, result in results.items()}
    summary = {}
    for name, result in results.items():
        speeds = [one["tokens_per_second"] for one in result]
        summary[name] = dict(median=medians[name], min=min(speeds), max=max(speeds), bam_to_it=medians["bam"] / medians[name])
    processor = host.cpu()
    bam = results["bam"][0]["environment"]
    now = datetime.datetime.now(datetime.timezone.utc)
    result = dict(
        date=now.isoformat(timespec="seconds"), commit=host.commit(),
        machine=dict(cpu=processor["name"], family=processor["family"], model=processor["model"], cores=os.cpu_count(),
                     threads=arguments.threads, kernel=os.uname().release, bam_torch=bam["version"],
                     bam_blas=" ".join(bam["blas"].split()[:2])),
        pytorch=results["PyTorch, stacked, tuned"][0]["environment"]["torch"],
        environment=results["TorchSharp, tuned"][0]["environment"],
        rounds_run=arguments.rounds, steps=arguments.steps, warm_up=arguments.warm_up, summary=summary, rounds=results)
    arguments.output.mkdir(parents=True, exist_ok=True)
    base = arguments.output / f"train-today-{now:%Y-%m-%d}-{host.slug(processor, f'{arguments.threads} threads')}"
    # Paths as the clone sees them: where it lies says nothing about the measurement.
    Path(f"{base}.json").write_text(json.dumps(result, indent=2).replace(f"{rounds.ROOT}/", "") + "\n")
    Path(f"{base}.md").write_text(markdown(result))
    print(markdown(result), end="")


if __name__ == "__main__":
    main()
