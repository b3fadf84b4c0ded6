"""Training steps by torch.optim on the model of transformers, CPU, float32.

    python parity/reference_training.py MODEL
One request per line: {"ids": file of int32 [steps, batches, rows, tokens], "shape": [...], "output": folder, and TrainingArguments by
name: "optim": "adamw" | "muon", "learning_rate", "weight_decay", "warmup_steps", "max_grad_norm", "adam_beta1", "adam_beta2",
"adam_epsilon"; "bfloat16": whether Muon iterates in bfloat16, as torch does, or in float32}
`output` gets the weights at the end, one file each, float32. The answer is the loss of every step and the gradient norms.
Decay groups and schedule are those of HF Trainer; Muon (lr adjusted to AdamW's RMS) has the matrices of the layers.
"""

import json
import sys
from pathlib import Path

import torch
from reference import load, read_ids
from transformers import Trainer, get_linear_schedule_with_warmup


def groups(named, decayed, weight_decay):
    return [
        {"params": [p for n, p in named if n in decayed], "weight_decay": weight_decay},
        {"params": [p for n, p in named if n not in decayed], "weight_decay": 0.0},
    ]


def optimizers(model, request):
    decayed = Trainer.get_decay_parameter_names(None, model)
    named = list(model.named_parameters())
    hidden = [(n, p) for n, p in named if request["optim"] == "muon" and n.startswith("model.layers.") and p.ndim == 2]
    rest = [(n, p) for n, p in named if all(n != other for other, _ in hidden)]
    rate, decay = request["learning_rate"], request["weight_decay"]
    betas = (request["adam_beta1"], request["adam_beta2"])
    made = [torch.optim.AdamW(groups(rest, decayed, decay), lr=rate, betas=betas, eps=request["adam_epsilon"])]
    if hidden:
        parameters = [p for _, p in hidden]
        made.append(torch.optim.Muon(parameters, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
    return made


def main() -> None:
    # So small a model gains nothing from more, and on a busy machine their spinning costs minutes.
    torch.set_num_threads(1)
    as_torch_has_it = torch.Tensor.bfloat16

    def answer(request: dict) -> dict:
        # Muon's one cast; without it the same code iterates in float32.
        torch.Tensor.bfloat16 = as_torch_has_it if request["bfloat16"] else lambda tensor: tensor
        model = load(sys.argv[1], "eager").train()
        ids = read_ids(request["ids"]).reshape(request["shape"])
        made = optimizers(model, request)
        warmup = request["warmup_steps"]
        schedules = [get_linear_schedule_with_warmup(optimizer, warmup, len(ids)) for optimizer in made]
        losses, norms = [], []
        for batches in ids:
            loss_of_step = 0.0
            for rows in batches:
                logits = model(rows[:, :-1], use_cache=False).logits
                loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten()) / len(batches)
                loss.backward()
                loss_of_step += loss.item()
            norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), request["max_grad_norm"]).item())
            for optimizer, schedule in zip(made, schedules):
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            losses.append(loss_of_step)
        for name, weight in model.named_parameters():
            weight.detach().numpy().astype("<f4").tofile(Path(request["output"]) / name)
        return {"losses": losses, "norms": norms}

    stdout, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        stdout.flush()


if __name__ == "__main__":
    main()
