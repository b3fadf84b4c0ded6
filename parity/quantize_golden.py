"""Golden data for the quantisers of src/export/encode, made with gguf-py.

Run from anywhere: python parity/quantize_golden.py
Writes test/oracle/quantize-golden.json    the float32 values and their blocks in every type, both in base64
"""

import base64
import json
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import quantize

ORACLE = Path(__file__).resolve().parents[1] / "test" / "oracle"
TYPES = [Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1]


def values() -> np.ndarray:
    rng = np.random.default_rng(20250709)
    rows = [rng.standard_normal(32) * scale for scale in (1e-40, 1e-7, 6e-5, 0.02, 1, 50, 6000) for _ in range(6)]
    rows += [np.zeros(32), -np.zeros(32), np.full(32, 0.375), np.full(32, -3.0)]
    # Halves of the quantisation step, both signs, and the same magnitude with either sign first.
    rows += [np.arange(32) * 0.5 - 7.5, np.arange(32) * -0.5 + 8, np.tile([2.0, -2.0], 16), np.tile([-2.0, 2.0], 16)]
    rows += [np.concatenate([[127.0], np.arange(31) - 15.5])]
    # Float16 borders: ties, the smallest normal, subnormals, the largest.
    ties = (np.arange(32) + 0.5) * 2.0**-24
    rows += [ties, 1 + (np.arange(32) * 2 + 1) * 2.0**-11, 2.0**-14 + np.arange(-16, 16) * 2.0**-25]
    rows += [65504 + np.arange(32) * 0.49 - 10, rng.choice([2.0**-25, -(2.0**-25), 3e-8, -2e-45, 1e-38], 32)]
    return np.array(rows, np.float32)


if __name__ == "__main__":
    plain = values()
    assert np.isfinite(plain).all()
    encoded = {kind.name: quantize(plain, kind) for kind in TYPES}
    text = {name: base64.b64encode(np.ascontiguousarray(data).tobytes()).decode() for name, data in encoded.items()}
    golden = {"gguf": getattr(gguf, "__version__", None), "values": base64.b64encode(plain.tobytes()).decode(), **text}
    (ORACLE / "quantize-golden.json").write_text(json.dumps(golden, indent=1) + "\n")
