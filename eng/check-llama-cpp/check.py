"""
Compares Bam's GGUF files with llama.cpp and with transformers, and writes result.json and result.md. The exit status is 1 when
something differs.
"""

import contextlib
import json
import pathlib
import subprocess
import sys
import time
import unicodedata
import urllib.request

import gguf
import torch
import transformers
from compare import rows as of_architectures
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

TOLERANCE, GAP, NEW = 1e-4, 1e-3, 32
OUT_TYPES = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "q8_0": "q8_0"}


def run(*command, **settings):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, **settings).stdout


def llama_logits(root, name, ids):
    """[positions, vocabulary] as llama.cpp computes them."""
    logits = run(root / "llama_logits", root / "gguf" / name / "model.gguf", *ids)
    return torch.frombuffer(bytearray(logits), dtype=torch.float32).reshape(len(ids), -1)


def fixtures(root):
    for directory in sorted(root.glob("fixture-*")):
        name = directory.name.removeprefix("fixture-")
        context = json.loads((directory / "config.json").read_text()).get("sliding_window") or sys.maxsize
        stored = load_file(directory / "expected.safetensors")
        difference = max(
            (llama_logits(root, name, ids[:context].tolist()) - logits[:context]).abs().max().item()
            for ids, logits in zip(stored["input_ids"], stored["logits"])
        )
        yield dict(what=f"{name}: logits", difference=difference, passed=difference < TOLERANCE)


def same_tensors(ours, theirs):
    ours, theirs = ({tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors} for path in (ours, theirs))
    return ours.keys() == theirs.keys() and all(
        ours[name].tensor_type == theirs[name].tensor_type and ours[name].data.tobytes() == theirs[name].data.tobytes()
        for name in ours
    )


def converted(root, name):
    for dtype, out_type in OUT_TYPES.items():
        theirs = root / f"{name}-{dtype}.gguf"
        run(sys.executable, root / "convert.py", root / "trained" / name, "--outtype", out_type, "--outfile", theirs,
            stderr=subprocess.STDOUT)
        same = same_tensors(root / "gguf" / f"{name}-{dtype}" / "model.gguf", theirs)
        yield dict(what=f"trained {name} as {dtype}: tensors as llama.cpp's converter writes them, bit for bit", passed=same)


@contextlib.contextmanager
def server(root, name):
    """llama.cpp's own server; yields a function from a prompt to the ids that follow greedily."""
    address = "127.0.0.1:8437"
    settings = ["--cache-type-k", "f32", "--cache-type-v", "f32", "-c", "256", "-t", "2", "--host", address.split(":")[0],
        "--port", address.split(":")[1]]
    model = root / "gguf" / f"{name}-float32" / "model.gguf"
    process = subprocess.Popen(["llama-server", "-m", str(model), *settings], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)

    def ask(path, question=None):
        body = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(f"http://{address}{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    try:
        for _ in range(120):
            with contextlib.suppress(OSError):
                ask("/health")
                break
            time.sleep(0.5)
        yield lambda prompt: ask("/completion",
            dict(prompt=prompt, n_predict=NEW, temperature=0, return_tokens=True, cache_prompt=False))["tokens"]
    finally:
        process.kill()
        process.wait()


@torch.no_grad()
def continuations(root, name, complete):
    tokenizer = AutoTokenizer.from_pretrained(root / "trained" / name)
    model = AutoModelForCausalLM.from_pretrained(root / "trained" / name, dtype=torch.float32).eval()
    for number, prompt in enumerate((root / "prompts.txt").read_text().splitlines(), 1):
        ours = json.loads((root / "trained" / name / f"bam-{number}.json").read_text())["ids"]
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        generated = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, do_sample=False,
            pad_token_id=0)[0]
        new = generated[ids.shape[1] :].tolist()
        logits = model(generated[None]).logits[0]
        best = logits[ids.shape[1] - 1 : -1].topk(2).values
        gap = (best[:, 0] - best[:, 1]).min().item()
        theirs = llama_logits(root, f"{name}-float32", generated.tolist())
        end = new.index(tokenizer.eos_token_id) if tokenizer.eos_token_id in new else len(new)
        alike = dict(
            bam=ours == new[:end],
            llama_cpp=complete(prompt)[:end] == new[:end],
        )
        difference = (theirs - logits).abs().max().item()
        yield dict(
            what=f"trained {name}, '{prompt}': {end} tokens by transformers, Bam and llama.cpp",
            difference=difference, gap=gap, text=tokenizer.decode(new), alike=alike,
            passed=difference < TOLERANCE and (gap <= GAP or all(alike.values())),
        )


