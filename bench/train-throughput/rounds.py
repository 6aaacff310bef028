#!/usr/bin/python3
"""Alternates Bam and its PyTorch peers for some rounds and writes what each reached to bench/results/."""
import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
import host  # noqa: E402

SYSTEM = Path("/usr/lib/x86_64-linux-gnu")
FIXTURE = ROOT / "tests/fixtures/bam/bam-expert-kv"
FORMS = ("loop", "stacked")
WIDTHS = dict(tiny=128, small=256, medium=512)


def first_existing(*paths):
    existing = next((path for path in paths if (path / "libblas.so.3").exists()), None)
    return existing or sys.exit(f"bench: no OpenBLAS in {paths}; run setup.sh")


def clean_environment():
    """The user's, without what would tune a peer behind our back."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "MALLOC_", "OPENBLAS_", "MKL_", "LD_"))}


def as_installed(core):
    pthread = first_existing(SYSTEM / "openblas-pthread", ROOT / "artifacts/bench/openblas-pthread")
    return {**clean_environment(), "LD_LIBRARY_PATH": str(pthread), **({"OPENBLAS_CORETYPE": core} if core else {})}


def tuned(core, threads, wait_policy):
    """One OpenMP runtime for PyTorch and OpenBLAS, all cores, and a malloc that keeps its memory."""
    return {**clean_environment(), "LD_LIBRARY_PATH": str(first_existing(SYSTEM / "openblas-openmp")),
            "OMP_NUM_THREADS": str(threads),
            "MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str((1 << 31) - 1), "MALLOC_ARENA_MAX": "1",
            **({"OMP_WAIT_POLICY": wait_policy} if wait_policy else {}), **({"OPENBLAS_CORETYPE": core} if core else {})}


def without_avx512(environment):
    """The environment of a processor that has AVX2 alone, for .NET, PyTorch and OpenBLAS."""
    return {**environment, "DOTNET_EnableAVX512": "0", "ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell"}


def run(command, environment):
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with status {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peer(form, *options):
    return ["/usr/bin/python3", HERE / "peer.py", form, *options]


def missing_core(processor):
    """The OpenBLAS kernels to name when OpenBLAS does not know the processor and would take those for processors without AVX."""
    found = run(peer("peak"), as_installed(core=None))
    if found["environment"]["openblas_core"] != "Prescott" or not {"avx2", "fma"} <= processor["flags"]:
        return None, None
    core = "Haswell"
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= processor["flags"]:
        core = "Cooperlake" if "avx512_bf16" in processor["flags"] else "SkylakeX"
    return core, found["matrix_peak"]


def build_bam():
    output = ROOT / "artifacts/bench/bam"
    subprocess.run(["dotnet", "publish", HERE / "Bam.Bench.csproj", "--configuration", "Release", "--output", output, "--nologo",
                    "--verbosity", "quiet", "-nodeReuse:false", "-p:RunAnalyzers=false"], check=True, stdout=sys.stderr)
    return ["dotnet", "exec", output / "Bam.Bench.dll"]


def summarize(rounds, flops_per_token, peak):
    rows = {}
    for name, results in rounds.items():
        speeds = [result["tokens_per_second"] for result in results]
        rows[name] = dict(median=statistics.median(speeds), min=min(speeds), max=max(speeds))
        if "scoring_tokens_per_second" in results[0]:
            rows[name]["scoring_to_training"] = statistics.median(
                result["scoring_tokens_per_second"] / result["tokens_per_second"] for result in results)
    peers = {name: row["median"] for name, row in rows.items() if name != "bam"}
    best, loop = max(peers.values()), peers["loop, as installed"]
    for row in rows.values():
        row.update(to_best_peer=row["median"] / best, to_loop_as_installed=row["median"] / loop,
                   fraction_of_peak=row["median"] * flops_per_token / peak)
    return rows


def markdown(result):
    machine, rows = result["machine"], result["summary"]
    lines = [
        f"# Training throughput, {result['date'][:10]}, {machine['cpu']}", "",
        f"BAM, d {result['width']}, 4 layers, 4 experts, 8 × 256 tokens, vocabulary 4096: forward, backward, clipping, AdamW. "
        f"{machine['threads']} threads, "
        f"PyTorch {machine['torch']}. {result['rounds_run']} alternating rounds of {result['steps']} steps after "
        f"{result['warm_up']} of warm-up, "
        f"commit {result['commit']}.", "",
        "| | tokens/s, median | min | max | to the best peer | to the loop as installed | of the matrix peak |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        lines.append(f"| {name} | {row['median']:,.0f} | {row['min']:,.0f} | {row['max']:,.0f} | {row['to_best_peer']:.2f} | "
                     f"{row['to_loop_as_installed']:.2f} | {row['fraction_of_peak']:.0%} |")
    lines += ["", f"Matrix peak in this run: {result['matrix_peak'] / 1e9:,.0f} GFLOP/s (float32, 2048³, the best of all "
                  f"rounds); "
                  f"{result['flops_per_token'] / 1e6:,.1f} MFLOP a token."]
    if machine["without_avx512"]:
        lines += ["", "Everybody and the peak without AVX-512: OpenBLAS's kernels for Haswell, .NET and PyTorch with AVX2."]
    elif machine["openblas_core_named"]:
        lines += ["", f"OpenBLAS does not know this processor: left alone it takes Prescott's kernels and reaches "
                      f"{machine['matrix_peak_unnamed'] / 1e9:,.0f} GFLOP/s. Every participant, those as installed too, "
                      f"therefore has "
                      f"OPENBLAS_CORETYPE={machine['openblas_core_named']}."]
    if "bam" in rows:
        lines += ["", f"Bam scores text (perplexity) at {rows['bam']['scoring_to_training']:.2f} times its training's rate, the "
                      f"median of the rounds."]
        best = rows["bam"]["to_best_peer"] >= 1
        loop = rows["bam"]["to_loop_as_installed"] >= 1.15
        lines += ["", f"At least as fast as the best peer: {'yes' if best else 'no'}. At least 1.15 times the loop as installed: "
                      f"{'yes' if loop else 'no'}."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="measured steps of each participant in each round")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--size", choices=WIDTHS, default="small", help="tiny, small and medium have d 128, 256 and 512")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of Bam and the tuned peers")
    parser.add_argument("--wait-policy", choices=["active", "passive"],
                        help="OMP_WAIT_POLICY of the tuned peers; libgomp's own is best on an idle machine, passive bears "
                             "company")
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--avx2", action="store_true", help="without AVX-512, on a processor that has it")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results")
    arguments = parser.parse_args()

    processor = host.cpu()
    core, unnamed_peak = missing_core(processor)
    limited = without_avx512 if arguments.avx2 else dict
    plain, fast = limited(as_installed(core)), limited(tuned(core, arguments.threads, arguments.wait_policy))
    for form in FORMS:
        run(peer(form, "--check", FIXTURE), fast)
    steps = ["--steps", arguments.steps, "--warm-up", arguments.warm_up, "--size", arguments.size]
    participants = {f"{form}, as installed": (peer(form, *steps), plain) for form in FORMS}
    participants.update({f"{form}, tuned": (peer(form, "--threads", arguments.threads, *steps), fast) for form in FORMS})
    if not arguments.peers_only:
        # Bam sets its own threads, BLAS and malloc; naming the core is its own business, too.
        participants["bam"] = ([*build_bam(), "--threads", arguments.threads, *steps], limited(clean_environment()))

    names = list(participants)
    rounds, peaks = {name: [] for name in names}, []
    for index in range(arguments.rounds):
        peaks.append(run(peer("peak", "--threads", arguments.threads), fast)["matrix_peak"])
        for name in names[index % len(names):] + names[:index % len(names)]:
            result = run(*participants[name])
            rounds[name].append(result)
            print(f"round {index + 1}, {name}: {result['tokens_per_second']:,.0f} tokens/s", file=sys.stderr)

    sizes = {name: (results[0]["parameters"], results[0]["flops_per_token"]) for name, results in rounds.items()}
    if len(set(sizes.values())) > 1:
        sys.exit(f"bench: the participants did not do the same work: {sizes}")
    flops_per_token = next(iter(sizes.values()))[1]
    now = datetime.datetime.now(datetime.timezone.utc)
    result = dict(
        date=now.isoformat(timespec="seconds"), commit=host.commit(),
        machine=dict(cpu=processor["name"], family=processor["family"], model=processor["model"], cores=os.cpu_count(),
                     threads=arguments.threads, kernel=os.uname().release, torch=rounds[names[0]][0]["environment"]["torch"],
                     without_avx512=arguments.avx2, openblas_core_named=core, matrix_peak_unnamed=unnamed_peak),
        width=WIDTHS[arguments.size], rounds_run=arguments.rounds, steps=arguments.steps,
        warm_up=arguments.warm_up, flops_per_token=flops_per_token,
        matrix_peak=max(peaks), matrix_peaks=peaks, summary=summarize(rounds, flops_per_token, max(peaks)), rounds=rounds)
    arguments.output.mkdir(parents=True, exist_ok=True)
    suffix = ("" if arguments.size == "small" else f"-d{WIDTHS[arguments.size]}") + ("-avx2" if arguments.avx2 else "")
    base = arguments.output / f"train-throughput-{now:%Y-%m-%d}-{host.slug(processor, f'{arguments.threads} threads')}{suffix}"
    # Paths as the clone sees them: where it lies says nothing about the measurement.
    base.with_suffix(".json").write_text(json.dumps(result, indent=2).replace(f"{ROOT}/", "") + "\n")
    base.with_suffix(".md").write_text(markdown(result))
    print(markdown(result), end="")


if __name__ == "__main__":
    main()
