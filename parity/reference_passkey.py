"""The passkey test restated: prompts of both protocols, and transformers' greedy answers to them.

    python parity/reference_passkey.py MODEL      MODEL: folder or .gguf
One request per line: {"protocol": "paper" | "released", "length": n, "seed": n, "trials": n}
The answer is one {"key", "ids", "new"} per trial: prompt ids, BOS first if the tokenizer has one, and the new ids.

Written from the description of the protocols, not from src/corpus/synthetic: sizes are found by trying one sentence more each
time, tokens are placed by the character offsets of the tokenizer, numbers are drawn by numpy.
"""

import sys

import numpy as np
import torch
from passkey_golden import released_samples
from reference import answer_lines, load
from tokenizers import Tokenizer
from transformers import AutoTokenizer

TASK = (
    "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. "
    "I will quiz you about the important information there."
)
QUESTION = "What is the pass key? The pass key is"
SENTENCES = ["The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.", "There and back again."]
PAPER_ANSWER, RELEASED_ANSWER = 8, 10


def name_key(name: str) -> int:
    """FNV-1a, 32 bits."""
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def paper_draws(seed: int, length: int, trial: int) -> tuple[str, float]:
    """The key, uniform over five digits, and the place, uniform in [0, 1); the state follows from what the trial is."""
    words = np.random.RandomState(np.array([seed, name_key("passkey"), length, trial], dtype=np.uint32))

    def word() -> int:
        return int(words.randint(0, 2**32, dtype=np.uint32))

    count = 90_000
    value = count
    while value >= count:
        value = word() >> (32 - count.bit_length())
    return str(10_000 + value), word() / 2**32


def filler(count: int) -> str:
    return " ".join(SENTENCES[i % len(SENTENCES)] for i in range(count))


def paper_text(key: str, before: int, after: int, extra: str) -> str:
    """`extra` stands in front of the first filler there is."""
    first, second = filler(before), filler(after)
    if first or not second:
        first = f"{extra} {first}".strip()
    else:
        second = f"{extra} {second}".strip()
    parts = [TASK, first, f"The pass key is {key}. Remember it. {key} is the pass key.", second, QUESTION]
    return "\n".join(part for part in parts if part)


def paper_ids(tokenizer: Tokenizer, key: str, place: float, budget: int) -> list[int]:
    """As many whole sentences as fit; then the end of more filler in front of them, cut so that the budget is met."""

    def text(count: int, extra: str = "") -> str:
        before = int(place * (count + 1))
        return paper_text(key, before, count - before, extra)

    def encoded(count: int, extra: str = ""):
        return tokenizer.encode(text(count, extra), add_special_tokens=False)

    count = 0
    while len(encoded(count + 1).ids) <= budget:
        count += 1
    if len(encoded(count).ids) == budget:
        return encoded(count).ids
    words = filler(4 * len(SENTENCES)).split(" ")
    used = 1
    while len(encoded(count, " ".join(words[-used:])).ids) < budget:
        used += 1
    extra = " ".join(words[-used:])
    padded = encoded(count, extra)
    excess = len(padded.ids) - budget
    # The place of the extra words: what the text with and without them have in common before it.
    begin = text(count, extra).index(extra, len(TASK))
    # Tokenizers count the blank or the line break before a word to the word or to what stands before.
    first = next(i for i, (start, end) in enumerate(padded.offsets) if end > begin)
    return padded.ids[:first] + padded.ids[first + excess :]


def main() -> None:
    path = sys.argv[1]
    model = load(path)
    model.generation_config.eos_token_id = None
    folder, name = path.rsplit("/", 1)
    files = {"gguf_file": name} if name.endswith(".gguf") else {}
    whole = AutoTokenizer.from_pretrained(folder if files else path, **files)
    tokenizer = whole._tokenizer
    bos = [] if whole.bos_token_id is None else [whole.bos_token_id]

    def prompts(request: dict):
        length, trials = request["length"], request["trials"]
        if request["protocol"] == "released":
            for key, text in released_samples(request["seed"], length, trials):
                yield str(key), bos + tokenizer.encode(text, add_special_tokens=False).ids, RELEASED_ANSWER
            return
        for trial in range(trials):
            key, place = paper_draws(request["seed"], length, trial)
            yield key, bos + paper_ids(tokenizer, key, place, length - PAPER_ANSWER - len(bos)), PAPER_ANSWER

    def answer(request: dict) -> list[dict]:
        rows = []
        for key, ids, new in list(prompts(request)):
            prompt = torch.tensor([ids])
            told = model.generate(
                prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=new, pad_token_id=0
            )
            rows.append({"key": key, "ids": ids, "new": told[0, len(ids) :].tolist()})
        return rows

    answer_lines(answer)


if __name__ == "__main__":
    main()
