"""One perplexity evaluation with llama.cpp (llama-cpp-python): MODEL.gguf IDS LENGTH [--runs 3] [--threads 2] [--ubatch 512]
[--flash] [--cache f32|f16]

Logits of every token are computed, as a perplexity needs them. `seconds` is the time inside llama.cpp alone;
`seconds_with_loss` adds the log-softmax, which numpy does on as many threads, in blocks that stay in cache. Medians after one
warm-up. Prints JSON.
"""

import argparse
import ctypes
import json
import resource
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import llama_cpp as llama
import numpy as np

GGML_TYPES = {"f32": 0, "f16": 1}
SOFTMAX_ROWS = 32


def block_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """Sum of the losses; the logits are overwritten."""
    largest = logits.max(axis=1, keepdims=True)
    chosen = logits[np.arange(len(targets)), targets] - largest[:, 0]
    np.subtract(logits, largest, out=logits)
    np.exp(logits, out=logits)
    return float(np.sum(np.log(logits.sum(axis=1)) - chosen, dtype=np.float64))


class Engine:
    def __init__(self, options: argparse.Namespace):
        self.silence = llama.llama_log_callback(lambda level, text, data: None)
        llama.llama_log_set(self.silence, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self.model = llama.llama_model_load_from_file(options.model.encode(), llama.llama_model_default_params())
        if not self.model:
            sys.exit(f"llama.cpp cannot load {options.model}")
        self.ubatch = min(options.ubatch, options.length)
        params = llama.llama_context_default_params()
        params.n_ctx = options.length
        params.n_batch = params.n_ubatch = self.ubatch
        params.n_threads = params.n_threads_batch = options.threads
        params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if options.flash else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.type_k = params.type_v = GGML_TYPES[options.cache]
        self.context = llama.llama_init_from_model(self.model, params)
        if not self.context:
            sys.exit("llama.cpp cannot make a context with these options")
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.batch = llama.llama_batch_init(self.ubatch, 0, 1)
        self.pool = ThreadPoolExecutor(options.threads)

    def evaluate(self, ids: np.ndarray) -> tuple[float, float]:
        """Mean loss, seconds inside llama.cpp."""
        seconds, total = 0.0, 0.0
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)
        # The last token predicts nothing that is scored.
        inputs, targets = ids[:-1], ids[1:]
        for begin in range(0, len(inputs), self.ubatch):
            end = min(begin + self.ubatch, len(inputs))
            started = time.perf_counter()
            logits = self.decode(inputs[begin:end], begin)
            seconds += time.perf_counter() - started
            parts = [slice(i, i + SOFTMAX_ROWS) for i in range(0, end - begin, SOFTMAX_ROWS)]
            total += sum(self.pool.map(lambda part: block_loss(logits[part], targets[begin:end][part]), parts))
        return total / len(inputs), seconds

    def decode(self, ids: np.ndarray, position: int) -> np.ndarray:
        batch = self.batch
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids.tolist()):
            batch.token[i], batch.pos[i], batch.logits[i] = token, position + i, 1
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        if llama.llama_decode(self.context, batch) != 0:
            sys.exit("llama_decode failed")
        return np.ctypeslib.as_array(llama.llama_get_logits(self.context), shape=(len(ids), self.vocabulary))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("ids")
    parser.add_argument("length", type=int)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ubatch", type=int, default=512)
    parser.add_argument("--flash", action="store_true")
    parser.add_argument("--cache", choices=list(GGML_TYPES), default="f32")
    options = parser.parse_args()
    ids = np.fromfile(options.ids, dtype="<i4")[: options.length]
    if len(ids) != options.length:
        sys.exit(f"{options.ids} has only {len(ids)} tokens")
    engine = Engine(options)
    inside, whole = [], []
    for run in range(options.runs + 1):
        started = time.perf_counter()
        loss, seconds = engine.evaluate(ids)
        if run > 0:
            inside.append(seconds)
            whole.append(time.perf_counter() - started)
    result = {
        "tokens": len(ids),
        "seconds": statistics.median(inside),
        "seconds_with_loss": statistics.median(whole),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "mean_loss": loss,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
