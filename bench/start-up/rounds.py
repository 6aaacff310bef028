#!/usr/bin/python3
"""Starts short commands in turns, and writes their times to bench/results/."""
import argparse
import datetime
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
import checkpoint  # noqa: E402
import host  # noqa: E402

GOALS = {"bam --version": 60, "bam inspect": 150}


def dotnet():
    """Where ./bam finds it, too."""
    found = shutil.which("dotnet", path=os.pathsep.join([os.environ["PATH"], os.environ.get("DOTNET_ROOT", ""),
        str(Path.home() / ".dotnet"), "/usr/share/dotnet", "/usr/lib/dotnet"]))
    return found or sys.exit("bench: dotnet was not found")


def commands(directory):
    return {
        "bam --version": [ROOT / "bam", "--version"],
        "dotnet --version": [dotnet(), "--version"],
        "bam inspect": [ROOT / "bam", "inspect", directory],
        "python3 peer.py": ["/usr/bin/python3", HERE / "peer.py", directory],
        "/bin/true": ["/bin/true"],
    }


def milliseconds(command):
    start = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - start)


def measure(participants, rounds):
    """Each round starts with another participant."""
    times = {name: [] for name in participants}
    names = list(participants)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(milliseconds(participants[name]))
    return times


def markdown(result):
    machine = result["machine"]
    lines = [
        f"# Start-up, {result['date'][:10]}, {machine['cpu']}", "",
        f"{'Machine code (bam setup --native)' if result['machine_code'] else 'On the runtime'}, {machine['cores']} cores, "
        f"{result['rounds']} alternating rounds, a checkpoint of {result['tensors']:,} tensors, commit {result['commit']}. "
        f"Load while it ran: {result['load']:.1f}.", "",
        "| | median, ms | least | greatest | goal |", "|---|---:|---:|---:|---:|",
    ]
    for name, row in result["summary"].items():
        lines.append(f"| `{name}` | {row['median']:.0f} | {row['least']:.0f} | {row['greatest']:.0f} | {GOALS.get(name, '')} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results")
    arguments = parser.parse_args()
    subprocess.run([ROOT / "bam", "--version"], check=True, stdout=subprocess.DEVNULL)  # builds it
    with tempfile.TemporaryDirectory() as directory:
        tensors = checkpoint.write(Path(directory))
        participants = commands(directory)
        measure(participants, 2)
        times = measure(participants, arguments.rounds)
    now, processor = datetime.datetime.now(datetime.timezone.utc), host.cpu()
    result = dict(
        date=now.isoformat(timespec="seconds"), commit=host.commit(),
        machine=dict(cpu=processor["name"], family=processor["family"], model=processor["model"], cores=os.cpu_count(),
            kernel=os.uname().release),
        machine_code=host.is_machine_code(), rounds=arguments.rounds, tensors=tensors, load=os.getloadavg()[0],
        summary={name: dict(median=statistics.median(of), least=min(of), greatest=max(of)) for name, of in times.items()},
        times=times)
    variant = "-machine-code" if result["machine_code"] else ""
    slug = host.slug(processor, f"{os.cpu_count()} cores")
    host.save(result, markdown(result), arguments.output, f"start-up-{now:%Y-%m-%d}-{slug}{variant}")


if __name__ == "__main__":
    main()
