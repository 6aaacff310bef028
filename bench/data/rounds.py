#!/usr/bin/python3
"""Measures Bam and Hugging Face's tokenizers in turns and writes the result to bench/results/; started by run.sh."""
import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import host  # noqa: E402

THREADS = 2
VOCABULARY = 32_000
SIZES = (100, 300, 1000)  # megabytes of text; a part of the corpus has 100


def run(*command):
    """Standard output, and what the command took."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=errors)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            sys.exit(f"bench: {' '.join(map(str, command))} ended with status {process.returncode}\n{errors.read().decode()}")
    return output.decode(), dict(seconds=seconds, processor_seconds=usage.ru_utime + usage.ru_stime,
        peak_megabytes=usage.ru_maxrss * 1024 / 1e6)


class Participants:
    def __init__(self, arguments):
        self.bam, self.stages_program = arguments.bam, arguments.stages
        self.corpus, self.work, self.testing = arguments.corpus, arguments.work, arguments.testing

    def parts(self, megabytes, folder):
        return [folder / part.name for part in sorted(self.corpus.glob("part-*.jsonl"))[:megabytes // 100]]

    def peer(self, *arguments):
        output, _ = run("chroot", self.testing, "env", "--chdir=/tmp/bam-data", f"RAYON_NUM_THREADS={THREADS}",
            "TOKENIZERS_PARALLELISM=true", "python3", "peer.py", *arguments)
        return json.loads(output)

    def train(self, megabytes):
        """Both tokenizers, and the time that both took; Bam's includes its start and reading the files."""
        _, bam = run(self.bam, "tokenizer", "train", *self.parts(megabytes, self.corpus), "--vocab-size", VOCABULARY,
            "--output", self.work / "bam.json")
        peer = self.peer("train", VOCABULARY, "peer.json", *self.parts(megabytes, Path("corpus")))
        models = [json.loads((self.work / name).read_text())["model"] for name in ("bam.json", "peer.json")]
        return dict(megabytes=megabytes, bam=bam, peer=peer, same_merges=models[0]["merges"] == models[1]["merges"],
            merges=len(models[0]["merges"]))

    def stages(self, megabytes):
        output, _ = run("env", "DOTNET_gcConcurrent=0", "dotnet", "exec", self.stages_program, self.work / "bam.json", THREADS,
            megabytes, *self.parts(max(megabytes, 100), self.corpus))
        return json.loads(output)

    def tokenize(self, megabytes):
        return self.peer("tokenize", "bam.json", megabytes, *self.parts(max(megabytes, 100), Path("corpus")))

    def build(self, megabytes):
        output = self.work / "shards"
        _, took = run(self.bam, "data", "build", "--input", *self.parts(megabytes, self.corpus), "--tokenizer",
            self.work / "bam.json", "--output", output)
        report = json.loads((output / "report.json").read_text())
        shutil.rmtree(output)
        return dict(took, megabytes=megabytes, report={name: report[name] for name in (
            "documents_read", "near_duplicates", "contaminated")})


def summarize(training, rounds, builds):
    def median(figure):
        return statistics.median(figure(one) for one in rounds)

    return dict(
        tokenizing_megabytes_per_second=median(lambda one: one["bam"]["bytes"] / 1e6 / one["bam"]["tokenizing"]),
        peer_megabytes_per_second=median(lambda one: one["peer"]["bytes"] / 1e6 / one["peer"]["tokenizing"]),
        peer_without_offsets_megabytes_per_second=median(lambda one: one["peer"]["bytes"] / 1e6 / one["peer"]["without_offsets"]),
        tokenizing_to_peer=median(lambda one: one["peer"]["tokenizing"] / one["bam"]["tokenizing"]),
        near_duplicates_to_tokenizing=median(lambda one: one["bam"]["nearDuplicates"] / one["bam"]["tokenizing"]),
        comparing_to_tokenizing=median(lambda one: one["bam"]["comparing"] / one["bam"]["tokenizing"]),
        both_to_tokenizing=median(
            lambda one: (one["bam"]["nearDuplicates"] + one["bam"]["comparing"]) / one["bam"]["tokenizing"]),
        training_to_peer=training["peer"]["training"] / training["bam"]["seconds"],
        memory_to_smallest=builds[-1]["peak_megabytes"] / builds[0]["peak_megabytes"])


