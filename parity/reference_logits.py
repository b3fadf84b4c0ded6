"""Logits of transformers on torch CPU.

    python parity/reference_logits.py < job.json
    job: {"model": folder or .gguf, "attention": "sdpa" | "eager", "precision": "float32" | "float64", "threads": 2,
          "evaluations": [{"ids": file of int32, "rows": [position, ...], "rope": see reference.py, "output": file}, ...]}
Each output gets the next-token logits of the asked rows, [rows, vocabulary], float32 little-endian (float64 if precision says so).
"""

from contextlib import nullcontext

import numpy as np
import torch
from reference import double_precision, load, main_of_json, read_ids, set_rope


def logits(model, ids: torch.Tensor, rows: list[int], rope: dict | None) -> np.ndarray:
    needs_length = rope is not None and ("inverse_frequency" in rope or rope.get("angles") == "float64")
    set_rope(model, rope, len(ids) if needs_length else None)
    double = model.dtype == torch.float64
    # Norms, softmax and angles are float32 in transformers whatever the model's dtype, unless torch itself is exchanged.
    with double_precision() if double else nullcontext():
        # The head runs only on the asked rows: all of them would be length times vocabulary.
        output = model(ids[None], use_cache=False, logits_to_keep=torch.tensor(rows))
    return output.logits[0].as_subclass(torch.Tensor).numpy()


def run(job: dict) -> dict:
    model = load(job["model"], job.get("attention", "sdpa"), job.get("precision", "float32"))
    for evaluation in job["evaluations"]:
        values = logits(model, read_ids(evaluation["ids"]), evaluation["rows"], evaluation.get("rope"))
        values.astype(values.dtype.newbyteorder("<")).tofile(evaluation["output"])
    return {"evaluations": len(job["evaluations"])}


if __name__ == "__main__":
    main_of_json(run)
