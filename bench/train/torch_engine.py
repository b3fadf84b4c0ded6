"""Training steps with transformers on torch CPU, eager, SDPA, float32: MODEL IDS BATCH LENGTH [--steps 3] [--checkpointing]. Prints JSON."""

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "parity"))
from reference import load  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("ids")
parser.add_argument("batch", type=int)
parser.add_argument("length", type=int)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--checkpointing", action="store_true")
a = parser.parse_args()

torch.set_num_threads(a.threads)
model = load(a.model, "sdpa").train()
if a.checkpointing:
    model.gradient_checkpointing_enable({"use_reentrant": False})
size = a.length + 1
ids = torch.from_numpy(np.fromfile(a.ids, dtype="<i4")[: a.batch * size].astype(np.int64)).view(a.batch, size)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0)
seconds, losses = [], []
for step in range(a.steps + 1):
    started = time.perf_counter()
    optimizer.zero_grad()
    logits = model(ids[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    optimizer.step()
    if step > 0:
        seconds.append(time.perf_counter() - started)
    losses.append(loss.item())
print(
    json.dumps(
        {
            "tokens": a.batch * a.length,
            "seconds": statistics.median(seconds),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "losses": losses,
        }
    )
)
