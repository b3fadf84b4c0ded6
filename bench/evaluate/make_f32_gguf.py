"""python make_f32_gguf.py SOURCE.gguf TARGET.gguf: the same model with every tensor as float32 and all metadata kept."""

import os
import sys

import gguf
import numpy as np
from gguf.quants import dequantize

source, target = sys.argv[1:]
reader = gguf.GGUFReader(source)
architecture = reader.fields["general.architecture"].contents()
# A file under its own name is a whole file: the bench reuses it.
unfinished = f"{target}.{os.getpid()}.tmp"
writer = gguf.GGUFWriter(unfinished, architecture)
for field in reader.fields.values():
    if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
        continue
    kind = field.types[0]
    element = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
    writer.add_key_value(field.name, field.contents(), kind, sub_type=element)
writer.add_file_type(gguf.LlamaFileType.ALL_F32)
for tensor in reader.tensors:
    writer.add_tensor(tensor.name, np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
os.replace(unfinished, target)
