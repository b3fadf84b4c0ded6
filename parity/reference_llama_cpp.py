"""Mean loss per token of llama.cpp (llama-cpp-python): MODEL.gguf IDS N_CTX

IDS: int32 little-endian token ids; one sequence, token i predicts token i + 1. Key-value cache in float32, no flash
attention, so that the figures are those of the file. Prints JSON.
"""

import ctypes
import json
import sys

import llama_cpp as llama
import numpy as np


def main() -> None:
    model_path, ids_path, context = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ids = np.fromfile(ids_path, dtype="<i4")
    silence = llama.llama_log_callback(lambda level, text, data: None)
    llama.llama_log_set(silence, ctypes.c_void_p(0))
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(model_path.encode(), llama.llama_model_default_params())
    if not model:
        sys.exit(f"llama.cpp cannot load {model_path}")
    params = llama.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = context, 512, 512
    params.n_threads = params.n_threads_batch = 2
    params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.type_k = params.type_v = 0
    session = llama.llama_init_from_model(model, params)
    vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    batch = llama.llama_batch_init(512, 0, 1)
    total = 0.0
    for begin in range(0, len(ids) - 1, 512):
        part = ids[begin : min(begin + 512, len(ids) - 1)]
        batch.n_tokens = len(part)
        for i, token in enumerate(part.tolist()):
            batch.token[i], batch.pos[i], batch.logits[i] = token, begin + i, 1
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        if llama.llama_decode(session, batch) != 0:
            sys.exit("llama_decode failed")
        logits = np.ctypeslib.as_array(llama.llama_get_logits(session), shape=(len(part), vocabulary)).astype(np.float64)
        largest = logits.max(axis=1, keepdims=True)
        sums = np.log(np.exp(logits - largest).sum(axis=1)) + largest[:, 0]
        total += float((sums - logits[np.arange(len(part)), ids[begin + 1 : begin + 1 + len(part)]]).sum())
    print(json.dumps({"mean_loss": total / (len(ids) - 1)}))


if __name__ == "__main__":
    main()
