"""Writes what a check on a GPU found, as a table, to standard output: report.py FOLDER MACHINE COMMIT PEAK."""
import json
import statistics
import sys
from pathlib import Path

WORK, MACHINE, COMMIT, PEAK = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])

# A call that starts work on the GPU, and one for which the program waits for it.
STARTS = ("cuLaunch", "cuGraphLaunch")
WAITS = ("cuStreamSynchronize", "cuEventSynchronize", "cuCtxSynchronize", "cuMemcpyDtoH_", "cuMemcpyHtoD_")


def text(name):
    path = WORK / name
    return path.read_text() if path.exists() else ""


def document(name):
    """A step's JSON; None where the step failed."""
    found = text(name)
    return json.loads(found[found.index("{"):]) if "{" in found else None


def speed():
    """Tokens/s of the second half of the steps, when .NET's code is compiled: the mean, and the least and most of its lines."""
    lines = [json.loads(line) for line in text("train/metrics.jsonl").splitlines()]
    lines = [line for line in lines if "tokens_per_second" in line]
    late = lines[len(lines) // 2:]
    if not late:
        return None
    rates = [line["tokens_per_second"] for line in late]
    return dict(mean=statistics.harmonic_mean(rates), least=min(rates), most=max(rates), steps=lines[-1]["step"],
                after=lines[len(lines) // 2 - 1]["step"] if len(lines) > 1 else 0, measured=late[-1].get("fraction_of_peak"))


def memory(name):
    """The most that a step took beyond what was in use before it, in GB; None where it failed or was not sampled."""
    if not any(line.startswith(f"{name}\t") and line.endswith("\tdone") for line in text("steps.tsv").splitlines()):
        return None
    samples = [int(line) for line in text(f"{name}.memory").split() if line.isdigit()]
    return (max(samples) - samples[0]) * 2**20 / 1e9 if len(samples) > 1 else None


def calls():
    """The driver's calls of one step, by name; None where they were not counted."""
    few, many = ({name: int(count) for name, count in map(str.split, text(f"calls-{steps}.txt").splitlines())}
                 for steps in (4, 8))
    return {name: (count - few.get(name, 0)) / 4 for name, count in many.items()} if few and many else None


def group():
    """What the process group's operations gave, compared with Gloo's on the processor."""
    gloo, here = (sorted(text(f"{name}.log").splitlines()) for name in ("gloo", "group"))
    if not here or not gloo:
        return "failed"
    return f"{len(here)} operations, the results of Gloo on the processor" if here == gloo else "DIFFERENT from Gloo's results"


def gigabytes(number):
    return "not measured" if number is None else f"{number:.2f} GB"


def sum_of(counted, names):
    return sum(count for name, count in counted.items() if name.startswith(names))


def rows():
    doctor, cost = document("doctor.log"), document("cost.log")
    libtorch = (doctor or {}).get("libtorch") or {}
    yield "libtorch", f"{libtorch.get('version', 'unknown')}, {libtorch.get('cuda_devices', 0)} CUDA devices"
    yield "process group of one rank", group()
    for line in text("sums.log").splitlines():
        yield line.split(": ")
    model = cost["models"][0] if cost else None
    if model:
        yield "parameters", f"{model['parameters']:,}"
    if found := speed():
        yield f"tokens/s, steps {found['after'] + 1} to {found['steps']}", (
            f"{found['mean']:,.0f} ({found['least']:,.0f} to {found['most']:,.0f})")
        if model:
            yield f"of {PEAK / 1e12:,.0f} TFLOP/s", f"{found['mean'] * model['training_flops'] / PEAK:.3g}"
        if found["measured"]:
            yield "of the fastest product of this run", f"{found['measured']:.3g}"
    if model:
        yield "memory by `bam cost`", gigabytes(model["training_memory"]["total"] / 1e9)
    yield "memory, as allocated", gigabytes(memory("memory"))
    yield "of which a tiny model takes too", gigabytes(memory("nothing"))
    yield "memory, with what the allocator keeps", gigabytes(memory("train"))
    if counted := calls():
        yield "launches of a step", f"{sum_of(counted, STARTS):,.0f}"
        yield "calls of a step that may wait", f"{sum_of(counted, WAITS):,.0f}"
        for name, count in sorted(counted.items(), key=lambda entry: -entry[1])[:8]:
            yield f"`{name}`", f"{count:,.0f}"
    else:
        yield "launches of a step", "not measured"
    for line in text("products.log").splitlines():
        way, _, found = line.partition(": ")
        yield f"experts' products, {way}", found


def main():
    print(f"# {MACHINE}\n\nCommit {COMMIT}, `eng/check-gpu.sh`.\n\n| | |\n|---|---|")
    for name, found in rows():
        print(f"| {name} | {found} |")
    print("\n| step | seconds | |\n|---|---:|---|")
    for line in text("steps.tsv").splitlines():
        name, seconds, end = line.split("\t")
        print(f"| {name} | {seconds} | {end} |")


main()
