"""What the reference scripts share: models in transformers, and any RoPE put into them.

A RoPE is given as JSON in one of three forms:
    null                                                         what the model's own config says
    {"config": {"max_position_embeddings": N, ...,               keys of a config.json; transformers does the rest
                "rope_parameters": {...}}}
    {"inverse_frequency": [...], "attention_factor": x,          explicit frequencies, as a search makes them; positions
     "base_inverse_frequency": [...], "start_tokens": n}         below start_tokens keep the base frequencies
"""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from rope_golden import double_precision
from transformers import AutoModelForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding


def load(path: str, attention: str = "sdpa", precision: str = "float32"):
    """A Hugging Face folder or a GGUF file, all weights as numbers of `precision`."""
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    options = {"dtype": torch.float32, "attn_implementation": attention}
    if path.endswith(".gguf"):
        folder, options["gguf_file"] = Path(path).parent, Path(path).name
    else:
        folder = path
    return AutoModelForCausalLM.from_pretrained(folder, **options).to(getattr(torch, precision)).eval()


class FixedTables(torch.nn.Module):
    """Rotary tables computed beforehand: row p for position p, whatever the length of the sequence."""

    def __init__(self, cos: torch.Tensor, sin: torch.Tensor):
        super().__init__()
        self.cos, self.sin = cos, sin

    def forward(self, x, position_ids):
        return self.cos[position_ids].to(x.dtype), self.sin[position_ids].to(x.dtype)


def rotary(model, rope: dict | None) -> LlamaRotaryEmbedding:
    """transformers' own module for `rope`; a new one each time, as dynamic and longrope keep state between calls."""
    config = copy.deepcopy(model.config)
    if rope is not None:
        keys = copy.deepcopy(rope["config"])
        keys["rope_parameters"] = {"rope_theta": config.rope_parameters["rope_theta"], **keys["rope_parameters"]}
        own = {key: value for key, value in config.to_dict().items() if not key.startswith("rope_")}
        config = type(config)(**{**own, **keys})
    return LlamaRotaryEmbedding(config)


def tables_of(module: LlamaRotaryEmbedding, length: int, dtype: torch.dtype = torch.float32) -> FixedTables:
    """The tables transformers makes for a sequence of `length` tokens."""
    cos, sin = module(torch.zeros(1, dtype=dtype), torch.arange(length, dtype=dtype)[None])
    return FixedTables(cos[0].as_subclass(torch.Tensor), sin[0].as_subclass(torch.Tensor))


def exact_tables(model, rope: dict | None, length: int) -> FixedTables:
    """The same functions of transformers in double precision."""
    with double_precision():
        return tables_of(rotary(model, rope), length, torch.float64)


def explicit_tables(rope: dict, length: int) -> FixedTables:
    """In float32, operation for operation as LlamaRotaryEmbedding does it."""
    frequencies = torch.tensor(rope["inverse_frequency"]).repeat(length, 1)
    start = rope.get("start_tokens", 0)
    if start:
        frequencies[:start] = torch.tensor(rope["base_inverse_frequency"])
    angles = torch.arange(length).float()[:, None] * frequencies
    angles = torch.cat([angles, angles], dim=-1)
    factor = rope.get("attention_factor", 1.0)
    return FixedTables(angles.cos() * factor, angles.sin() * factor)


def rotary_tables(model, rope: dict | None, length: int) -> FixedTables:
    if rope is not None and "inverse_frequency" in rope:
        return explicit_tables(rope, length)
    return tables_of(rotary(model, rope), length)


def read_ids(path: str) -> torch.Tensor:
    """Token ids, int32 little-endian."""
    return torch.from_numpy(np.fromfile(path, dtype="<i4").astype(np.int64))


def answer_lines(answer) -> None:
    """JSON lines: one request in, one answer out, until stdin ends. What libraries print goes to stderr."""
    stdout, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        with torch.inference_mode():
            result = answer(json.loads(line))
        stdout.write(json.dumps(result) + "\n")
        stdout.flush()
