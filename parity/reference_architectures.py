"""Tiny random models of any class of transformers, and their logits on torch CPU.

    python parity/reference_architectures.py [--threads 1]
One request per line, one answer per line:
    {"create": folder, "config": {"model_type": ..., ...}, "seed": n}
        writes a model with random weights, norms and biases included, float32 safetensors: {}
    {"folder": folder, "texts": [{"ids": file of int32, "output": file}, ...]}
        next-token logits of all positions of each, float32 little-endian, go to `output`: {"shapes": [[...], ...]}, or
        {"refused": message} for a config that the class does not accept
Attention is eager: it is the one that applies every cap and window.
"""

import argparse
import math

import torch
import transformers
from reference import answer_lines, load, read_ids
from transformers import AutoConfig, AutoModelForCausalLM


def randomise(model: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if weight.ndim > 1:
            # Rows of the embedding have length 1 per entry, so that a layer without input norm works too.
            weight.data = noise if "embed_tokens" in name else noise / math.sqrt(weight.shape[-1])
        elif name.endswith("bias"):
            weight.data = 0.3 * noise
        else:
            # Norm weights lie around what the class begins with: 1, or 0 where it adds 1.
            weight.data = weight.data + 0.3 * noise


def create(request: dict) -> dict:
    settings = dict(request["config"])
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    randomise(model, request["seed"])
    model.save_pretrained(request["create"])
    return {}


def logits(request: dict) -> dict:
    try:
        model = load(request["folder"], "eager")
    except Exception as error:  # noqa: BLE001 - validation raises several kinds, wrapped by huggingface_hub
        return {"refused": f"{type(error).__name__}: {error}"}
    shapes = []
    for text in request["texts"]:
        result = model(read_ids(text["ids"])[None], use_cache=False).logits[0]
        result.numpy().astype("<f4").tofile(text["output"])
        shapes.append(list(result.shape))
    return {"shapes": shapes}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    transformers.logging.set_verbosity_error()
    answer_lines(lambda request: create(request) if "create" in request else logits(request))


if __name__ == "__main__":
    main()
