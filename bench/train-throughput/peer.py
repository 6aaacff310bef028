#!/usr/bin/python3
"""One PyTorch peer: trains the benchmark's model for some steps and prints one JSON line, or checks itself against a fixture."""
import argparse
import ctypes
import json
import os
import platform
import re
import time

import torch

import loop
import safetensors_file
import stacked
from model import Config, LanguageModel

FORMS = {"loop": loop.Block, "stacked": stacked.Block}
BATCH = 8


def optimizer_of(model):
    """AdamW with decay on matrices only, as in the paper."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [dict(params=matrices, weight_decay=0.1), dict(params=others, weight_decay=0.0)]
    fused = dict(fused=True) if matrices[0].is_cuda else {}
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, **fused)


def train(form, size, warm_up, steps, device, dtype):
    config = Config.of(size)
    length = config.positions
    model = LanguageModel(config, FORMS[form]).to(device)
    model.initialize(seed=1)
    optimizer = optimizer_of(model)
    parameters = list(model.parameters())
    generator = torch.Generator().manual_seed(2)
    seconds = []
    for _ in range(warm_up + steps):
        start = time.perf_counter()
        tokens = torch.randint(config.vocab, (BATCH, length + 1), generator=generator).to(device)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
            loss, *_ = model.loss(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        final = loss.item()
        seconds.append(time.perf_counter() - start)
    measured = seconds[warm_up:]
    return dict(tokens_per_second=BATCH * length * steps / sum(measured), step_seconds=measured, loss=final,
                parameters=sum(p.numel() for p in parameters), flops_per_token=config.training_flops_per_token(length))


def matrix_peak(seconds=2.0):
    """The best float32 product of this machine in this moment, in FLOP/s."""
    n, best = 2048, 0.0
    a, b, c = (torch.randn(n, n) for _ in range(3))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        best = max(best, 2 * n ** 3 / (time.perf_counter() - start))
    return best


def check(form, directory):
    """Compares loss, logits and every gradient with a fixture that an independent implementation wrote."""
    config = Config.load(os.path.join(directory, "config.json"))
    weights = safetensors_file.load(os.path.join(directory, "model.safetensors"))
    expected = safetensors_file.load(os.path.join(directory, "expected.safetensors"))
    model = LanguageModel(config, FORMS[form])
    views = list(model.checkpoint_views())
    if sorted(name for name, _, _ in views) != sorted(weights):
        raise SystemExit(f"{directory}: its tensors are not this model's")
    with torch.no_grad():
        for name, parameter, view in views:
            view(parameter).copy_(weights[name])
    ids = expected["input_ids"]
    targets = torch.cat([ids[:, 1:], torch.full_like(ids[:, :1], -100)], dim=1)
    loss, nll, balance, z, logits = model.loss(ids, targets)
    loss.backward()

    def error(found, wanted):
        return (found - wanted).abs().max().item()

    def relative(found, wanted):
        return error(found, wanted) / wanted.abs().max().clamp_min(1e-12).item()

    errors = dict(logits=error(logits, expected["logits"]), nll=error(nll, expected["nll"]), loss=error(loss, expected["loss"]),
                  load_balancing=error(balance, expected["load_balancing"]), z=error(z, expected["z"]),
                  gradients=max(relative(view(p.grad), expected["grad." + name]) for name, p, view in views))
    return dict(errors=errors, tolerance=1e-4, holds=all(value <= 1e-4 for value in errors.values()))


def environment():
    with open("/proc/self/maps") as maps:
        blas = sorted(set(re.findall(r"/\S*lib(?:open)?blas\S*", maps.read())))
    core = None
    for path in blas:
        library = ctypes.CDLL(path)
        if hasattr(library, "openblas_get_corename"):
            library.openblas_get_corename.restype = ctypes.c_char_p
            core = library.openblas_get_corename().decode()
    return dict(torch=torch.__version__, python=platform.python_version(), threads=torch.get_num_threads(), blas=blas,
                openblas_core=core,
                variables={k: v for k, v in sorted(os.environ.items()) if k.startswith(("OMP_", "MALLOC_", "OPENBLAS_", "LD_"))})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=[*FORMS, "peak"])
    parser.add_argument("--check", metavar="FIXTURE", help="compare with this fixture instead of training")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--size", choices=["tiny", "small", "medium", "large"], default="small")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, help="intra-op threads; PyTorch's own choice when not given")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.form == "peak":
        result = dict(matrix_peak=matrix_peak())
    elif arguments.check:
        result = check(arguments.form, arguments.check)
    else:
        result = train(arguments.form, arguments.size, arguments.warm_up, arguments.steps, arguments.device, arguments.dtype)
    print(json.dumps(dict(form=arguments.form, **result, environment=environment())))
    raise SystemExit(0 if result.get("holds", True) else 1)


if __name__ == "__main__":
    main()
