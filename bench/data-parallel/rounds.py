#!/usr/bin/python3
"""Alternates one process, data-parallel ranks and PyTorch's DistributedDataParallel, and writes tokens/s to bench/results/."""
import argparse
import datetime
import json
import socket
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent / "train-throughput"), str(HERE.parent)]
import host  # noqa: E402
import rounds as single  # noqa: E402

TO_ONE_PROCESS = 0.9
TO_DDP = 1.1


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(command, environment, ranks):
    """The JSON line of rank 0."""
    if ranks == 1:
        return single.run(command, environment)
    port = str(free_port())
    started = []
    for rank in range(ranks):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks),
                 "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        started.append(subprocess.Popen([str(part) for part in command], env={**environment, **place},
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    ended = [process.communicate() for process in started]
    for rank, (process, (output, error)) in enumerate(zip(started, ended)):
        if process.returncode:
            sys.exit(f"bench: rank {rank} of {ranks} ended with status {process.returncode}\n{output}{error}")
    return json.loads(ended[0][0].splitlines()[-1])


def summarize(rounds):
    """Tokens/s, and the medians of the ratios within a round."""
    speeds = {name: [result["tokens_per_second"] for result in results] for name, results in rounds.items()}
    best = max((name for name in speeds if name.startswith("ddp")), key=lambda name: statistics.median(speeds[name]))

    def ratio(name, other):
        return statistics.median(x / y for x, y in zip(speeds[name], speeds[other]))

    return {name: dict(median=statistics.median(values), min=min(values), max=max(values),
                       to_one_process=ratio(name, "one process"), to_best_ddp=ratio(name, best))
            for name, values in speeds.items()}


def markdown(result):
    options = result["options"]
    lines = [
        f"# Data parallelism, {result['date']}, {result['processor']}", "",
        f"BAM, 4 layers, 4 experts, 8 × 256 tokens a step, vocabulary 4096: forward, backward, clipping, AdamW. One process of "
        f"{options['threads']} threads, or {options['ranks']} ranks that share them, over Gloo. {options['rounds']} "
        f"alternating rounds of {options['steps']} steps after {options['warm_up']} of warm-up; "
        f"ratios are medians over the rounds. PyTorch "
        f"{result['torch']}, commit {result['commit']}.", ""]
    for size, rows in result["summary"].items():
        lines += [f"## {size}", "", "| | tokens/s, median | min | max | to one process | to the best DistributedDataParallel |",
                  "|---|---:|---:|---:|---:|---:|"]
        for name, row in rows.items():
            lines.append(f"| {name} | {row['median']:,.0f} | {row['min']:,.0f} | {row['max']:,.0f} | "
                         f"{row['to_one_process']:.2f} | {row['to_best_ddp']:.2f} |")
        ranks = rows["ranks"]
        reached = {True: "yes", False: "no"}
        lines += ["", f"At least {TO_ONE_PROCESS} times one process: {reached[ranks['to_one_process'] >= TO_ONE_PROCESS]}. "
                      f"At least {TO_DDP} times DistributedDataParallel: {reached[ranks['to_best_ddp'] >= TO_DDP]}.", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2, help="of the one process; the ranks share them")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", choices=["small", "medium"], default=["small", "medium"], help="d 256 and d 512")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results")
    arguments = parser.parse_args()

    processor = host.cpu()
    core, _ = single.missing_core(processor)
    each = max(1, arguments.threads // arguments.ranks)
    clean = {name: value for name, value in single.clean_environment().items()
             if not name.startswith(("SLURM_", "TORCHELASTIC_")) and name not in ("RANK", "LOCAL_RANK", "WORLD_SIZE")}
    tuned = single.tuned(core, each, wait_policy=None)
    program = single.build_bam()
    summaries, raw, torch = {}, {}, None
    for size in arguments.sizes:
        steps = ["--size", size, "--steps", arguments.steps, "--warm-up", arguments.warm_up]
        ddp = ["/usr/bin/python3", HERE / "ddp.py"]
        participants = {
            "one process": ([*program, *steps, "--threads", arguments.threads], clean, 1),
            "ranks": ([*program, *steps, "--threads", each], clean, arguments.ranks),
            "ranks, shard_optimizer": (
                [*program, *steps, "--threads", each, "--shard-optimizer", "true"], clean, arguments.ranks),
            **{f"ddp {form}": ([*ddp, form, *steps, "--threads", each], tuned, arguments.ranks) for form in single.FORMS},
        }
        rounds = {name: [] for name in participants}
        for number in range(arguments.rounds):
            for name in list(participants) if number % 2 == 0 else list(participants)[::-1]:
                rounds[name].append(run(*participants[name]))
                speed = rounds[name][-1]["tokens_per_second"]
                print(f"{size}, round {number + 1}, {name}: {speed:,.0f} tokens/s", file=sys.stderr)
        torch = rounds[f"ddp {single.FORMS[0]}"][0]["environment"]["torch"]
        summaries[size], raw[size] = summarize(rounds), rounds

    result = dict(date=datetime.date.today().isoformat(), processor=processor["name"], commit=host.commit(), torch=torch,
                  options={name: str(value) for name, value in vars(arguments).items() if name != "output"},
                  summary=summaries, rounds=raw)
    machine = host.slug(processor, f"{arguments.threads} threads")
    stem = arguments.output / f"data-parallel-{result['date']}-{machine}-{arguments.ranks}-ranks"
    stem.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    stem.with_suffix(".md").write_text(markdown(result))
    print(markdown(result))


if __name__ == "__main__":
    main()
