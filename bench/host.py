"""The machine and the state of Bam, as results name them; the benchmarks import it."""
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def cpu():
    with open("/proc/cpuinfo") as file:
        lines = dict(re.split(r"\s*:\s*", line.rstrip(), maxsplit=1) for line in file if ":" in line)
    return dict(name=lines["model name"], family=int(lines["cpu family"]), model=int(lines["model"]),
        flags=set(lines["flags"].split()))


def slug(processor, count):
    """A machine in a file's name, from cpu() and what was used of it, such as "2 cores"."""
    name = re.sub(r"\((r|tm)\)|\bcpu\b|\bprocessor\b|@.*", " ", processor["name"].lower())
    if not re.search(r"\d", name):
        name += f" family {processor['family']} model {processor['model']}"
    return re.sub(r"[^a-z0-9]+", "-", f"{name} {count}").strip("-")


def commit():
    described = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True,
        text=True)
    return described.stdout.strip() or None


def save(result, page, output, name):
    """Writes a result as JSON and as a page, under a name without ending, and prints the page."""
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    (output / f"{name}.md").write_text(page)
    print(page, end="")


def is_machine_code():
    """Whether ./bam runs its short commands as machine code, as it does after ./bam setup --native."""
    builds = ROOT / "artifacts/cli"
    return (builds / (builds / "current").read_text().split()[0] / "native").exists()
