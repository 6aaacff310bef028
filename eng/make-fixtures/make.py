"""Makes the models of settings.py with transformers' own classes, and what transformers computes with them."""

import copy
import json
import pathlib
import shutil
import sys
import tempfile
import zlib

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from old_config import as_transformers_4
from settings import FIXTURES, SIZES

NEW_TOKENS = 12
SMALLEST_CHANGE = 1e-3      # of a logit, when a setting is switched off
LARGEST_ERROR = 3e-5        # of a logit in float32, compared with float64
FEWEST_GENERATED = 6        # different tokens in the two continuations
SMALLEST_GAP = 1e-3         # between the probabilities of routers, and between the logits of greedy generation
LARGEST_FILE = 100_000
ATTEMPTS = 200              # inputs that are tried until every gap is large enough
GRADIENTS = ("model.layers.0.", "model.norm.", "model.final_layernorm.", "lm_head.bias")


def main(output, names):
    unknown = set(names) - {fixture.name for fixture in FIXTURES}
    if unknown:
        raise SystemExit(f"settings.py has no fixture of these names: {', '.join(sorted(unknown))}")
    torch.use_deterministic_algorithms(True)
    for fixture in FIXTURES:
        if not names or fixture.name in names:
            make(fixture, output / fixture.name)


def make(fixture, directory):
    directory.mkdir(parents=True)
    settings = SIZES | fixture.settings
    model = construct(fixture.model_type, settings)
    initialise(model, fixture)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink()
    if fixture.old is not None:
        old = as_transformers_4(json.loads((directory / "config.json").read_text()), fixture.old)
        (directory / "config-transformers-4.json").write_text(json.dumps(old, indent=2) + "\n")
    expected = search_inputs(fixture, directory)
    expected |= loss_and_gradients(directory, expected["input_ids"])
    save_file({name: tensor.clone() for name, tensor in expected.items()}, directory / "expected.safetensors")
    require_float64_is_near(directory, expected)
    require_old_config_is_equal(directory, expected)
    changes = require_settings_matter(fixture, settings, directory, expected)
    for file in directory.iterdir():
        if file.stat().st_size >= LARGEST_FILE:
            raise SystemExit(f"{file}: {file.stat().st_size} bytes, at most {LARGEST_FILE} expected")
    print(f"{fixture.name}: largest change of a logit without: {', '.join(changes)}", flush=True)


def construct(model_type, settings):
    config = AutoConfig.for_model(model_type, **copy.deepcopy(settings))  # it changes rope_parameters in place
    return AutoModelForCausalLM.from_config(config, attn_implementation="eager", experts_implementation="eager").eval()


def initialise(model, fixture):
    """Draws every parameter: norms of one and biases of zero would hide that they are left out."""
    offset_norms = fixture.model_type.startswith("gemma")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            generator = torch.Generator().manual_seed(zlib.crc32(f"{fixture.name}/{name}".encode()))
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(".bias"):
                parameter.copy_(0.2 * noise)
            elif "norm" in name:
                parameter.copy_(0.2 * noise + (0 if offset_norms else 1))
            elif "embed_tokens" in name:  # a tied head would only repeat the last token if the embeddings were large
                parameter.copy_((0.1 if model.config.tie_word_embeddings else 0.5) * noise)
            else:
                standard_deviation = parameter.shape[-1] ** -0.5
                if any(part in name for part in ("q_proj", "k_proj", "qkv_proj")):
                    standard_deviation *= fixture.standard_deviation
                parameter.copy_(standard_deviation * noise)


def load(directory, dtype=torch.float32):
    """A new model each time: dynamic rotary embeddings remember the longest input that they have seen."""
    return AutoModelForCausalLM.from_pretrained(
        directory, dtype=dtype, attn_implementation="eager", experts_implementation="eager").eval()