def vocabularies(root):
    documents = [json.loads(line)["text"] for line in (root / "documents.jsonl").read_text().split("\n") if line]
    documents = [text for text in documents if text.strip()]
    for directory in sorted((root / "vocabularies").iterdir()):
        settings = json.loads((directory / "tokenizer.json").read_text())
        ours = [[int(word) for word in line.split()] for line in (directory / "bam.ids").read_text().splitlines()]
        kept = [i for i, text in enumerate(documents) if "\0" not in text and is_comparable(text, settings)]
        texts = b"".join(documents[i].encode("utf-8", "replace") + b"\0" for i in kept)
        lines = run(root / "llama_tokens", root / "gguf" / directory.name / "model.gguf", input=texts).decode().splitlines()
        theirs = [[int(word) for word in line.split()] for line in lines]
        differing = sum(ours[i] != found for i, found in zip(kept, theirs, strict=True))
        yield dict(
            what=f"vocabulary {directory.name}: ids of {len(kept):,} texts, {len(texts):,} bytes",
            tokens=sum(map(len, theirs)), differing=differing, passed=len(ours) == len(documents) and differing == 0,
        )


def ends(root):
    for directory in sorted((root / "vocabularies").iterdir()):
        config = json.loads((directory / "config.json").read_text())
        padding, ends = run(root / "llama_ends", root / "gguf" / directory.name / "model.gguf").decode().splitlines()
        stops = {int(id) for id in ends.split()}
        yield dict(
            what=f"vocabulary {directory.name}: ends of text {config['eos_token_id']}, padding {config['pad_token_id']}",
            passed=set(config["eos_token_id"]) <= stops and int(padding) == config["pad_token_id"],
        )


def is_comparable(text, settings):
    """llama.cpp does not normalise, and takes </s> for a token of its own where the vocabulary has it as text."""
    normalized = json.dumps(settings["normalizer"]).find("NFC") < 0 or unicodedata.is_normalized("NFC", text)
    return normalized and ("</s>" not in text or any(token["content"] == "</s>" for token in settings["added_tokens"]))


def main():
    root = pathlib.Path(sys.argv[1])
    rows = [*fixtures(root), *of_architectures(root), *vocabularies(root), *ends(root)]
    for name in ("mixtral", "soup"):
        with server(root, name) as complete:
            rows += [*converted(root, name), *continuations(root, name, complete)]
    told = [row for row in rows if row.get("gap", 0) > GAP]
    passed = all(row["passed"] for row in rows) and len(told) > 0
    version = run("dpkg-query", "-W", "-f", "${Version}", "llama.cpp").decode()
    versions = dict(llama_cpp=version, transformers=transformers.__version__, torch=torch.__version__)
    (root / "result.json").write_text(json.dumps(dict(versions=versions, passed=passed, rows=rows), indent=1) + "\n")
    lines = [
        "# Bam and llama.cpp",
        "",
        f"llama.cpp {version}, transformers {versions['transformers']}, PyTorch {versions['torch']}; weights, keys and values "
        f"in float32 unless a row says",
        "otherwise. Difference: the largest of any logit from transformers'. Gap: the least between the two best logits of a "
        "step.",
        "",
        "| | difference | gap | |",
        "|---|---:|---:|---|",
    ]
    for row in rows:
        difference = f"{row['difference']:.1e}" if "difference" in row else ""
        gap = f"{row['gap']:.3f}" if "gap" in row else ""
        lines.append(f"| {row['what']} | {difference} | {gap} | {'alike' if row['passed'] else 'DIFFERENT'} |")
    lines += ["", f"All alike: {'yes' if passed else 'no'}."]
    (root / "result.md").write_text("\n".join(lines) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
