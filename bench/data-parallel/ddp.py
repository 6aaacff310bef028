#!/usr/bin/python3
"""One rank of PyTorch's DistributedDataParallel on the benchmark's model, over Gloo; rank 0 prints one JSON line."""
import argparse
import json
import sys
import time
from pathlib import Path

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "train-throughput"))
import peer  # noqa: E402
from model import Config, LanguageModel  # noqa: E402


class Loss(torch.nn.Module):
    """The loss as a forward pass, which is what DistributedDataParallel wraps."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, inputs, targets):
        return self.model.loss(inputs, targets)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=list(peer.FORMS))
    parser.add_argument("--size", choices=["small", "medium"], default="small")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.distributed.init_process_group("gloo")
    rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    config = Config.of(arguments.size)
    length = config.positions
    model = LanguageModel(config, peer.FORMS[arguments.form])
    model.initialize(seed=1)
    optimizer = peer.optimizer_of(model)
    # A rank's tokens may leave an expert without any.
    parallel = DistributedDataParallel(Loss(model), find_unused_parameters=True)
    generator = torch.Generator().manual_seed(2)
    seconds = []
    for _ in range(arguments.warm_up + arguments.steps):
        start = time.perf_counter()
        tokens = torch.randint(config.vocab, (peer.BATCH, length + 1), generator=generator)[rank::ranks]
        optimizer.zero_grad(set_to_none=True)
        loss = parallel(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        final = loss.item()
        seconds.append(time.perf_counter() - start)
    measured = seconds[arguments.warm_up:]
    torch.distributed.barrier()
    if rank == 0:
        print(json.dumps(dict(form=f"ddp {arguments.form}", loss=final, step_seconds=measured, environment=peer.environment(),
                              tokens_per_second=peer.BATCH * length * arguments.steps / sum(measured))))


if __name__ == "__main__":
    main()