def search_inputs(fixture, directory):
    """The first random inputs for which neither routing nor greedy generation hangs on a rounding error."""
    generator = torch.Generator().manual_seed(zlib.crc32(fixture.name.encode()))
    for _ in range(ATTEMPTS):
        ids = torch.randint(3, SIZES["vocab_size"], (2, fixture.length), generator=generator)
        model = load(directory)
        gaps = observe_routers(model)
        with torch.no_grad():
            logits = model(ids).logits
        prompt = ids[:, :fixture.prompt]
        model = load(directory)
        gaps_of_generation = observe_routers(model)
        generated, gap = generate(model, prompt, fixture.cached)
        if min(gaps + gaps_of_generation + [gap]) < SMALLEST_GAP or SIZES["eos_token_id"] in generated:
            continue
        if generated.unique().numel() < FEWEST_GENERATED:
            continue
        uncached, _ = generate(load(directory), prompt, use_cache=False)
        if fixture.cache_matters and torch.equal(uncached, generated):
            continue
        if not fixture.cache_matters and not torch.equal(uncached, generated):
            raise SystemExit(f"{fixture.name}: generates {generated.tolist()} with a cache and {uncached.tolist()} without")
        return {"input_ids": ids, "logits": logits, "prompt_ids": prompt, "generated_ids": generated}
    raise SystemExit(f"{fixture.name}: no input with gaps of {SMALLEST_GAP} in {ATTEMPTS} attempts")


def observe_routers(model):
    """A list that receives, from each router's pass, the smallest gap between the last chosen probability and the next one."""
    gaps = []

    def observe(router, _, outputs):
        top = outputs[0].softmax(-1).topk(router.top_k + 1).values
        gaps.append((top[:, -2] - top[:, -1]).min().item())

    for module in model.modules():
        if type(module).__name__.endswith("TopKRouter"):
            module.register_forward_hook(observe)
    return gaps


def generate(model, prompt, use_cache):
    """The greedy continuation, and the smallest gap between its logits and the second largest."""
    result = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=NEW_TOKENS, do_sample=False,
                            use_cache=use_cache, return_dict_in_generate=True, output_logits=True)
    top = torch.stack(result.logits).topk(2).values
    return result.sequences[:, prompt.shape[1]:], (top[..., 0] - top[..., 1]).min().item()


def loss_and_gradients(directory, ids):
    model = load(directory)
    routed = getattr(model.config, "router_aux_loss_coef", None) is not None
    outputs = model(ids, **(dict(output_router_logits=True) if routed else {}))
    loss = torch.nn.functional.cross_entropy(outputs.logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    results = {"mean_nll": loss.detach().reshape(1)}
    if routed:
        results["aux_loss"] = outputs.aux_loss.detach().reshape(1)
    for name, parameter in model.named_parameters():
        if name.startswith(GRADIENTS) and ".experts." not in name:  # transformers fuses the experts; files have them one by one
            results[f"grad.{name}"] = parameter.grad
    return results


def require_float64_is_near(directory, expected):
    with torch.no_grad():
        logits = load(directory, torch.float64)(expected["input_ids"]).logits
    error = (logits - expected["logits"]).abs().max().item()
    if error > LARGEST_ERROR:
        raise SystemExit(f"{directory}: float32 changes a logit by {error:.1e}, at most {LARGEST_ERROR} expected")


def require_old_config_is_equal(directory, expected):
    old = directory / "config-transformers-4.json"
    if old.exists():
        with tempfile.TemporaryDirectory() as temporary:
            shutil.copy(old, pathlib.Path(temporary, "config.json"))
            shutil.copy(directory / "model.safetensors", temporary)
            with torch.no_grad():
                difference = (load(temporary)(expected["input_ids"]).logits - expected["logits"]).abs().max().item()
        if difference != 0:
            raise SystemExit(f"{old}: logits differ by {difference}")


def require_settings_matter(fixture, settings, directory, expected):
    weights = load(directory).state_dict()
    changes = []
    for what, changed in fixture.changes.items():
        model = construct(fixture.model_type, settings | changed)
        missing = model.load_state_dict(weights, strict=False).missing_keys
        if missing:
            raise SystemExit(f"{fixture.name}, {what}: the changed model has other parameters: {missing}")
        with torch.no_grad():
            change = (model(expected["input_ids"]).logits - expected["logits"]).abs().max().item()
        if change < SMALLEST_CHANGE:
            raise SystemExit(f"{fixture.name}: {what} changes no logit by {SMALLEST_CHANGE}, only by {change:.1e}")
        changes.append(f"{what} {change:.3f}")
    return changes


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
