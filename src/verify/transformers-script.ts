import { type Observation, type Probe, TOLERANCE } from './probe.js';

/** One forward pass that transformers is to make: whole, or in `chunk` tokens at a time behind a cache. */
export interface ScriptCase {
  readonly probe: Probe;
  readonly chunk: number | null;
  readonly expected: Observation;
}

/** What the script prints per case, as its last line. */
export interface ScriptAnswer {
  readonly length: number;
  readonly chunk: number | null;
  readonly logits: readonly number[];
  readonly losses: readonly number[];
}

const round = (values: Float32Array) => [...values].map((value) => Number(value.toPrecision(7)));

/**
 * A Python program of its own, to be run wherever the model is served: it loads the folder with transformers, makes the same
 * forward passes and compares them with what longrope computed, which it carries along.
 */
export function transformersScript(folder: string, cases: readonly ScriptCase[]): string {
  const longest = cases.reduce((a, b) => (b.probe.length > a.probe.length ? b : a));
  const expectations = {
    folder,
    ids: [...longest.probe.ids],
    vocabulary: longest.probe.vocabulary,
    cases: cases.map(({ probe, chunk, expected }) => ({
      length: probe.length,
      rows: probe.rows,
      chunk,
      logits: round(expected.logits),
      losses: round(expected.losses),
    })),
  };
  return `"""Compares transformers with longrope on one model folder: python THIS [FOLDER] [--json]

Needs torch and transformers. Prints a table, with --json also what it computed; ends with 1 if a whole forward pass differs.
"""

import argparse
import json
import math
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM

EXPECTED = json.loads(r"""${JSON.stringify(expectations)}""")


def last_rows(model, ids, rows, chunk):
    """Logits of the last rows; with a chunk, behind a cache filled chunk by chunk."""
    if chunk is None:
        return model(ids, use_cache=False, logits_to_keep=rows).logits[0]
    cache = None
    begin = 0
    while begin < ids.shape[1]:
        # The compared rows are read together, at the end.
        end = min(begin + chunk, ids.shape[1] - rows) if begin < ids.shape[1] - rows else ids.shape[1]
        answer = model(ids[:, begin:end], past_key_values=cache, use_cache=True, logits_to_keep=rows)
        cache = answer.past_key_values
        begin = end
    return answer.logits[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", default=EXPECTED["folder"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32)
    model.eval()
    told = []
    differs = False
    print(f"transformers {transformers.__version__}, {options.folder}")
    for case in EXPECTED["cases"]:
        length, rows = case["length"], case["rows"]
        ids = torch.tensor([EXPECTED["ids"][: length + 1]])
        with torch.inference_mode():
            logits = last_rows(model, ids[:, :length], rows, case["chunk"]).float()
        losses = torch.nn.functional.cross_entropy(logits, ids[0, length - rows + 1 :], reduction="none")
        sample = logits[:, EXPECTED["vocabulary"]].flatten().tolist()
        largest = max(abs(a - b) for a, b in zip(sample, case["logits"]))
        ours = math.exp(sum(case["losses"]) / rows)
        theirs = math.exp(losses.double().mean().item())
        same = largest <= ${TOLERANCE.logits} and abs(theirs / ours - 1) <= ${TOLERANCE.perplexity}
        differs = differs or (case["chunk"] is None and not same)
        how = "whole" if case["chunk"] is None else f"chunks of {case['chunk']}"
        print(f"{length:8d} tokens, {how:16s} logits {largest:.1e}, perplexity {theirs:.4f} (longrope {ours:.4f}): {'same' if same else 'DIFFERS'}")
        told.append({"length": length, "chunk": case["chunk"], "logits": sample, "losses": losses.tolist()})
    if options.json:
        print(json.dumps(told))
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
`;
}
