"""Golden draws of Python's random.Random(seed) and results of its string methods, standard library only.

Run from anywhere: python parity/random_golden.py
Writes test/oracle/python-random.json.
"""

import json
import random
from pathlib import Path

OUTPUT = Path(__file__).resolve().parents[1] / "test" / "oracle" / "python-random.json"
# Small pools are drawn through a list, large ones through a set; both, and the border between.
CASES = [
    (1234, 1119, 25), (1234, 100, 11), (1234, 39905, 11), (1234, 277, 25), (1234, 278, 25), (0, 5, 5), (42, 21, 5), (42, 22, 5),
    (42, 85, 6), (42, 86, 6), (2**31, 85, 11), (2**31, 86, 11), (2**32 - 1, 10042, 10), (1, 1119, 25), (7, 1, 1),
]
TEXTS = [
    "", "a", "THE man", "éCOLE", "ßtrasse", "ﬁNE", "ǆABC", "ΑΣ", "he ΣΑΣ ", "\x1c x \x85", "\ufeff x \ufeff", "\u3000x\u200b",
    "ĲSSEL", "1ST Time", " Leading", "ŉORD", "😀ABC", "tab\t\n",
]

golden = []
for seed, population, count in CASES:
    generator = random.Random(seed)
    golden.append({"seed": seed, "population": population, "count": count, "samples": [generator.sample(range(population), count) for _ in range(4)]})
texts = [
    {"text": text, "strip": text.strip(), "rstrip": text.rstrip(), "capitalize": text.capitalize(), "length": len(text)}
    for text in TEXTS
]
OUTPUT.write_text(json.dumps({"madeBy": "parity/random_golden.py", "cases": golden, "texts": texts}) + "\n")
print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes")
