"""Golden rotary frequencies, attention factors and table spots, made with transformers 5.

Run from anywhere: python parity/rope_golden.py
Writes test/oracle/rope-golden.json: configs as a config.json would hold them, and for each what transformers computes at the
lengths original - 1, original, original + 1 and target. Frequencies and table spots are float32 (shortest decimals; round to
float32 to get them back exactly), attention factors float64.
"""

import copy
import json
import logging
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import LlamaConfig, Phi3Config
from transformers import modeling_rope_utils
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama import modeling_llama
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from transformers.models.phi3 import modeling_phi3
from transformers.models.phi3.modeling_phi3 import Phi3RotaryEmbedding

OUTPUT = Path(__file__).resolve().parents[1] / "test" / "oracle" / "rope-golden.json"
SPOTS = [0, 1, 255, 4095, 131071]
CLASSES = {"llama": (LlamaConfig, LlamaRotaryEmbedding), "phi3": (Phi3Config, Phi3RotaryEmbedding)}


def config(head_dim: int, maximum: int, **keys) -> dict:
    return {"head_dim": head_dim, "hidden_size": 4 * head_dim, "num_attention_heads": 4, "max_position_embeddings": maximum, **keys}


def v5(head_dim: int, maximum: int, rope_type: str, theta: float = 1e4, top: dict | None = None, **keys) -> dict:
    return config(head_dim, maximum, rope_parameters={"rope_type": rope_type, "rope_theta": theta, **keys}, **(top or {}))


def factors(pairs: int, last: float) -> dict:
    """Lists that look like searched ones: short near 1, long growing to `last`, both with uneven decimals."""
    ramp = np.linspace(0, 1, pairs) ** 2
    return {
        "short_factor": [round(1 + 0.37 * float(x), 4) for x in ramp],
        "long_factor": [round(1 + (last - 1) * float(x), 4) for x in ramp],
    }


YARN = {"factor": 8.0, "original_max_position_embeddings": 4096}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
LONG = {"original_max_position_embeddings": 4096}

