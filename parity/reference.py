"""What the reference scripts share: models in transformers, and any RoPE put into them.

A RoPE is given as JSON in one of three forms:
    null                                                          what the model's own config says
    {"config": {"max_position_embeddings": N, "rope_parameters": {...}}}   keys of a config.json; transformers does the rest
    {"inverse_frequency": [...], "attention_factor": x,           explicit tables, as a search makes them; positions below
     "base_inverse_frequency": [...], "start_tokens": n}          start_tokens keep the base frequencies
With "angles": "float64" beside "config", transformers' own functions run in double precision and cos and sin are rounded once.
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
    dtype = getattr(torch, precision)
    options = {"dtype": torch.float32, "attn_implementation": attention}
    if path.endswith(".gguf"):
        file = Path(path)
        model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, **options)
    else:
        model = AutoModelForCausalLM.from_pretrained(path, **options)
    return model.to(dtype).eval()


class FixedTables(torch.nn.Module):
    """Rotary tables computed beforehand: row p for position p, whatever the length of the sequence."""

    def __init__(self, cos: torch.Tensor, sin: torch.Tensor):
        super().__init__()
        self.cos, self.sin = cos, sin

    def forward(self, x, position_ids):
        return self.cos[position_ids].to(x.dtype), self.sin[position_ids].to(x.dtype)


def rotary_config(model, rope: dict | None):
    config = copy.deepcopy(model.config)
    if rope is None:
        return config
    keys = copy.deepcopy(rope["config"])
    parameters = {"rope_theta": config.rope_parameters["rope_theta"], **keys.pop("rope_parameters")}
    base = {k: v for k, v in config.to_dict().items() if k not in ("rope_parameters", "rope_scaling", "rope_theta")}
    return type(config)(**{**base, **keys, "rope_parameters": parameters})


def set_rope(model, rope: dict | None, length: int | None = None) -> None:
    """Puts `rope` into the model. With `length`, the tables of that length serve every shorter sequence too."""
    if rope is not None and "inverse_frequency" in rope:
        model.model.rotary_emb = explicit_tables(rope, length)
        return
    config = rotary_config(model, rope)
    # A new module each time: dynamic and longrope keep state from one call to the next.
    if rope is not None and rope.get("angles") == "float64":
        with double_precision():
            model.model.rotary_emb = tables_of(LlamaRotaryEmbedding(config), length, torch.float64)
    elif length is None:
        model.model.rotary_emb = LlamaRotaryEmbedding(config)
    else:
        model.model.rotary_emb = tables_of(LlamaRotaryEmbedding(config), length, torch.float32)


def tables_of(rotary: LlamaRotaryEmbedding, length: int, dtype: torch.dtype) -> FixedTables:
    positions = torch.arange(length, dtype=dtype)[None]
    cos, sin = rotary(torch.zeros(1, dtype=dtype), positions)
    return FixedTables(cos[0].as_subclass(torch.Tensor), sin[0].as_subclass(torch.Tensor))


def explicit_tables(rope: dict, length: int) -> FixedTables:
    """In float32, operation for operation as LlamaRotaryEmbedding does it."""
    frequencies = torch.tensor(rope["inverse_frequency"]).expand(length, -1).clone()
    start = rope.get("start_tokens", 0)
    if start:
        frequencies[:start] = torch.tensor(rope["base_inverse_frequency"])
    angles = torch.arange(length).float()[:, None] * frequencies
    angles = torch.cat([angles, angles], dim=-1)
    factor = rope.get("attention_factor", 1.0)
    return FixedTables(angles.cos() * factor, angles.sin() * factor)


def read_ids(path: str) -> torch.Tensor:
    """Token ids, int32 little-endian."""
    return torch.from_numpy(np.fromfile(path, dtype="<i4").astype(np.int64))


def main_of_json(run) -> None:
    """`python script.py < job.json > result.json`; everything transformers prints goes to stderr."""
    job = json.load(sys.stdin)
    stdout, sys.stdout = sys.stdout, sys.stderr
    torch.set_num_threads(job.get("threads", 2))
    with torch.no_grad():
        result = run(job)
    json.dump(result, stdout)
    stdout.write("\n")
