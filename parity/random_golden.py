"""Golden draws of Python's random.Random(seed).sample, standard library only.

Run from anywhere: python parity/random_golden.py
Writes test/oracle/python-random.json.
"""

import json
import random
from pathlib import Path

OUTPUT = Path(__file__).resolve().parents[1] / "test" / "oracle" / "python-random.json"
# Small pools are drawn through a list, large ones through a set; both, and the border between.
CASES = [(1234, 1119, 25), (1234, 100, 11), (0, 5, 5), (42, 21, 5), (42, 85, 6), (42, 86, 6), (2**32 - 1, 10042, 10), (7, 1, 1)]

golden = []
for seed, population, count in CASES:
    generator = random.Random(seed)
    golden.append({"seed": seed, "population": population, "count": count, "samples": [generator.sample(range(population), count) for _ in range(4)]})
OUTPUT.write_text(json.dumps({"madeBy": "parity/random_golden.py", "cases": golden}) + "\n")
print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes")
