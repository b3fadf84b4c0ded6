"""Golden data for the GGUF reader and the dequantisers, made with gguf-py.

Run from anywhere: python parity/gguf_golden.py
Writes test/oracle/gguf-golden.gguf    every value type of the metadata, every tensor type the project reads
       test/oracle/gguf-golden.f32     the tensors of that file as float32, in file order, concatenated
       test/oracle/gguf-smollm2.json   sha256 of sampled dequantised rows of ../shared/models/smollm2-135m
"""

import hashlib
import json
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize

PROJECT = Path(__file__).resolve().parents[1]
ORACLE = PROJECT / "test" / "oracle"
SMOLLM2 = PROJECT.parent / "shared" / "models" / "smollm2-135m" / "SmolLM2-135M-Instruct.Q4_1.gguf"

COLUMNS = 512
# Largest and smallest normals, subnormals, both zeros, both signs; no Inf or NaN, which the reader refuses.
EXTREME_SCALES = np.array([65504, -65504, 6.1e-5, 6e-8, -6e-8, 0.0, -0.0, 1, -1, 0.0123, -3.25], np.float16)
# Byte offsets of the float16 fields of a block.
SCALE_FIELDS = {
    Type.Q4_0: [0],
    Type.Q4_1: [0, 2],
    Type.Q5_0: [0],
    Type.Q5_1: [0, 2],
    Type.Q8_0: [0],
    Type.Q4_K: [0, 2],
    Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
}
GGUF_PY_QUANTISES = [Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0]


def random_blocks(rng: np.random.Generator, kind: Type, rows: int) -> np.ndarray:
    weights, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows * COLUMNS // weights, size), dtype=np.uint8)
    for field in SCALE_FIELDS[kind]:
        scales = rng.choice(EXTREME_SCALES, len(blocks))
        blocks[:, field : field + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def write_golden() -> None:
    rng = np.random.default_rng(20240613)
    plain = rng.standard_normal((2, COLUMNS), np.float32) * np.float32(3)
    plain[0, :6] = [0.0, -0.0, 1e-7, 65504, -2.0**-24, 2.0**-14]
    tensors: list[tuple[str, Type, np.ndarray]] = [
        ("f32", Type.F32, plain),
        ("f16", Type.F16, plain.astype(np.float16)),
        ("bf16", Type.BF16, quantize(plain, Type.BF16)),
    ]
    for kind in SCALE_FIELDS:
        rows = [random_blocks(rng, kind, 4 if kind.name.endswith("K") else 2)]
        if kind in GGUF_PY_QUANTISES:
            rows.append(quantize(plain, kind))
        tensors.append((kind.name.lower(), kind, np.concatenate(rows)))

    writer = gguf.GGUFWriter(ORACLE / "gguf-golden.gguf", "golden")
    writer.add_uint8("value.uint8", 255)
    writer.add_int8("value.int8", -128)
    writer.add_uint16("value.uint16", 65535)
    writer.add_int16("value.int16", -32768)
    writer.add_uint32("value.uint32", 4294967295)
    writer.add_int32("value.int32", -2147483648)
    writer.add_float32("value.float32", 0.1)
    writer.add_bool("value.bool", True)
    writer.add_string("value.string", "Gruß, 世界 🌍")
    writer.add_uint64("value.uint64", 2**64 - 1)
    writer.add_int64("value.int64", -(2**40))
    writer.add_float64("value.float64", 0.1)
    writer.add_array("array.int32", [1, -2, 3])
    writer.add_array("array.string", ["Ġthe", "", "é"])
    writer.add_array("array.float32", [0.5, -1.25])
    expected = []
    for name, kind, data in tensors:
        writer.add_tensor(name, data, raw_dtype=kind)
        expected.append(dequantize(data, kind).astype("<f4").ravel())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    values = np.concatenate(expected)
    assert np.isfinite(values).all()
    (ORACLE / "gguf-golden.f32").write_bytes(values.tobytes())


def write_smollm2() -> None:
    rows = []
    for tensor in gguf.GGUFReader(SMOLLM2).tensors:
        if tensor.name not in ("token_embd.weight", "blk.0.attn_q.weight", "blk.17.ffn_down.weight", "output_norm.weight"):
            continue
        data = tensor.data.reshape(-1, tensor.data.shape[-1])
        for row in sorted({0, len(data) // 2, len(data) - 1}):
            values = dequantize(data[row : row + 1], tensor.tensor_type).astype("<f4")
            digest = hashlib.sha256(values.tobytes()).hexdigest()
            rows.append({"tensor": tensor.name, "type": tensor.tensor_type.name, "row": row, "sha256": digest})
    (ORACLE / "gguf-smollm2.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    write_golden()
    write_smollm2()