def markdown(result):
    machine, summary, training = result["machine"], result["summary"], result["training"]
    first = result["rounds"][0]
    lines = [
        f"# Data, {result['date'][:10]}, {machine['cpu']}", "",
        f"Mixed text of Debian packages; Hugging Face tokenizers {first['peer']['version']}; {machine['cores']} cores, "
        f"{THREADS} threads; commit {result['commit']}; load {result['load']:.1f}.", "",
        f"**Tokenizing**, {first['bam']['bytes'] / 1e6:.0f} MB in memory, {VOCABULARY:,} tokens, {len(result['rounds'])} "
        "alternating rounds, medians:", "",
        "| | MB/s |", "|---|---:|",
        f"| Bam | {summary['tokenizing_megabytes_per_second']:.1f} |",
        f"| `encode_batch` | {summary['peer_megabytes_per_second']:.1f} |",
        f"| `encode_batch_fast` (no offsets) | {summary['peer_without_offsets_megabytes_per_second']:.1f} |", "",
        f"Bam ÷ `encode_batch`: {summary['tokenizing_to_peer']:.1f}. The ids are the same.", "",
        f"**Near-duplicate search and held-out comparison** on the same text, as parts of the time of tokenizing: "
        f"{summary['near_duplicates_to_tokenizing']:.2f} and {summary['comparing_to_tokenizing']:.2f}, together "
        f"{summary['both_to_tokenizing']:.2f}.", "",
        f"**Training a tokenizer**, {training['megabytes']} MB, {VOCABULARY:,} tokens: Bam {training['bam']['seconds']:.0f} s, "
        f"Hugging Face {training['peer']['training']:.0f} s. The {training['merges']:,} merges are the same.", "",
        "**`bam data build`**:", "",
        "| text | time, s | MB/s | VmHWM, MB | documents | near-duplicates | contaminated |",
        "|---|---:|---:|---:|---:|---:|---:|"]
    for build in result["builds"]:
        report = build["report"]
        lines.append(f"| {build['megabytes']} MB | {build['seconds']:.1f} | {build['megabytes'] / build['seconds']:.1f} | "
            f"{build['peak_megabytes']:.0f} | {report['documents_read']:,} | {report['near_duplicates']:,} | "
            f"{report['contaminated']:,} |")
    if result["note"]:
        lines += ["", result["note"]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bam", "stages", "corpus", "testing", "work", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=100, help="of text that is tokenized in a round")
    parser.add_argument("--training-megabytes", type=int, default=1000)
    parser.add_argument("--note", help="a sentence for the result")
    arguments = parser.parse_args()
    participants = Participants(arguments)
    training = participants.train(arguments.training_megabytes)
    if not training["same_merges"]:
        sys.exit("bench: the merges of the two trainers differ")
    rounds = []
    for number in range(arguments.rounds):
        measured = {}
        order = [("bam", participants.stages), ("peer", participants.tokenize)]
        for name, measure in order[::-1] if number % 2 else order:
            measured[name] = measure(arguments.megabytes)
        if measured["bam"]["digest"] != measured["peer"]["digest"]:
            sys.exit("bench: the ids of the two tokenizers differ")
        rounds.append(measured)
        print(f"round {number + 1}: Bam {measured['bam']['tokenizing']:.1f} s, "
            f"Hugging Face {measured['peer']['tokenizing']:.1f} s", file=sys.stderr)
    builds = [participants.build(megabytes) for megabytes in SIZES]
    now, processor = datetime.datetime.now(datetime.timezone.utc), host.cpu()
    result = dict(
        date=now.isoformat(timespec="seconds"), commit=host.commit(),
        machine=dict(cpu=processor["name"], cores=os.cpu_count(), kernel=os.uname().release), load=os.getloadavg()[1],
        note=arguments.note, summary=summarize(training, rounds, builds), training=training, rounds=rounds, builds=builds)
    slug = host.slug(processor, f"{os.cpu_count()} cores")
    host.save(result, markdown(result), arguments.output, f"data-{now:%Y-%m-%d}-{slug}")


if __name__ == "__main__":
    main()
