"""Perplexity by the three protocols, restated for transformers on torch CPU in float32.

    python parity/reference_perplexity.py MODEL [--threads 2]      MODEL: folder or .gguf
One request per line:
    {"protocol": {"name": "released", "length": T, "stride": S, "truncate": bool}
               | {"name": "document", "length": T}
               | {"name": "sliding", "length": T, "stride": S, "maxTokens": N or null},
     "documents": [file of int32 ids without BOS, ...], "bos": id or null, "rope": see reference.py}
One answer per line: {"perplexity", "mean_loss", "tokens", "windows"}.

The rotary tables are those of a sequence of T tokens, for shorter windows too: a config that switches tables with the length
(longrope, dynamic) is evaluated as configured for T, which is what the released script does.
"""

import argparse
import math

import torch
from reference import answer_lines, load, read_ids, rotary_tables
from torch.nn.functional import cross_entropy

# Rows of logits at a time, in the protocols that do not depend on how the mean is taken.
BLOCK = 512

RELEASED_WINDOWS = 10


def with_bos(ids: torch.Tensor, bos: int | None) -> torch.Tensor:
    return ids if bos is None else torch.cat([torch.tensor([bos]), ids])


def released(model, documents: list[torch.Tensor], bos: int | None, length: int, stride: int, truncate: bool):
    """evaluation/perplexity.py of microsoft/LongRoPE (c9e56aa): the mean of the means of windows, all of the same weight.

    BOS, where there is one, takes a place in every window; with `truncate` the stride is the whole window; no more than ten
    strides of a document are read; a window counts only the tokens that lie behind the end of the one before it.
    """
    room = length if bos is None else length - 1
    means, tokens = [], 0
    for document in documents:
        if truncate:
            document = document[:room]
        step = room if truncate else stride
        total = min(len(document), RELEASED_WINDOWS * step)
        counted = 0
        begin = 0
        while counted < total:
            end = min(begin + room, total)
            ids = with_bos(document[begin:end], bos)
            labels = ids.clone()
            labels[: max(0, len(ids) - (end - counted))] = -100
            means.append(model(ids[None], labels=labels[None], use_cache=False).loss)
            # The model predicts token i + 1 at i: the first of a window is never predicted.
            tokens += int((labels[1:] != -100).sum())
            counted = end
            begin += step
    mean = torch.stack(means).mean()
    return float(torch.exp(mean)), float(mean), tokens, len(means)


def token_losses(model, ids: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of tokens 1.. in nats, float64 of float32."""
    hidden = model.model(ids[None, :-1], use_cache=False).last_hidden_state[0]
    targets = ids[1:]
    blocks = range(0, len(hidden), BLOCK)
    losses = [cross_entropy(model.lm_head(hidden[i : i + BLOCK]), targets[i : i + BLOCK], reduction="none") for i in blocks]
    return torch.cat(losses).double()


def weighted(losses: list[torch.Tensor]):
    every = torch.cat(losses)
    mean = float(every.sum() / len(every))
    return math.exp(mean), mean, len(every), len(losses)


def document(model, documents: list[torch.Tensor], bos: int | None, length: int):
    """The first T tokens, BOS among them, of each document; mean over all tokens that can be predicted."""
    return weighted([token_losses(model, with_bos(ids, bos)[:length]) for ids in documents])


def sliding(model, documents: list[torch.Tensor], bos: int | None, length: int, stride: int):
    """Every token of every document once, in the first window (0, S, 2S, ...) that contains it; mean over all tokens."""
    room = length if bos is None else length - 1
    losses = []
    for ids in documents:
        window_of = torch.clamp(-torch.div(room - 1 - torch.arange(len(ids)), stride, rounding_mode="floor"), min=0)
        for window in torch.unique(window_of).tolist():
            begin = window * stride
            in_window = with_bos(ids[begin : begin + room], bos)
            count = int((window_of == window).sum())
            losses.append(token_losses(model, in_window)[-count:])
    return weighted(losses)


PROTOCOLS = {"released": released, "document": document, "sliding": sliding}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load(arguments.model)

    def answer(request: dict) -> dict:
        protocol = dict(request["protocol"])
        restate = PROTOCOLS[protocol.pop("name")]
        model.model.rotary_emb = rotary_tables(model, request["rope"], protocol["length"])
        limit = protocol.pop("maxTokens", None)
        documents = [read_ids(file)[:limit] for file in request["documents"]]
        values = restate(model, documents, request["bos"], **protocol)
        return dict(zip(("perplexity", "mean_loss", "tokens", "windows"), values))

    answer_lines(answer)


if __name__ == "__main__":
    main()
