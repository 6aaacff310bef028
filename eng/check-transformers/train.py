"""
One step of transformers' Trainer on the same rows as 8 x 1, 2 x 4 and 1 x 8 (batch x accumulation): losses and gradients must be
equal.
"""

import json
import pathlib
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

TOLERANCE = 1e-5
SHAPES = ((8, 1), (2, 4), (1, 8))
# One of each kind among the further fixtures, since it takes minutes.
TRAINED = {"gemma2", "granite", "llama-dynamic", "ministral3", "olmo2", "olmoe", "phi3-longrope", "qwen2-moe-shared-expert"}


def rows(vocabulary, lengths):
    random = torch.Generator().manual_seed(1)
    return [torch.randint(3, vocabulary, (length,), generator=random) for length in lengths]


def padded(batch):
    """Padding on the right, and a third of each row without targets, as a prompt."""
    pad = lambda values, value: torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=value)
    labels = [torch.where(torch.arange(len(row)) < len(row) // 3, -100, row) for row in batch]
    return dict(input_ids=pad(batch, 0), attention_mask=pad([torch.ones_like(row) for row in batch], 0), labels=pad(labels, -100))


def step(directory, data, batch, accumulation, checkpointing):
    """The loss, and what one step of plain gradient descent takes from each parameter: its gradient."""
    model = AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True, dtype=torch.float32)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            gradient_checkpointing=checkpointing,
            max_steps=1,
            optim="sgd",
            learning_rate=1.0,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            logging_steps=1,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=padded)
        trainer.train()
    loss = next(float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry)
    return loss, {name: before[name] - parameter.detach() for name, parameter in model.named_parameters()}


def accumulates(directory, lengths, checkpointing=False):
    vocabulary = json.loads((directory / "config.json").read_text())["vocab_size"]
    data = rows(vocabulary, lengths)
    loss, gradients = step(directory, data, *SHAPES[0], checkpointing=False)
    for shape in SHAPES[1:]:
        other, others = step(directory, data, *shape, checkpointing)
        if abs(other - loss) > TOLERANCE or any((others[name] - gradients[name]).abs().max() > TOLERANCE for name in gradients):
            return False
    return any(gradient.abs().max() > TOLERANCE for gradient in gradients.values())


def main(root):
    found = []
    others = {f"hf-{fixture.name}" for fixture in (root / "hf-more").iterdir() if fixture.name not in TRAINED}
    for directory in sorted(path for path in (root / "exports").iterdir() if path.name not in others):
        checks = dict(
            equal=accumulates(directory, [16] * 8),
            unequal=accumulates(directory, range(9, 17)),
            checkpointed=accumulates(directory, range(9, 17), checkpointing=True),
        )
        found.append(dict(what=directory.name, checks=checks))
    (root / "accumulated.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
