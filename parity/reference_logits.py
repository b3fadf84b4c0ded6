"""Logits of transformers on torch CPU.

    python parity/reference_logits.py MODEL [--attention sdpa|eager] [--threads 2]      MODEL: folder or .gguf
One request per line: {"ids": file of int32, "rows": [position, ...], "rope": see reference.py, "output": file}
`output` gets the next-token logits of the asked rows, float32 little-endian, [rows, vocabulary]; the answer is their
shape and the inverse frequencies that were used.
"""

import argparse

import torch
from reference import answer_lines, explicit_tables, load, read_ids, rotary


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load(arguments.model, arguments.attention)

    def answer(request: dict) -> dict:
        ids, rope = read_ids(request["ids"]), request["rope"]
        explicit = rope is not None and "inverse_frequency" in rope
        # A config is left to transformers: it chooses the table during the forward pass, as it does for its users.
        model.model.rotary_emb = explicit_tables(rope, len(ids)) if explicit else rotary(model, rope)
        # The head runs only on the asked rows: all of them would be length times vocabulary.
        logits = model(ids[None], use_cache=False, logits_to_keep=torch.tensor(request["rows"])).logits[0]
        logits.numpy().astype("<f4").tofile(request["output"])
        # After the forward pass, as dynamic and longrope choose their frequencies in it.
        used = rope["inverse_frequency"] if explicit else model.model.rotary_emb.inv_freq.tolist()
        return {"shape": list(logits.shape), "inverse_frequency": used}

    answer_lines(answer)


if __name__ == "__main__":
    main()
