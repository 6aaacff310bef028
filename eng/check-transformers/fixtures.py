"""
Holds Bam's exports of the fixtures against transformers' own classes, which read the same fixtures: logits, loss, gradients and
greedy generation with a cache. Gradients are those of the embeddings, through all layers, and those that the fixture has by name.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GenerationConfig

PROMPT, NEW = 12, 12
# The names that transformers' classes have for what Bam's exports call otherwise, and the modules that they fuse.
RENAMED = {
    "self_attn.dense": "self_attn.o_proj",
    "q_layernorm": "q_norm",
    "k_layernorm": "k_norm",
    "final_layernorm": "norm",
    "mlp.fc1": "mlp.up_proj",
    "mlp.fc2": "mlp.down_proj",
    "mlp.c_fc": "mlp.up_proj",
    "mlp.c_proj": "mlp.down_proj",
    "mlp.gate.": "mlp.router.",
}
FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}


def gradient_of(name, parameters):
    """That of a parameter by its name in transformers' class."""
    for theirs, ours in RENAMED.items():
        name = name.replace(theirs, ours)
    for fused, parts in FUSED.items():
        if f".{fused}." in name:
            return torch.cat([parameters[name.replace(fused, part)].grad for part in parts])
    return parameters[name].grad


def distance(found, expected):
    return (found - expected).abs().max().item()


def load(directory):
    """A new model each time: with dynamic scaling, transformers' classes remember the longest input."""
    options = dict(trust_remote_code=True, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager")
    return AutoModelForCausalLM.from_pretrained(directory, **options).eval()


def loss_of(model, ids):
    loss = model(ids, labels=ids, use_cache=False).loss
    loss.backward()
    return loss.detach(), model.get_input_embeddings().weight.grad


def continuation(directory, prompt, **options):
    model = load(directory)
    model.generation_config = GenerationConfig(pad_token_id=0)  # generation does not end by itself
    settings = dict(max_new_tokens=NEW, do_sample=False, attention_mask=torch.ones_like(prompt))
    return model.generate(prompt, **settings, **options)


def is_longrope(config):
    return (getattr(config, "rope_parameters", None) or {}).get("rope_type") == "longrope"


def compare(fixture, export):
    expected = load_file(fixture / "expected.safetensors")
    ids, prompt = expected["input_ids"], expected["input_ids"][:, :PROMPT]
    theirs, ours = load(fixture), load(export)
    with torch.no_grad():
        logits = distance(ours(ids).logits, expected["logits"])
    their_loss, their_gradient = loss_of(theirs, ids)
    our_loss, our_gradient = loss_of(ours, ids)
    parameters = dict(ours.named_parameters())
    names = [name for name in expected if name.startswith("grad.")]
    gradients = [distance(gradient_of(name.removeprefix("grad."), parameters), expected[name]) for name in names]
    # Where LongRoPE switches to other frequencies, Bam reads all tokens again; transformers' classes do so without a cache alone.
    wanted = continuation(fixture, prompt, **(dict(use_cache=False) if is_longrope(theirs.config) else {}))
    return dict(
        logits=logits,
        loss=max(distance(our_loss, their_loss), distance(our_loss, expected.get("mean_nll", our_loss))),
        gradients=max([distance(our_gradient, their_gradient), *gradients]),
        generates=all(torch.equal(continuation(export, prompt, cache_implementation=kind), wanted) for kind in (None, "static")),
    )


def main(root):
    found = []
    for fixture in sorted(path for path in [*root.glob("hf/*"), *root.glob("hf-more/*")] if path.is_dir()):
        row = dict(what=f"hf-{fixture.name}")
        try:
            row |= compare(fixture, root / "exports" / row["what"])
        except Exception as error:  # one failure must not hide the others
            row |= dict(error=f"{type(error).__name__}: {error}")
        found.append(row)
    (root / "fixtures.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
