"""One perplexity evaluation with transformers on torch CPU, SDPA, float32: MODEL IDS LENGTH [--runs 3] [--threads 2]. Prints JSON."""

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
parser.add_argument("length", type=int)
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
a = parser.parse_args()

torch.set_num_threads(a.threads)
model = load(a.model, "sdpa")
ids = torch.from_numpy(np.fromfile(a.ids, dtype="<i4")[: a.length].astype(np.int64))[None]
seconds = []
with torch.inference_mode():
    for run in range(a.runs + 1):
        started = time.perf_counter()
        loss = float(model(ids, labels=ids, use_cache=False).loss)
        if run > 0:
            seconds.append(time.perf_counter() - started)
print(
    json.dumps(
        {
            "tokens": a.length,
            "seconds": statistics.median(seconds),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "mean_loss": loss,
        }
    )
)
