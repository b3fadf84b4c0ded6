"""How far transformers is from itself and from float64: what a tolerance on logits can mean.

    python parity/noise.py MODEL TEXT [--rope '{"config": {...}}'] [--lengths 256,1024,4096] [--skip 9000] [--threads 2]

Largest absolute difference of logits (root mean square in brackets), every 32nd row and the last 64, between
    sdpa, eager    transformers in float32 with its two attention implementations
    double         weights and activations in float64, cos and sin those of transformers in float32
    exact          everything in float64, frequencies and angles included
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from reference import double_precision, exact_tables, load, rotary_tables
from transformers import AutoTokenizer

PAIRS = [("sdpa", "eager"), ("sdpa", "double"), ("eager", "double"), ("double", "exact"), ("sdpa", "exact")]


def rows_of(length: int) -> torch.Tensor:
    return torch.tensor(sorted({*range(0, length, 32), *range(max(0, length - 64), length)}))


def tokenize(model: str, text: str, tokens: int) -> torch.Tensor:
    path = Path(model)
    options = {"gguf_file": path.name} if path.suffix == ".gguf" else {}
    tokenizer = AutoTokenizer.from_pretrained(path.parent if options else path, **options)
    return torch.tensor(tokenizer(text[: 8 * tokens])["input_ids"][:tokens])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--rope", type=json.loads)
    parser.add_argument("--lengths", default="256,1024,4096")
    parser.add_argument("--skip", type=int, default=9000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    lengths = [int(n) for n in arguments.lengths.split(",")]
    ids = tokenize(arguments.model, Path(arguments.text).read_text(encoding="utf-8")[arguments.skip :], max(lengths))

    logits: dict[tuple[str, int], np.ndarray] = {}

    def evaluate(kind: str, model, length: int, tables) -> None:
        model.model.rotary_emb = tables
        values = model(ids[None, :length], use_cache=False, logits_to_keep=rows_of(length)).logits[0]
        logits[kind, length] = values.as_subclass(torch.Tensor).double().numpy()

    with torch.inference_mode():
        for kind in ("sdpa", "eager"):
            model = load(arguments.model, kind)
            for length in lengths:
                evaluate(kind, model, length, rotary_tables(model, arguments.rope, length))
        model = load(arguments.model, "sdpa", "float64")
        for length in lengths:
            single = rotary_tables(model, arguments.rope, length)
            exact = exact_tables(model, arguments.rope, length)
            # Norms are float32 in transformers whatever the dtype of the model, unless torch itself is exchanged.
            with double_precision():
                evaluate("double", model, length, single)
                evaluate("exact", model, length, exact)

    for length in lengths:
        print(f"{length} tokens, largest logit {np.abs(logits['exact', length]).max():.1f}")
        for one, other in PAIRS:
            difference = np.abs(logits[one, length] - logits[other, length])
            print(f"  {one}-{other}: {difference.max():.2e} ({np.sqrt(np.square(difference).mean()):.1e})")


if __name__ == "__main__":
    main()
