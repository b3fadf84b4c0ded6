"""Training steps by torch.optim on the model of transformers, CPU, float32.

    python parity/reference_training.py MODEL
One request per line: {"ids": file of int32 [steps, batches, rows, tokens], "shape": [...], "output": folder, and TrainingArguments by
name: "optim": "adamw" | "muon", "learning_rate", "weight_decay", "warmup_steps", "max_grad_norm", "adam_beta1", "adam_beta2",
"adam_epsilon"; "bfloat16": whether Muon iterates in bfloat16, as torch does, or in float32; "lora": null or {"r", "alpha", "modules",
"whole": words of what is trained as it is, "a": folder with each A as NAME.lora_A.weight}}
`output` gets the weights at the end, one file each, float32. The answer is the loss of every step and the gradient norms.
Decay groups and schedule are those of HF Trainer; Muon (lr adjusted to AdamW's RMS) has the matrices of the layers.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from reference import load, read_ids
from transformers import Trainer, get_linear_schedule_with_warmup


class LowRank(torch.nn.Module):
    def __init__(self, shape, lora, name):
        super().__init__()
        a = np.fromfile(Path(lora["a"]) / f"{name}.lora_A.weight", dtype="<f4").reshape(lora["r"], shape[1])
        self.lora_A = torch.nn.Parameter(torch.from_numpy(a))
        self.lora_B = torch.nn.Parameter(torch.zeros(shape[0], lora["r"]))
        self.scale = lora["alpha"] / lora["r"]

    def forward(self, weight):
        return weight + self.scale * (self.lora_B @ self.lora_A)


def adapt(model, lora):
    """Low-rank updates by torch's parametrizations; everything else but `whole` is frozen."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(any(word in name for word in lora["whole"]))
    for name, module in list(model.named_modules()):
        if name.split(".")[-1] in lora["modules"]:
            torch.nn.utils.parametrize.register_parametrization(module, "weight", LowRank(module.weight.shape, lora, name))


def trained_weights(model):
    for name, module in model.named_modules():
        for own, _ in module.named_parameters(recurse=False):
            yield f"{name}.{own}", getattr(module, own)
        if torch.nn.utils.parametrize.is_parametrized(module):
            yield f"{name}.weight", module.weight


def groups(named, decayed, weight_decay):
    return [
        {"params": [p for n, p in named if n in decayed], "weight_decay": weight_decay},
        {"params": [p for n, p in named if n not in decayed], "weight_decay": 0.0},
    ]


def optimizers(model, request):
    decayed = Trainer.get_decay_parameter_names(None, model)
    # Factors of updates are decayed, as parameters of a module that is no norm.
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
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
        if request["lora"] is not None:
            adapt(model, request["lora"])
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
        for name, weight in trained_weights(model):
            weight.detach().numpy().astype("<f4").tofile(Path(request["output"]) / name)
        return {"losses": losses, "norms": norms}

    stdout, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        stdout.flush()


if __name__ == "__main__":
    main()
