"""How far transformers is from itself and from float64: what a tolerance on logits can mean.

    python parity/noise.py MODEL TEXT [--lengths 256,1024,4096] [--skip 9000]

Largest absolute difference of logits over every 32nd row and the last 64, per length:
    sdpa-eager      float32, two attention implementations of transformers
    sdpa-exact      float32 against float64 throughout (frequencies, angles, weights, activations)
    eager-exact     the same for the eager implementation
    sdpa-double     float32 against float64 arithmetic that uses the same float32 cos and sin tables
    tables          float64 arithmetic: float32 tables against float64 tables
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from reference import load, set_rope, tables_of, rotary_config
from reference_logits import double_precision
from transformers import AutoTokenizer
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding


def rows_of(length: int) -> list[int]:
    return sorted({*range(0, length, 32), *range(max(0, length - 64), length)})


def tokens(model: str, text: str) -> torch.Tensor:
    path = Path(model)
    options = {"gguf_file": path.name} if path.suffix == ".gguf" else {}
    tokenizer = AutoTokenizer.from_pretrained(path.parent if options else path, **options)
    return torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"])


def run(model, ids, rows):
    return model(ids[None], use_cache=False, logits_to_keep=torch.tensor(rows)).logits[0].as_subclass(torch.Tensor).double().numpy()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--lengths", default="256,1024,4096")
    parser.add_argument("--skip", type=int, default=9000)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    text = Path(arguments.text).read_text(encoding="utf-8")[arguments.skip :]
    ids = tokens(arguments.model, text[:40_000])
    lengths = [int(n) for n in arguments.lengths.split(",")]
    kinds = {
        "sdpa": ("sdpa", "float32", "float32"),
        "eager": ("eager", "float32", "float32"),
        "exact": ("eager", "float64", "float64"),
        "double": ("eager", "float64", "float32"),
    }
    results: dict[str, dict[int, np.ndarray]] = {}
    with torch.no_grad():
        for kind, (attention, precision, angles) in kinds.items():
            model = load(arguments.model, attention, precision)
            results[kind] = {}
            for length in lengths:
                if kind == "exact":
                    with double_precision():
                        model.model.rotary_emb = tables_of(LlamaRotaryEmbedding(rotary_config(model, None)), length, torch.float64)
                elif kind == "double":
                    set_rope(model, None, length)
                rows = rows_of(length)
                if precision == "float64":
                    with double_precision():
                        results[kind][length] = run(model, ids[:length], rows)
                else:
                    results[kind][length] = run(model, ids[:length], rows)
            del model
    for length in lengths:
        r = {k: v[length] for k, v in results.items()}
        d = lambda a, b: float(np.abs(r[a] - r[b]).max())
        rms = lambda a, b: float(np.sqrt(np.square(r[a] - r[b]).mean()))
        pairs = [("sdpa","eager"),("sdpa","exact"),("eager","exact"),("sdpa","double"),("eager","double"),("double","exact")]
        print(length, {f"{a}-{b}": f"{d(a,b):.2e} (rms {rms(a,b):.1e})" for a, b in pairs}, "max |logit|", float(np.abs(r["exact"]).max()), flush=True)


if __name__ == "__main__":
    main()
