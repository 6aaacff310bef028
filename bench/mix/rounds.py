#!/usr/bin/python3
"""Mixes four checkpoints and copies the result in turns, and writes the times and the peak memory to bench/results/."""
import argparse
import datetime
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import models

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import host  # noqa: E402

SIZES = {
    "1.1 GB": models.config(layers=8),
    "0.5 GB": models.config(layers=2),
    "50 MB": models.config(layers=3, hidden=512, intermediate=1408, vocabulary=16_000),
    "2.2 GB": models.config(layers=19),
}
ONLY_MEMORY = "2.2 GB"
MODELS = 4


def remove(path):
    if path.exists():
        shutil.rmtree(path)


def run(command):
    """Wall time with a final sync, and the peak resident memory in kilobytes of the process or any that it replaced itself by."""
    subprocess.run(["sync"], check=True)
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ended = time.perf_counter()
    subprocess.run(["sync"], check=True)
    synced = time.perf_counter()
    if process.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with status {process.returncode}\n{error.decode()}")
    return dict(seconds=synced - start, seconds_before_sync=ended - start, peak_kilobytes=usage.ru_maxrss,
        processor_seconds=usage.ru_utime + usage.ru_stime)


def warm(directories):
    for directory in directories:
        with open(directory / "model.safetensors", "rb", buffering=0) as file:
            while file.read(1 << 22):
                pass


def mix(method, sources, output):
    remove(output)
    return run([ROOT / "bam", "mix", method, "--seed", sources[0],
        *(part for source in sources[1:] for part in ("--expert", source)), "--output", output])


def copy(output, target):
    remove(target)
    return run(["cp", "--recursive", "--reflink=never", output, target])


def write_models(size, directory, distinct):
    """Where only memory is measured, one file under four names is as good as four, and the disk is spared."""
    sources = [directory / f"model-{size.replace(' ', '-')}-{number}" for number in range(MODELS)]
    for number, source in enumerate(sources):
        if source.exists():  # of an earlier run with --keep
            continue
        if number == 0 or distinct:
            remove(directory / "partial")
            models.write(directory / "partial", SIZES[size], number)
            (directory / "partial").rename(source)
        else:
            shutil.copytree(sources[0], source, copy_function=os.link)
    return sources, (sources[0] / "model.safetensors").stat().st_size


