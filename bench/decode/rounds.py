#!/usr/bin/python3
"""Alternates Bam and llama.cpp, then BTX and BAM, for some rounds; writes what each reached as JSON and Markdown."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROMPT, NEW, RUNS = 256, 64, 3
DTYPES = ("float32", "bfloat16")
MIXTURES = ("btx", "bam", "bam-shared-kv")


def output_of(command, environment):
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def cost_of(command, environment, computing, unit=1.0):
    """
    The seconds of a command from its start to its end, those without prefill and decoding, which a pattern finds in its messages
    in a unit, and its most memory in bytes.
    """
    begin = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    messages = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with status {process.returncode}\n{messages}")
    seconds = time.monotonic() - begin
    prefill, decode = (float(time) * unit for time in re.findall(computing, messages))
    return dict(two_tokens_seconds=seconds, loading_seconds=seconds - prefill - decode, peak_bytes=usage.ru_maxrss * 1024)


class Bam:
    def __init__(self, options, dtype):
        self.command, self.model = options.bam, options.work / "mixtral"
        self.dtype = ("--weights-dtype", dtype)

    def measure(self, environment):
        latency = latencies(self.command, [self.model], NEW + 1, environment, *self.dtype)[0]
        generated = (self.command, "generate", self.model, "--prompt", "Once", "--max-tokens", "2", "--temperature", "0")
        return dict(prefill=PROMPT / latency["prefill"]["median"], decode=NEW / latency["decode"]["median"],
            **cost_of((*generated, *self.dtype), environment, r"(?:prefill|decode) ([\d.]+) s"))


class LlamaCpp:
    def __init__(self, options, dtype):
        self.inside = ("chroot", options.testing)
        self.model = "/" + str(next((options.work / f"gguf-{dtype}").glob("*.gguf")).relative_to(options.testing))

    def measure(self, environment):
        bench = (*self.inside, "llama-bench", "-m", self.model, "-t", "2", "-r", str(RUNS), "-o", "json")
        prefill = json.loads(output_of((*bench, "-p", str(PROMPT), "-n", "0"), environment))
        decode = json.loads(output_of((*bench, "-p", "0", "-n", str(NEW), "-d", str(PROMPT)), environment))
        generated = (*self.inside, "llama-completion", "-m", self.model, "-t", "2", "-p", "Once", "-n", "2", "-no-cnv", "--temp",
            "0", "-c", "512")
        return dict(prefill=rate(prefill), decode=rate(decode),
            **cost_of(generated, environment, r" eval time = +([\d.]+) ms", unit=1e-3))


def rate(result):
    return statistics.median(result[0]["samples_ts"])


def latencies(bam, models, new_tokens, environment, *others):
    command = (bam, "eval", "latency", *models, "--prompt-tokens", str(PROMPT), "--new-tokens", str(new_tokens), "--runs",
        str(RUNS), "--device", "cpu", "--json", *others)
    return [model["latency"] for model in json.loads(output_of(command, environment))["models"]]


def to_btx(times, btx):
    return dict(seconds_per_token=statistics.median(times),
        to_btx=statistics.median(own / other for own, other in zip(times, btx)))


def medians(rows):
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def page(result):
    summary, mixtures = result["summary"], result["mixtures"]
    yield "# Decoding\n"
    yield (f"`bench/decode/run.sh {result['rounds']}`: alternating rounds, medians; 2 threads of {result['processor']}; "
        f"{result['peer']}. A Mixtral-shaped model of 363 M parameters.\n")
    yield (f"| program, weights | prefill of {PROMPT}, tokens/s | decode, tokens/s | start and loading | start and two tokens | "
        "peak memory |")
    yield "|---|--:|--:|--:|--:|--:|"
    for name, row in summary.items():
        yield (f"| {name} | {row['prefill']:.0f} | {row['decode']:.1f} | {row['loading_seconds']:.2f} s | "
            f"{row['two_tokens_seconds']:.2f} s | {row['peak_bytes'] / 1e9:.2f} GB |")
    yield "\n| mixture of the paper's small size | decode, ms a token | to BTX |"
    yield "|---|--:|--:|"
    for name, row in mixtures.items():
        yield f"| {name} | {1000 * row['seconds_per_token']:.1f} | {row['to_btx']:.2f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bam", type=Path, required=True)
    parser.add_argument("--testing", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--without-mixtures", action="store_true", help="only beside llama.cpp")
    options = parser.parse_args()
    options.testing = options.testing.resolve()
    options.work = options.testing / "tmp/bam-decode"
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    kinds = (("bam", Bam), ("llama.cpp", LlamaCpp))
    programs = {f"{name}, {dtype}": kind(options, dtype) for dtype in DTYPES for name, kind in kinds}
    rows, mixtures = {name: [] for name in programs}, {name: [] for name in MIXTURES}
    for number in range(options.rounds):
        print(f"bench: round {number + 1} of {options.rounds}", file=sys.stderr)
        for name, program in list(programs.items())[:: 1 if number % 2 == 0 else -1]:
            rows[name].append(program.measure(environment))
            print(f"bench: {name} {rows[name][-1]}", file=sys.stderr)
        if options.without_mixtures:
            continue
        configs = [options.work / name / "config.json" for name in MIXTURES]
        for name, latency in zip(MIXTURES, latencies(options.bam, configs, 17, environment)):
            mixtures[name].append(latency["decode"]["median"] / (latency["new_tokens"] - 1))
        print(f"bench: {[f'{name} {times[-1]:.4f}' for name, times in mixtures.items()]}", file=sys.stderr)

    version = output_of(("chroot", options.testing, "dpkg-query", "-W", "-f", "${Version}", "llama.cpp"), environment)
    with open("/proc/cpuinfo") as file:
        processor = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    result = dict(processor=processor, peer=f"llama.cpp {version}", rounds=options.rounds,
        file_bytes=(options.work / "mixtral/model.safetensors").stat().st_size,
        summary={name: medians(measured) for name, measured in rows.items()},
        mixtures={name: to_btx(times, mixtures["btx"]) for name, times in mixtures.items() if times},
        all=dict(programs=rows, mixtures=mixtures))
    options.output.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
    text = "\n".join(page(result)) + "\n"
    options.output.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
