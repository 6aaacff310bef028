"""
Compares llama.cpp's logits of Bam's files with transformers', for the models of architectures.py and mixtures of them, and their
tensors with the converter's.
"""

import pathlib
import subprocess
import sys

import gguf
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

TOLERANCE = 1e-4


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def settings_of(path):
    """The architecture and the context length of a file."""
    fields = gguf.GGUFReader(path).fields
    architecture = fields["general.architecture"].contents()
    return architecture, fields[f"{architecture}.context_length"].contents()


def llama_logits(root, path, ids):
    """[positions, vocabulary] as llama.cpp computes them."""
    logits = run(root / "llama_logits", path, *ids)
    return torch.frombuffer(bytearray(logits), dtype=torch.float32).reshape(len(ids), -1)


class RoundedGelu(torch.nn.Module):
    """llama.cpp's: between -10 and 10 a table, of a float16 for every float16."""

    def forward(self, x):
        table = torch.nn.functional.gelu(x.half().float(), approximate="tanh").half().float()
        return torch.where(x <= -10, 0.0, torch.where(x >= 10, x, table))


def load(directory, rounds_gelu=False):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()
    if rounds_gelu:
        for layer in model.model.layers:
            setattr(layer.mlp, "act_fn" if hasattr(layer.mlp, "act_fn") else "act", RoundedGelu())
    return model


def uses_gelu(config):
    return any("gelu" in str(getattr(config, key, "")) for key in ("hidden_act", "hidden_activation"))


@torch.no_grad()
def differences(root, directory, path, ids, rounds_gelu=False):
    """The largest of any logit, within the file's context."""
    _, context = settings_of(path)
    ids = ids[:, :context]
    # A model for each input: transformers' rotary embeddings remember the longest one.
    return max((llama_logits(root, path, row.tolist()) - load(directory, rounds_gelu)(row[None]).logits[0]).abs().max().item()
        for row in ids)


def architectures(root):
    for directory in sorted((root / "architectures").iterdir()):
        path = root / "gguf" / f"architecture-{directory.name}" / "model.gguf"
        ids = load_file(directory / "ids.safetensors")["input_ids"]
        rounds = uses_gelu(load(directory).config)
        difference = differences(root, directory, path, ids, rounds)
        row = dict(what=f"{directory.name} as {settings_of(path)[0]}: logits", difference=difference,
            passed=difference < TOLERANCE)
        if rounds:
            row["what"] += ", with GELU rounded as llama.cpp's"
            row["without_rounding"] = differences(root, directory, path, ids)
        yield row


def mixtures(root):
    """Bam's mixtures: in transformers' form where there is one, else as Bam computes them."""
    for path in sorted(root.glob("gguf/mixed-*/model.gguf")):
        name = path.parent.name.removeprefix("mixed-")
        ids = load_file(root / "architectures" / name.split(".")[0] / "ids.safetensors")["input_ids"]
        if (root / "mixed" / name).exists():
            difference = differences(root, root / "mixed" / name, path, ids)
        else:
            expected = load_file(root / "logits" / "mixed" / f"{name}.safetensors")["logits"]
            difference = max((llama_logits(root, path, row.tolist()) - logits).abs().max().item()
                for row, logits in zip(ids, expected))
        yield dict(what=f"BTX of {name} as {settings_of(path)[0]}: logits", difference=difference, passed=difference < TOLERANCE)


# It takes Gemma 3's vocabulary for the number of embeddings, does not know Ministral, and wants a vocabulary of Ministral 3.
NOT_CONVERTED = ("gemma3", "ministral")


def tensors(root):
    """
    The converter's tensors of the same models, bit for bit; it gets no vocabulary, which it would need for its metadata alone.
    """
    for directory in sorted((root / "architectures").iterdir()):
        if directory.name.startswith(NOT_CONVERTED):
            continue
        ours = root / "gguf" / f"architecture-{directory.name}" / "model.gguf"
        theirs = root / f"architecture-{directory.name}.gguf"
        run(sys.executable, root / "convert.py", "--without-vocabulary", directory, "--outtype", "f32", "--outfile", theirs)
        if settings_of(ours)[0] == settings_of(theirs)[0]:
            yield dict(what=f"{directory.name}: tensors as llama.cpp's converter writes them, bit for bit",
                passed=same(ours, theirs))


def same(ours, theirs):
    """The converter leaves out a tied head also where llama.cpp then does not load the file."""
    ours, theirs = ({tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors} for path in (ours, theirs))
    left_out = ours.keys() - theirs.keys()
    return (not left_out or left_out == {"output.weight"} and is_equal(ours["output.weight"], ours["token_embd.weight"])) and all(
        name in ours and is_equal(ours[name], tensor) for name, tensor in theirs.items()
    )


def is_equal(first, second):
    return first.tensor_type == second.tensor_type and first.data.tobytes() == second.data.tobytes()


def rows(root):
    return [*architectures(root), *mixtures(root), *tensors(root)]


if __name__ == "__main__":
    for row in rows(pathlib.Path(sys.argv[1])):
        print(row, flush=True)
