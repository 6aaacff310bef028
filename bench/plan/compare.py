#!/usr/bin/python3
"""Trains a BAM in several layouts on this machine and compares each step time with the prediction of 'bam cost --plan'."""
import argparse
import datetime
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BAM = str(ROOT / "bam")
VOCABULARY = 4096
DATA, EXPERTS = "data", "experts"


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layouts", default="data=1 data=2 experts=2 data=4 data=2,experts=2 experts=4",
        help="separated by spaces")
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--sequential", action="store_true", help="sequential blocks")
    parser.add_argument("--batch-size", type=int, default=8, help="sequences of a step on all ranks")
    parser.add_argument("--sequence-length", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warm-up", type=int, default=5, help="steps that do not count")
    parser.add_argument("--shard-optimizer", action="store_true")
    parser.add_argument("--activation-checkpointing", action="store_true")
    parser.add_argument("--bytes", type=int, default=2 << 20, help="size of the all-reduce that measures the bandwidth")
    parser.add_argument("--no-build", action="store_true", help="use the last build of the program that measures all-reduces")
    parser.add_argument("--tolerance", type=float, default=0.15, help="the largest relative error that passes")
    return parser.parse_args()


def ranks_of(layout):
    """{"data": D, "experts": E} of "data=D,experts=E"."""
    sizes = dict(part.split("=") for part in layout.split(","))
    return {DATA: int(sizes.get(DATA, 1)), EXPERTS: int(sizes.get(EXPERTS, 1))}


def model_config(chosen):
    return {
        "model_type": "bam", "vocab_size": VOCABULARY, "hidden_size": chosen.hidden_size,
        "intermediate_size": 2 * chosen.hidden_size,
        "num_hidden_layers": 4, "num_attention_heads": chosen.hidden_size // 64, "num_key_value_heads": chosen.hidden_size // 64,
        "head_dim": 64, "max_position_embeddings": chosen.sequence_length, "parallel_block": not chosen.sequential,
        "num_attention_experts": 4, "num_local_experts": 4, "tie_word_embeddings": True,
    }


def build_data(folder):
    """The documentation's text as a domain."""
    text = [str(path) for path in sorted((ROOT / "docs").rglob("*.md"))]
    for number, path in enumerate(text):
        (folder / f"{number}.txt").write_text(Path(path).read_text())
    pattern = str(folder / "*.txt")
    run(BAM, "tokenizer", "train", pattern, "--vocab-size", str(VOCABULARY), "--output", str(folder / "tokenizer.json"))
    run(BAM, "data", "build", "--input", pattern, "--tokenizer", str(folder / "tokenizer.json"), "--output",
        str(folder / "tokens"))


def run(*command):
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} ended with status {finished.returncode}:\n{finished.stderr[-2000:]}")
    return finished.stdout


def write_config(folder, name, chosen, batch_size, ranks):
    """A training of the model; without 'ranks' of one process."""
    config = {
        "config": model_config(chosen), "init_seed": 1, "tokenizer": str(folder / "tokenizer.json"), "output": str(folder / name),
        "data": [{"domain": "docs", "path": str(folder / "tokens")}],
        "sequence_length": chosen.sequence_length, "batch_size": batch_size, "steps": chosen.steps, "learning_rate": 1e-3,
        "log_every": 1, "checkpoint_every": 0, "threads": 1,
        "activation_checkpointing": chosen.activation_checkpointing,
    }
    if ranks is not None:
        config |= {"parallel": ranks, "shard_optimizer": chosen.shard_optimizer}
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    return str(path)


def seconds_of(folder, name, chosen):
    """The median step, from the metrics of a finished run."""
    lines = [json.loads(line) for line in (folder / name / "metrics.jsonl").read_text().splitlines()]
    rates = [line["tokens_per_second"] for line in lines if line.get("step", 0) > chosen.warm_up and "tokens_per_second" in line]
    return rates and statistics.median(1 / rate for rate in rates)


