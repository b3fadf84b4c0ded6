"""Writes test/oracle/python-random.json: draws and string methods of Python that benchmark prompts depend on.

    python3 parity/python_random_golden.py
"""

import json
import random
from pathlib import Path

SEEDS = [0, 1, 1234, 2**31, 2**32 - 1]
# (population, count): both algorithms of random.sample, both sides of every switch between them, and the tasks' own sizes.
SAMPLES = [
    (1, 1), (5, 5), (21, 5), (22, 5), (85, 6), (86, 6), (85, 11), (86, 11), (100, 11), (277, 25), (278, 25),
    (1119, 25), (39905, 11), (39905, 10),
]
TEXTS = [
    "", "a", "THE man", "éCOLE", "ßtrasse", "ﬁNE", "ǆABC", "ΑΣ", "he ΣΑΣ ", "\x1c x \x85", "\ufeff x \ufeff", "\u3000x\u200b",
    "ĲSSEL", "1ST Time", " Leading", "ŉORD", "😀ABC", "tab\t\n",
]

draws = []
for seed in SEEDS:
    generator = random.Random(seed)
    draws.append({
        "seed": seed,
        "bits": [generator.getrandbits(bits) for bits in (32, 1, 7, 31, 32)],
        # One generator for all samples: its state goes on from one to the next.
        "samples": [
            {"population": population, "count": count, "drawn": generator.sample(range(population), count)}
            for population, count in SAMPLES
            for _ in range(2)
        ],
    })
texts = [
    {"text": text, "strip": text.strip(), "rstrip": text.rstrip(), "capitalize": text.capitalize(), "length": len(text)}
    for text in TEXTS
]
target = Path(__file__).parent.parent / "test" / "oracle" / "python-random.json"
target.write_text(json.dumps({"draws": draws, "texts": texts}) + "\n")
print(f"{target}: {len(draws)} seeds, {len(texts)} texts")
