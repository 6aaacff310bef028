#!/usr/bin/python3
"""Alternates one process and ranks that share the experts, and writes tokens/s and memory of both to bench/results/."""
import argparse
import datetime
import json
import os
import re
import socket
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
THROUGHPUT_GOAL = 0.8
MEMORY_GOAL = 0.62


def build():
    output = ROOT / "artifacts/bench/expert-parallel"
    subprocess.run(
        ["dotnet", "publish", HERE / "Bam.Bench.ExpertParallel.csproj", "--configuration", "Release", "--output", output,
         "--nologo", "--verbosity", "quiet", "-nodeReuse:false", "-p:RunAnalyzers=false"],
        check=True, stdout=sys.stderr)
    return ["dotnet", "exec", str(output / "Bam.Bench.ExpertParallel.dll")]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(command, ranks, threads):
    """The JSON lines of all ranks, in their order."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "SLURM_", "TORCHELASTIC_"))}
    place = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())} if ranks > 1 else {}
    started = []
    for rank in range(ranks):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), **place} if ranks > 1 else {}
        started.append(subprocess.Popen([*command, "--threads", str(threads)], env={**clean, **own}, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True))
    lines = []
    for rank, process in enumerate(started):
        output, error = process.communicate()
        if process.returncode:
            sys.exit(f"bench: rank {rank} of {ranks} ended with status {process.returncode}\n{output}{error}")
        lines.append(json.loads(output.splitlines()[-1]))
    return lines


def processor():
    with open("/proc/cpuinfo") as file:
        lines = dict(re.split(r"\s*:\s*", line.rstrip(), maxsplit=1) for line in file if ":" in line)
    return f"{lines['model name']} family {lines['cpu family']} model {lines['model']}"


def summarize(rounds):
    alone = [results[0] for results in rounds["one process"]]
    ranks = rounds["ranks"]
    speed = statistics.median(lines[0]["tokens_per_second"] for lines in ranks)
    return dict(
        tokens_per_second=dict(one_process=statistics.median(line["tokens_per_second"] for line in alone), ranks=speed),
        throughput=statistics.median(
            lines[0]["tokens_per_second"] / line["tokens_per_second"] for lines, line in zip(ranks, alone)),
        arena=max(line["arena_bytes"] for line in ranks[0]) / alone[0]["arena_bytes"],
        peak_memory=statistics.median(
            max(line["peak_resident_bytes"] for line in lines) / line["peak_resident_bytes"]
            for lines, line in zip(ranks, alone)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2, help="of the one process; the ranks share them")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["d256", "d512", "parameters"])
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results")
    arguments = parser.parse_args()

    program = build()
    summaries, raw = {}, {}
    for size in arguments.sizes:
        command = [*program, "--size", size, "--steps", str(arguments.steps), "--warm-up", str(arguments.warm_up)]
        threads_of_rank = max(1, arguments.threads // arguments.ranks)
        participants = {"one process": (1, arguments.threads), "ranks": (arguments.ranks, threads_of_rank)}
        rounds = {name: [] for name in participants}
        for number in range(arguments.rounds):
            names = list(participants) if number % 2 == 0 else list(participants)[::-1]
            for name in names:
                rounds[name].append(run(command, *participants[name]))
                speed = rounds[name][-1][0]["tokens_per_second"]
                print(f"{size}, round {number + 1}, {name}: {speed:,.0f} tokens/s", file=sys.stderr)
        summaries[size], raw[size] = summarize(rounds), rounds

    date = datetime.date.today().isoformat()
    describe = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(describe, capture_output=True, text=True)
    name = re.sub(r"[^a-z0-9]+", "-", processor().lower()).strip("-")
    stem = arguments.output / f"expert-parallel-{date}-{name}-{arguments.ranks}-ranks"
    result = dict(
        date=date, commit=commit.stdout.strip(), processor=processor(),
        options={name: str(value) for name, value in vars(arguments).items() if name != "output"}, summary=summaries, rounds=raw)
    stem.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    text = [f"# Expert parallelism, {date}, {processor()}", "",
            f"BAM with 4 experts, {arguments.ranks} ranks that share them beside one process of {arguments.threads} threads; "
            f"{arguments.rounds} alternating rounds of {arguments.steps} steps, commit {result['commit']}. Ratios are the ranks' "
            "to the one process's, medians of the rounds; memory is the largest rank's. Goals: throughput at least "
            f"{THROUGHPUT_GOAL} (d256, d512), memory at most {MEMORY_GOAL} (parameters).", "",
            "| model | tokens/s, one process | tokens/s, ranks | throughput | arena and moments | peak resident memory |",
            "|---|---:|---:|---:|---:|---:|"]
    for size, row in summaries.items():
        speeds = row["tokens_per_second"]
        text.append(
            f"| {size} | {speeds['one_process']:,.0f} | {speeds['ranks']:,.0f} | {row['throughput']:.2f} | {row['arena']:.3f} "
            f"| {row['peak_memory']:.3f} |")
    stem.with_suffix(".md").write_text("\n".join(text) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