# name, class, config, original length, target length, whether spots of the table are kept
CASES = [
    ("default 64", "llama", v5(64, 2048, "default"), 2048, 131072, True),
    ("default 128, v4 keys", "llama", config(128, 8192, rope_theta=5e5, rope_scaling=None), 8192, 131072, False),
    ("default 96, theta of neither", "llama", config(96, 4096), 4096, 32768, False),
    ("default, partial", "phi3", config(128, 4096, rope_theta=1e6, partial_rotary_factor=0.75), 4096, 131072, True),
    ("linear 64", "llama", v5(64, 8192, "linear", factor=4.0), 8192, 131072, True),
    ("linear 128, v4 keys", "llama", config(128, 8192, rope_theta=1e6, rope_scaling={"type": "linear", "factor": 2.5}), 8192, 20480, False),
    ("linear, partial", "llama", v5(96, 8192, "linear", factor=8, partial_rotary_factor=0.3), 8192, 65536, False),
    ("dynamic 64", "llama", v5(64, 2048, "dynamic", factor=2.0), 2048, 131072, True),
    ("dynamic 128", "llama", v5(128, 4096, "dynamic", 5e5, factor=8.0), 4096, 32768, False),
    ("dynamic 96, partial", "llama", v5(96, 4096, "dynamic", factor=1, partial_rotary_factor=0.5), 4096, 32768, False),
    ("yarn 64", "llama", v5(64, 32768, "yarn", **YARN), 4096, 131072, True),
    ("yarn 128", "llama", v5(128, 131072, "yarn", 1e6, factor=4.0, original_max_position_embeddings=32768), 32768, 131072, False),
    ("yarn 96, untruncated", "llama", v5(96, 32768, "yarn", 5e5, truncate=False, **YARN), 4096, 32768, False),
    ("yarn, betas", "llama", v5(128, 32768, "yarn", beta_fast=128, beta_slow=2, **YARN), 4096, 32768, False),
    ("yarn, betas 64", "llama", v5(64, 32768, "yarn", beta_fast=16, beta_slow=4, truncate=False, **YARN), 4096, 32768, False),
    ("yarn, both mscales", "llama", v5(64, 163840, "yarn", mscale=0.707, mscale_all_dim=1.0, factor=40.0, original_max_position_embeddings=4096), 4096, 131072, False),
    ("yarn, one mscale", "llama", v5(64, 32768, "yarn", mscale=0.707, **YARN), 4096, 32768, False),
    ("yarn, mscale 0", "llama", v5(64, 32768, "yarn", mscale=1.0, mscale_all_dim=0.0, **YARN), 4096, 32768, False),
    ("yarn, attention factor", "llama", v5(64, 32768, "yarn", attention_factor=1.0625, mscale=2.0, mscale_all_dim=1.0, **YARN), 4096, 32768, False),
    ("yarn, partial", "llama", v5(128, 32768, "yarn", partial_rotary_factor=0.5, **YARN), 4096, 32768, False),
    ("yarn, short original", "llama", v5(64, 2048, "yarn", factor=8.0, original_max_position_embeddings=256), 256, 2048, False),
    ("yarn, ramp before the first pair", "llama", v5(64, 64, "yarn", factor=8.0, original_max_position_embeddings=4), 4, 64, False),
    ("yarn, ramp at one point", "llama", v5(64, 64, "yarn", factor=8.0, original_max_position_embeddings=6), 6, 64, False),
    ("yarn, ramp beyond the last pair", "llama", v5(64, 2**23, "yarn", factor=8.0, original_max_position_embeddings=2**20), 2**20, 2**23, False),
    ("yarn, original from the top", "llama", v5(64, 16384, "yarn", factor=8.0, original_max_position_embeddings=4096, top={"original_max_position_embeddings": 2048}), 2048, 16384, False),
    ("yarn, original of neither", "llama", config(64, 4096, rope_theta=1e4, rope_scaling={"type": "yarn", "factor": 8.0}), 4096, 32768, False),
    ("llama3 128", "llama", v5(128, 131072, "llama3", 5e5, **LLAMA3), 8192, 131072, True),
    ("llama3 64, v4 keys", "llama", config(64, 131072, rope_theta=5e5, rope_scaling={"rope_type": "llama3", **LLAMA3, "factor": 32.0}), 8192, 131072, False),
    ("llama3 96", "llama", v5(96, 32768, "llama3", 1e6, factor=4.0, low_freq_factor=2, high_freq_factor=8, original_max_position_embeddings=4096), 4096, 32768, False),
    ("longrope 64", "llama", v5(64, 131072, "longrope", **LONG, **factors(32, 37.7)), 4096, 131072, True),
    ("longrope 128", "llama", v5(128, 131072, "longrope", 5e5, factor=16.0, original_max_position_embeddings=8192, **factors(64, 26.05)), 8192, 131072, False),
    ("longrope, attention factor", "llama", v5(64, 131072, "longrope", attention_factor=1.0, **LONG, **factors(32, 32)), 4096, 131072, False),
    ("longrope, factor of 1", "llama", v5(64, 4096, "longrope", factor=1.0, **LONG, **factors(32, 2)), 4096, 8192, False),
    ("longrope, phi3 su", "phi3", config(96, 131072, original_max_position_embeddings=4096, rope_theta=1e4, rope_scaling={"type": "su", **LONG, **factors(48, 64.81)}), 4096, 131072, True),
    ("longrope, phi4 partial", "phi3", config(128, 131072, original_max_position_embeddings=4096, partial_rotary_factor=0.75, rope_scaling={"type": "longrope", **factors(48, 47.77)}), 4096, 131072, False),
    ("longrope, both blocks", "llama", config(64, 131072, original_max_position_embeddings=4096, rope_theta=1e6,
        rope_scaling={"rope_type": "longrope", "type": "longrope", "rope_theta": 5e5, "factor": 32.0, **LONG, **factors(32, 40)},
        rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6}), 4096, 131072, False),
    ("proportional", "llama", v5(64, 8192, "proportional", 1e6, partial_rotary_factor=0.25), 8192, 131072, True),
    ("proportional, factor", "llama", v5(128, 8192, "proportional", 1e4, partial_rotary_factor=0.3, factor=8.0), 8192, 65536, False),
    ("proportional, whole", "llama", v5(96, 8192, "proportional", 5e5, factor=4.0), 8192, 32768, False),
]


