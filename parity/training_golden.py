"""Golden numbers of optimisers and schedules: torch.optim.AdamW, torch.optim.Muon in float32, transformers' schedules.

Run from anywhere: python parity/training_golden.py
Writes test/oracle/training.json.
"""

import json
from pathlib import Path

import torch
from transformers import get_scheduler

OUTPUT = Path(__file__).resolve().parents[1] / "test" / "oracle" / "training.json"
STEPS = 4


def tensor(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def flat(value):
    return value.detach().flatten().tolist()


def run(make, shape):
    weight = torch.nn.Parameter(tensor(shape, 1))
    optimizer = make([weight])
    gradients, weights = [], [flat(weight)]
    for step in range(STEPS):
        weight.grad = tensor(shape, 10 + step) * 3**step
        gradients.append(flat(weight.grad))
        optimizer.step()
        weights.append(flat(weight))
    return {"shape": shape, "gradients": gradients, "weights": weights}


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.03, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)


def muon(parameters):
    return torch.optim.Muon(parameters, lr=0.03, weight_decay=0.2, momentum=0.9, adjust_lr_fn="match_rms_adamw")


def schedule(name, warmup, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {"name": name, "warmup": warmup, "steps": steps, "rates": rates}


def clipped():
    tensors = [torch.nn.Parameter(torch.zeros(5)), torch.nn.Parameter(torch.zeros(2, 3))]
    gradients = [tensor((5,), 3), tensor((2, 3), 4)]
    for parameter, gradient in zip(tensors, gradients):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(tensors, 0.7).item()
    return {"gradients": [flat(g) for g in gradients], "norm": norm, "maximum": 0.7, "clipped": [flat(p.grad) for p in tensors]}


# Muon's one cast: without it the same code iterates in float32.
torch.Tensor.bfloat16 = lambda self: self
golden = {
    "adamw": run(adamw, [2, 3]),
    "muon": [run(muon, shape) for shape in ([3, 5], [5, 3], [4, 4])],
    "schedules": [
        schedule(name, warmup, 12)
        for name in ("linear", "cosine", "constant", "constant_with_warmup")
        for warmup in (0, 5)
        if not (name == "constant" and warmup)
    ],
    "clip": clipped(),
}
OUTPUT.write_text(json.dumps(golden, indent=1) + "\n")