def measure(size, directory, rounds):
    sources, source_bytes = write_models(size, directory, distinct=rounds > 0)
    results = {}
    for method in ("bam", "btx"):
        output, target = directory / method, directory / "copy"
        warm(sources)
        # What cp copies in the first round; every file of Bam is in the page cache afterwards.
        peak = mix(method, sources, output)["peak_kilobytes"]
        if rounds:
            copy(output, target)
        mixes, copies = [], []
        for number in range(rounds):
            warm([*sources, output])
            order = [lambda: mixes.append(mix(method, sources, output)), lambda: copies.append(copy(output, target))]
            for participant in order[::-1] if number % 2 else order:
                participant()
            print(f"{size}, {method}, round {number + 1}: mix {mixes[-1]['seconds']:.2f} s, cp {copies[-1]['seconds']:.2f} s, "
                  f"load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        written = sum(file.stat().st_size for file in output.iterdir())
        results[method] = dict(source_bytes=source_bytes, output_bytes=written,
            peak_kilobytes=max([peak, *(m["peak_kilobytes"] for m in mixes)]), mix=mixes, cp=copies)
        remove(output)
        remove(target)
    return results


def summarize(result):
    mixes, copies = result["mix"], result["cp"]
    memory = dict(peak_megabytes=result["peak_kilobytes"] * 1024 / 1e6)
    if not mixes:
        return memory
    ratios = [m["seconds"] / c["seconds"] for m, c in zip(mixes, copies)]
    return dict(mix_seconds=statistics.median(m["seconds"] for m in mixes),
                cp_seconds=statistics.median(c["seconds"] for c in copies),
                ratio=statistics.median(ratios), ratio_min=min(ratios), ratio_max=max(ratios),
                processor_ratio=statistics.median(m["processor_seconds"] / c["processor_seconds"] for m, c in zip(mixes, copies)),
                **memory)


def clean(directory, keep):
    """Removes what the benchmark made, and the directory where nothing else is in it."""
    for path in [*(directory / name for name in ("bam", "btx", "copy", "partial")), *([] if keep else directory.glob("model-*"))]:
        remove(path)
    if not any(directory.iterdir()):
        directory.rmdir()


def markdown(result):
    machine = result["machine"]
    lines = [
        f"# Mixing, {result['date'][:10]}, {machine['cpu']}", "",
        f"Four bfloat16 checkpoints to one mixture, beside `cp --reflink=never` of what was written, each with a final `sync`, "
        f"from a warm page cache. "
        f"{machine['cores']} cores, {machine['file_system']}, {result['rounds']} alternating rounds, medians, commit "
        f"{result['commit']}. "
        f"Load while it ran: {result['load']}.", "",
        "| each model | method | written | mix, s | cp, s | ratio | min | max | processor time, ratio | VmHWM, MB |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size, methods in result["summary"].items():
        for method, row in methods.items():
            of = result["measured"][size][method]
            times = ("mix_seconds", "cp_seconds", "ratio", "ratio_min", "ratio_max", "processor_ratio")
            cells = [f"{of['source_bytes'] / 1e9:.2f} GB", method, f"{of['output_bytes'] / 1e9:.2f} GB",
                *(f"{row[time]:.2f}" if time in row else "" for time in times), f"{row['peak_megabytes']:.0f}"]
            lines.append(f"| {' | '.join(cells)} |")
    rows = [row for methods in result["summary"].values() for row in methods.values()]
    small, large = (max(row["peak_megabytes"] for row in result["summary"][size].values()) for size in ("1.1 GB", ONLY_MEMORY))
    lines += ["", f"At most 1.15 times cp: {'yes' if all(row['ratio'] <= 1.15 for row in rows if 'ratio' in row) else 'no'}. At "
                  f"most 500 MB: "
                  f"{'yes' if max(small, large) <= 500 else 'no'}. Memory with models twice the size: {large / small - 1:+.0%}."]
    if result["note"]:
        lines += ["", result["note"]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6,
        help="an even number, so that each participant begins as often as the other")
    parser.add_argument("--directory", type=Path, default=Path("/tmp/mixbench"), help="made, and removed at the end")
    parser.add_argument("--keep", action="store_true", help="leave the checkpoints there for the next run")
    parser.add_argument("--note", help="a sentence for the result, such as what else ran")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run([ROOT / "bam", "--version"], check=True, stdout=subprocess.DEVNULL)  # builds it
        loads, measured = [], {}
        for size in SIZES:
            measured[size] = measure(size, arguments.directory, 0 if size == ONLY_MEMORY else arguments.rounds)
            loads.append(os.getloadavg()[1])
        file_system = subprocess.run(["findmnt", "--noheadings", "--output", "FSTYPE", "--target", arguments.directory],
            capture_output=True, text=True).stdout.strip()
    finally:
        clean(arguments.directory, arguments.keep)
    now, processor = datetime.datetime.now(datetime.timezone.utc), host.cpu()
    result = dict(
        date=now.isoformat(timespec="seconds"), commit=host.commit(),
        machine=dict(cpu=processor["name"], family=processor["family"], model=processor["model"], cores=os.cpu_count(),
            kernel=os.uname().release, file_system=file_system),
        machine_code=host.is_machine_code(), rounds=arguments.rounds,
        load=" and ".join(f"{load:.1f}" for load in loads), note=arguments.note,
        summary={size: {method: summarize(of) for method, of in methods.items()} for size, methods in measured.items()},
        measured=measured)
    variant = "-machine-code" if result["machine_code"] else ""
    slug = host.slug(processor, f"{os.cpu_count()} cores")
    host.save(result, markdown(result), arguments.output, f"mix-{now:%Y-%m-%d}-{slug}{variant}")


if __name__ == "__main__":
    main()