class Double(torch.Tensor):
    """A float64 tensor that stays one where the code asks for float32."""

    def float(self):
        return self.double()


class DoubleTorch:
    """`torch` for the rope functions, with float64 in the place of float32."""

    float = float32 = torch.float64

    def __getattr__(self, name: str):
        return getattr(torch, name)

    def arange(self, *arguments, **keywords):
        return torch.arange(*arguments, **keywords).as_subclass(Double)


@contextmanager
def double_precision():
    modules = [modeling_rope_utils, modeling_llama, modeling_phi3]
    for module in modules:
        module.torch = DoubleTorch()
    try:
        yield
    finally:
        for module in modules:
            module.torch = torch


def number(value: np.float32):
    """The shortest decimal that rounds to this float32."""
    return float(np.format_float_scientific(value, unique=True)) if value else 0


def numbers(values: torch.Tensor) -> list:
    return [number(x) for x in values.to(torch.float32).numpy()]


def frequencies(kind: str, keys: dict, length: int) -> tuple[torch.Tensor, float]:
    config_class, rotary_class = CLASSES[kind]
    model_config = config_class(**copy.deepcopy(keys))
    rope_type = model_config.rope_parameters["rope_type"]
    init = rotary_class.compute_default_rope_parameters if rope_type == "default" else ROPE_INIT_FUNCTIONS[rope_type]
    # A tensor, as the forward pass hands it over: `dynamic` then computes its base in float32.
    return init(model_config, device="cpu", seq_len=torch.tensor(length)) if rope_type != "default" else init(model_config)


def spots(kind: str, keys: dict, length: int) -> dict:
    config_class, rotary_class = CLASSES[kind]
    rotary = rotary_class(config_class(**copy.deepcopy(keys)))
    positions = [p for p in SPOTS if p < length - 1] + [length - 1]
    # The last position decides which table the module takes.
    cos, sin = rotary(torch.zeros(1), torch.tensor([positions]))
    half = cos.shape[-1] // 2
    rows = [{"position": p, "cos": numbers(cos[0, i, :half]), "sin": numbers(sin[0, i, :half])} for i, p in enumerate(positions)]
    return {"length": length, "rows": rows}


def case(name: str, kind: str, keys: dict, original: int, target: int, with_spots: bool) -> dict:
    sets: list[list] = []
    lengths = []
    for length in [original - 1, original, original + 1, target]:
        inverse, attention_factor = frequencies(kind, keys, length)
        listed = numbers(inverse)
        if listed not in sets:
            sets.append(listed)
        lengths.append({"length": length, "set": sets.index(listed), "attentionFactor": float(attention_factor)})
    tables = [spots(kind, keys, length) for length in dict.fromkeys([min(original, 4096), target])] if with_spots else []
    return {"name": name, "class": kind, "config": keys, "originalLength": original, "lengths": lengths, "inverseFrequencies": sets, "tables": tables}


def main() -> None:
    logging.disable(logging.WARNING)
    golden = {
        "madeBy": "parity/rope_golden.py",
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "cases": [case(*arguments) for arguments in CASES],
    }
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in golden.pop("cases"))
    OUTPUT.write_text(json.dumps(golden)[:-1] + ', "cases": [\n' + lines + "\n]}\n")
    print(f"{OUTPUT.name}: {len(CASES)} cases, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
