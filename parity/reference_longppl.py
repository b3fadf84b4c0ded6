"""LongPPL (arXiv 2410.23771) restated for transformers on torch CPU in float32.

    python parity/reference_longppl.py MODEL [--threads 2]
One request per line:
    {"documents": [file of int32 ids without BOS, ...], "bos": id or null, "length": T, "short": K, "stride": D,
     "alpha": x, "beta": x, "judge": rope, "method": rope}                                rope: see reference.py
One answer per line: {"longppl", "perplexity", "key_tokens", "tokens", "margin"}; margin: how far the nearest token is from
either threshold, so that a flipped token can be told from a wrong rule.

A token's short context is what the first window (0, D, 2D, ... of K tokens, BOS among them) that reaches it holds before it.
"""

import argparse
import math

import torch
from reference import answer_lines, load, read_ids, rotary_tables
from torch.nn.functional import cross_entropy


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load(arguments.model)

    def losses(ids: torch.Tensor, rope: dict | None, length: int) -> torch.Tensor:
        model.model.rotary_emb = rotary_tables(model, rope, length)
        return cross_entropy(model(ids[None], use_cache=False).logits[0, :-1], ids[1:], reduction="none").double()

    def answer(request: dict) -> dict:
        prefix = torch.tensor([] if request["bos"] is None else [request["bos"]], dtype=torch.long)
        length, short, stride = request["length"], request["short"], request["stride"]
        chosen, every, margins = [], [], []
        for file in request["documents"]:
            text = read_ids(file)[: length - len(prefix)]
            ids = torch.cat([prefix, text])
            room = short - len(prefix)
            long_losses = losses(ids, request["judge"], length)
            # Loss of text[i] stands at i - (1 - len(prefix)): without BOS the first token of the text has none.
            offset = 1 - len(prefix)
            ours = losses(ids, request["method"], length)
            every.append(ours)
            end, begin = room, stride
            while end < len(text):
                window = text[begin : begin + room]
                part = losses(torch.cat([prefix, window]), request["judge"], short)
                for position in range(end, begin + len(window)):
                    gain = float(part[position - begin - offset] - long_losses[position - offset])
                    likelihood = -float(long_losses[position - offset])
                    margins.append(min(abs(gain - request["alpha"]), abs(likelihood - request["beta"])))
                    if gain > request["alpha"] and likelihood > request["beta"]:
                        chosen.append(float(ours[position - offset]))
                end, begin = begin + len(window), begin + stride
        tokens = torch.cat(every)
        return {
            "longppl": math.exp(sum(chosen) / len(chosen)),
            "perplexity": math.exp(float(tokens.mean())),
            "key_tokens": len(chosen),
            "tokens": len(tokens),
            "margin": min(margins),
        }

    answer_lines(answer)


if __name__ == "__main__":
    main()
