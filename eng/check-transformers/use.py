"""
Uses what Bam exported in the ways that causal models of transformers allow: every cache and mask, all outputs, compiled,
checkpointed, resized.
"""

import copy
import itertools
import json
import pathlib
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, DynamicCache, GenerationConfig, StaticCache
from transformers.cache_utils import Cache, QuantizedLayer
from transformers.generation import CompileConfig

TOLERANCE = 1e-4
PROMPT, NEW = 8, 12
# One of each kind, since it takes minutes.
COMPILED = {
    "hf-llama-gqa", "hf-mistral-sliding", "hf-mixture-btx", "hf-mixture-bam",
    "hf-gemma2", "hf-llama-dynamic", "hf-ministral3", "hf-phi3-longrope", "hf-qwen2-moe-shared-expert",
}
PIECES = (0, 3, 9, 14)  # then one by one: a window of the models is full within a piece, and before one


def near(actual, expected, tolerance=TOLERANCE):
    return (actual - expected).abs().max().item() < tolerance


def rotary_of(model):
    return getattr(model.config, "rope_parameters", None) or {}


def scaling_of(model):
    return rotary_of(model).get("rope_type", "default")


def depends_on_length(model):
    """Whether the longest row of a batch decides on the frequencies of all."""
    return scaling_of(model) in ("dynamic", "longrope")


def counts_padding(model):
    """Whether places count, and not their distances alone: padding that takes part in counting them then changes the logits."""
    return depends_on_length(model) or "llama_4_scaling_beta" in rotary_of(model)


def generated(model, ids, **options):
    """What follows prompts whose first ids are padding: of the second alone, or equally of both."""
    prompt = ids[:, :PROMPT]
    padding = (3, 3) if depends_on_length(model) else (0, 3)
    mask = (torch.arange(PROMPT) >= torch.tensor(padding)[:, None]).long()
    model.generation_config = GenerationConfig(pad_token_id=0)  # generation does not end by itself
    return model.generate(prompt * mask, attention_mask=mask, max_new_tokens=NEW, do_sample=False, **options)[:, PROMPT:]


class Unquantized(QuantizedLayer):
    """A quantised cache without a library that quantises."""

    def _quantize(self, tensor, axis):
        return tensor

    def _dequantize(self, tensor):
        return tensor


def in_pieces(model, ids, pieces, cache):
    return torch.cat([model(ids[:, start:end], past_key_values=cache, use_cache=True).logits for start, end in pieces], 1)


@torch.no_grad()
def caches(model, ids):
    expected = model(ids, use_cache=False).logits
    starts = PIECES
    if scaling_of(model) == "longrope" and (original := rotary_of(model)["original_max_position_embeddings"]) < ids.shape[1]:
        starts = (0, original + 1)  # a cache of a shorter input is refused there
    pieces = list(itertools.pairwise([*starts, *range(starts[-1] + 1, ids.shape[1] + 1)]))
    if scaling_of(model) == "dynamic":  # cached keys keep their frequencies: the caches must agree with each other
        expected = in_pieces(model, ids, pieces, DynamicCache())
    kinds = [
        DynamicCache(),
        DynamicCache(config=model.config),
        StaticCache(config=model.config, max_cache_len=ids.shape[1] + 5),
        Cache(layer_class_to_replicate=Unquantized),
    ]
    return all(near(in_pieces(model, ids, pieces, cache), expected) for cache in kinds)


@torch.no_grad()
def generation(model, ids):
    expected = generated(model, ids)
    alone = model.generate(ids[1:, 3:PROMPT], max_new_tokens=NEW, do_sample=False)[:, PROMPT - 3 :]
    return (
        torch.equal(expected[1:], alone)
        and (scaling_of(model) == "dynamic" or torch.equal(generated(model, ids, use_cache=False), expected))
        and torch.equal(generated(model, ids, cache_implementation="static"), expected)
        and torch.equal(generated(model, ids, past_key_values=Cache(layer_class_to_replicate=Unquantized)), expected)
        and torch.equal(generated(model, ids, num_beams=2), generated(model, ids, num_beams=2, cache_implementation="static"))
    )


def whole_mask(count, window):
    """[1, 1, T, T], numbers to add to the scores."""
    places = torch.arange(count)
    seen = places[:, None] >= places
    if window:
        seen &= places[:, None] - places < window
    return torch.zeros(1, 1, count, count).masked_fill(~seen, torch.finfo(torch.float32).min)


@torch.no_grad()
def masks(model, ids):
    """Padding on either side, whole masks, and two sequences in one row."""
    count, pad = ids.shape[1], torch.zeros(ids.shape[0], 3, dtype=torch.long)
    expected = model(ids).logits
    ones = torch.ones_like(ids)
    before, after = {}, {}
    if counts_padding(model):
        before = dict(position_ids=(torch.arange(count + 3) - 3).clamp(min=0)[None])
        after = dict(position_ids=torch.arange(count + 3).clamp(max=count - 1)[None])
    left = model(torch.cat([pad, ids], 1), attention_mask=torch.cat([pad, ones], 1), **before).logits[:, 3:]
    right = model(torch.cat([ids, pad], 1), attention_mask=torch.cat([ones, pad], 1), **after).logits[:, :count]

    window, types = getattr(model.config, "sliding_window", None), set(getattr(model.config, "layer_types", None) or [])
    if len(types) > 1:
        added = dict(full_attention=whole_mask(count, None), sliding_attention=whole_mask(count, window))
    else:
        added = whole_mask(count, window)
    whole = model(ids, attention_mask=added).logits

    half = count // 2
    positions = torch.cat([torch.arange(half), torch.arange(count - half)])[None]
    packed = model(ids, position_ids=positions, use_cache=False).logits
    apart = torch.cat([model(ids[:, :half]).logits, model(ids[:, half:]).logits], 1)
    return all(near(*pair) for pair in [(left, expected), (right, expected), (whole, expected), (packed, apart)])


