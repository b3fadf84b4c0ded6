"""Gradients of the mean token loss by torch's autograd, CPU, eager attention.

    python parity/reference_gradient.py MODEL [--precision float32|float64]      MODEL: folder or .gguf
One request per line: {"ids": file of int32, "score_from": n, "rope": explicit frequencies (reference.py), "output": folder}
`output` gets one file per tensor, float32 little-endian: the weights by name, "cos" and "sin" [length, rotary pairs], and
"log_factors" and "attention_factor", found by autograd through the tables as well. The answer is the loss and the names.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from reference import FixedTables, load, read_ids


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    precision = getattr(torch, arguments.precision)
    model = load(arguments.model, "eager", arguments.precision)

    def answer(request: dict) -> dict:
        ids, rope, start = read_ids(request["ids"]), request["rope"], request["score_from"]
        length = len(ids) - 1
        frequencies = torch.tensor(rope["inverse_frequency"]).to(precision)
        base = torch.tensor(rope["base_inverse_frequency"]).to(precision)
        log_factors = torch.zeros_like(frequencies, requires_grad=True)
        attention_factor = torch.tensor(rope["attention_factor"], dtype=precision, requires_grad=True)
        scaled = torch.arange(length)[:, None] >= rope["start_tokens"]
        angles = torch.arange(length).to(precision)[:, None] * torch.where(
            scaled, frequencies * torch.exp(-log_factors), base
        )
        cos, sin = angles.cos() * attention_factor, angles.sin() * attention_factor
        cos.retain_grad(), sin.retain_grad()
        model.model.rotary_emb = FixedTables(torch.cat([cos, cos], -1), torch.cat([sin, sin], -1))
        model.zero_grad()
        logits = model(ids[None, :-1], use_cache=False).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[start - 1 :], ids[start:])
        loss.backward()
        tensors = {
            **{name: weight.grad for name, weight in model.named_parameters()},
            "cos": cos.grad,
            "sin": sin.grad,
            "log_factors": log_factors.grad,
            "attention_factor": attention_factor.grad,
        }
        for name, gradient in tensors.items():
            gradient.numpy().astype("<f4").tofile(Path(request["output"]) / name)
        return {"loss": loss.item(), "names": list(tensors)}

    stdout, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        stdout.flush()


if __name__ == "__main__":
    main()