def links_program(is_built):
    """The program that measures all-reduces."""
    output = ROOT / "artifacts/bench/plan"
    if not is_built:
        run("dotnet", "publish", str(HERE / "Bam.Bench.Plan.csproj"), "--configuration", "Release", "--output", str(output),
            "--nologo", "--verbosity", "quiet", "-nodeReuse:false", "-p:RunAnalyzers=false")
    return ["dotnet", "exec", str(output / "Bam.Bench.Plan.dll")]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_ranks(command, processes):
    """The outputs of the ranks of one group of processes, started by torchrun's variables."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "SLURM_", "TORCHELASTIC_"))}
    place = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return run_together(
        [command] * processes, [{**clean, **place, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)])


def run_together(commands, environments):
    """The outputs of commands that run at the same time."""
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for command, environment in zip(commands, environments)]
    ends = [process.communicate() for process in running]
    for process, (_, error) in zip(running, ends):
        if process.returncode != 0:
            sys.exit(f"bench: {' '.join(process.args)} ended with status {process.returncode}:\n{error[-2000:]}")
    return [output for output, _ in ends]


def links(program, processes, group, size):
    """(bytes/s, seconds of a hop) of groups of processes which all communicate at the same time; medians of the ranks."""
    if group == 1:
        return 1e9, 0  # nothing is sent
    found = [json.loads(output) for output in run_ranks([*program, str(group), str(size)], processes)]
    return tuple(statistics.median(line[name] for line in found) for name in ("bandwidth", "latency"))


def rate_beside_others(folder, chosen, processes, flops):
    """FLOP/s of one process of one thread while as many as there are ranks compute, each on its own."""
    names = [f"alone-{processes}-{number}" for number in range(processes)]
    batch_size = max(1, chosen.batch_size // processes)
    commands = [[BAM, "train", write_config(folder, name, chosen, batch_size, None)] for name in names]
    run_together(commands, [None] * processes)
    return flops / statistics.median(seconds_of(folder, name, chosen) for name in names)


def main():
    chosen = options()
    layouts = chosen.layouts.split()
    program = links_program(chosen.no_build)
    with tempfile.TemporaryDirectory(prefix="bam-plan-") as temporary:
        folder = Path(temporary)
        build_data(folder)
        sizes = folder / "config.json"
        sizes.write_text(json.dumps(model_config(chosen)))
        common = ["cost", str(sizes), "--json", "--sequence-length", str(chosen.sequence_length), "--batch-size",
            str(chosen.batch_size)]
        if chosen.activation_checkpointing:
            common.append("--activation-checkpointing")
        model = json.loads(run(BAM, *common))["models"][0]
        # The rate counts repeated products as work, as the prediction does.
        flops = model["training_flops"] * repeated_part(common, model)
        rates, networks, rows = {}, {}, []
        for number, layout in enumerate(layouts):
            ranks = ranks_of(layout)
            processes = ranks[DATA] * ranks[EXPERTS]
            if processes not in rates:
                rates[processes] = rate_beside_others(folder, chosen, processes, flops)
            network = processes, max(ranks.values())
            if network not in networks:
                networks[network] = links(program, *network, chosen.bytes)
            bandwidth, latency = networks[network]
            plan = json.loads(run(
                BAM, *common, "--plan", "--peak", f"{rates[processes]:.6g}", "--fraction", "1", "--devices", str(processes),
                "--layout", layout, "--bandwidth", f"{bandwidth:.6g}", "--latency", f"{latency:.6g}",
                "--global-batch-size", str(chosen.batch_size), *(["--shard-optimizer"] if chosen.shard_optimizer else [])))
            estimate = plan["layouts"][0]["layouts"][0]
            name = f"layout-{number}"
            config = write_config(folder, name, chosen, chosen.batch_size, ranks if processes > 1 else None)
            run_ranks([BAM, "train", config], processes)
            measured = seconds_of(folder, name, chosen) * chosen.batch_size * chosen.sequence_length
            predicted = estimate["time"]["total"]
            rows.append({"layout": layout, "rate": rates[processes], "bandwidth": bandwidth, "latency": latency,
                         "predicted": predicted, "parts": estimate["time"], "measured": measured,
                         "error": predicted / measured - 1})
    return report(chosen, rows)


def repeated_part(common, model):
    """The products of a step with activation checkpointing, over those without: read from the plan of one device."""
    plan = json.loads(run(BAM, *common, "--plan", "--peak", "1T", "--fraction", "1", "--bandwidth", "1G"))
    estimate = plan["layouts"][0]["layouts"][0]
    tokens = plan["global_batch_size"] * plan["sequence_length"]
    return estimate["time"]["compute"] * 1e12 / (tokens * model["training_flops"])


def processor():
    with open("/proc/cpuinfo") as file:
        lines = dict(re.split(r"\s*:\s*", line.rstrip(), maxsplit=1) for line in file if ":" in line)
    return f"{lines['model name']} family {lines['cpu family']} model {lines['model']}"


def report(chosen, rows):
    cores = len(os.sched_getaffinity(0))
    now = datetime.date.today().isoformat()
    lines = [f"# Predicted and measured steps, {now}", "",
             f"{processor()}, {cores} cores; one thread a process; d {chosen.hidden_size}, "
             f"{'sequential' if chosen.sequential else 'parallel'} blocks, {chosen.batch_size} × "
             f"{chosen.sequence_length} tokens; median of {chosen.steps - chosen.warm_up} steps.", "",
             "| layout | GFLOP/s a process | MB/s | µs a hop | predicted ms | measured ms | error |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        alone = row["latency"] == 0
        lines.append(
            f"| {row['layout']} | {row['rate'] / 1e9:.1f} | {'' if alone else format(row['bandwidth'] / 1e6, '.0f')} "
            f"| {'' if alone else format(row['latency'] * 1e6, '.0f')} | {1e3 * row['predicted']:.0f} "
            f"| {1e3 * row['measured']:.0f} | {100 * row['error']:+.0f} % |")
    print("\n".join(lines))
    results = ROOT / "bench/results"
    kind = "-sequential" if chosen.sequential else ""
    stem = f"plan-{now}-{re.sub('[^a-z0-9]+', '-', processor().lower())}-{cores}-cores-d{chosen.hidden_size}{kind}"
    (results / f"{stem}.md").write_text("\n".join(lines) + "\n")
    (results / f"{stem}.json").write_text(json.dumps({"options": vars(chosen), "layouts": rows}, indent=1) + "\n")
    return 0 if all(abs(row["error"]) <= chosen.tolerance for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