@torch.no_grad()
def outputs(model, ids):
    model.set_attn_implementation("eager")
    full = model(ids, output_hidden_states=True, output_attentions=True)
    values = model(ids, return_dict=False, use_cache=False)
    last = model(ids, logits_to_keep=2).logits
    layers = model.config.num_hidden_layers
    return (
        len(full.hidden_states) == layers + 1
        and torch.equal(full.hidden_states[0],
            model.get_input_embeddings()(ids) * getattr(model.config, "embedding_multiplier", 1))
        and torch.equal(full.hidden_states[-1], model.get_decoder()(ids).last_hidden_state)
        and len(full.attentions) == layers
        and all(near(weights.sum(-1), torch.ones(weights.shape[:-1])) for weights in full.attentions)
        and type(values) is tuple
        and torch.equal(values[0], full.logits)
        and near(last, full.logits[:, -2:])
    )


@torch.no_grad()
def loss(model, ids):
    labels = ids.clone()
    labels[0, :5] = -100
    logits = model(ids).logits
    targets = labels[:, 1:]
    each = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
    count = (targets != -100).sum()
    shifted = torch.nn.functional.pad(targets, (0, 1), value=-100)
    return (
        near(model(ids, labels=labels).loss, each / count, 1e-5)
        and near(model(ids, labels=labels, shift_labels=shifted).loss, each / count, 1e-5)
        and near(model(ids, labels=labels, num_items_in_batch=7).loss, each / 7, 1e-5)
    )


def gradients(model, ids):
    model.zero_grad()
    model(ids, labels=ids).loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


def checkpointing(model, ids):
    model.train()
    expected = gradients(model, ids)
    for reentrant in (False, True):
        model.gradient_checkpointing_enable({"use_reentrant": reentrant})
        actual = gradients(model, ids)
        if actual.keys() != expected.keys() or not all(near(actual[name], expected[name], 1e-6) for name in expected):
            return False
    return True


@torch.no_grad()
def compiled(model, ids):
    torch.compiler.reset()
    expected = model(ids, use_cache=False).logits
    logits = torch.compile(model)(ids, use_cache=False).logits
    settings = CompileConfig(mode="default")
    settings._compile_all_devices = True  # on the CPU as well, where generation does not compile by itself
    static = generated(model, ids, cache_implementation="static", compile_config=settings)
    return near(logits, expected) and torch.equal(static, generated(model, ids))


@torch.no_grad()
def changed(model, ids):
    """Resized, saved and loaded; in bfloat16."""
    expected = model(ids).logits
    vocabulary = expected.shape[-1]
    model.resize_token_embeddings(vocabulary + 8)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        options = dict(trust_remote_code=True, device_map="cpu")
        loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options)
        half = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, **options)
    tied = loaded.get_input_embeddings().weight is loaded.get_output_embeddings().weight
    return (
        near(loaded(ids).logits[..., :vocabulary], expected)
        and tied == model.config.tie_word_embeddings
        and half(ids).logits.float().isfinite().all().item()
    )


def refusals(model, ids):
    """What Bam's code cannot do is refused by a line that says so."""
    if model.config.model_type != "bam":
        return True
    cached = DynamicCache()
    model(ids, past_key_values=cached)
    more = torch.cat([ids, ids], 1)
    calls = {
        "past_key_values": dict(past_key_values=((ids, ids),)),
        "attention_mask: expected two or four": dict(attention_mask=torch.ones(1, 2, 3)),
        "attention_mask: expected a mask for each": dict(attention_mask={}),
        "attention_mask: expected bool": dict(attention_mask=torch.ones(1, 1, 2, 2, dtype=torch.long)),
        "columns": dict(attention_mask=torch.ones_like(ids), past_key_values=cached),
        "output_router_logits": dict(output_router_logits=True),
        "inputs_embeds": dict(inputs_embeds=torch.zeros(1, 1, 1)),
    }
    if scaling_of(model) == "longrope":
        more = ids.repeat(1, rotary_of(model)["original_max_position_embeddings"] // ids.shape[1] + 2)
        short = DynamicCache()
        model(ids[:, :PROMPT], past_key_values=short)
        calls |= {"past_key_values: expected an empty cache": dict(past_key_values=short)}
    for message, arguments in calls.items():
        try:
            model(more, **arguments)
            return False
        except ValueError as error:
            if message not in str(error):
                return False
    return True


def check(model, ids, checks):
    for works in checks:
        try:
            yield works.__name__, works(copy.deepcopy(model), ids)
        except Exception as error:  # one failure must not hide the others
            print(f"{works.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
            yield works.__name__, False


def main(root):
    found = []
    for directory in sorted((root / "exports").iterdir()):
        model = AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True, dtype=torch.float32).eval()
        ids = load_file(root / "resaved" / directory.name / "expected.safetensors")["input_ids"]
        checks = [caches, generation, masks, outputs, loss, checkpointing, changed, refusals]
        if directory.name in COMPILED:
            checks.append(compiled)
        found.append(dict(what=directory.name, checks=dict(check(model, ids, checks))))
    (root / "used.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
