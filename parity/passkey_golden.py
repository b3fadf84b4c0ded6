"""
Golden values of test/oracle/passkey-released.json: an independent statement of how evaluation/passkey.py of the released
LongRoPE code (commit c9e56aa) makes its prompts, with Python's own generator.

    python parity/passkey_golden.py > test/oracle/passkey-released.json
"""

import hashlib
import json
import random

FILLER = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
LETTERS_PER_TOKEN = 3.65


def released_samples(seed: int, length: int, count: int):
    random.seed(seed)
    characters = int(length * LETTERS_PER_TOKEN)
    # The script doubles the filler until it is long enough; only its first characters are ever used.
    filler = FILLER
    while len(filler) < characters:
        filler = f"{filler} {filler}"
    for _ in range(count):
        before = random.randint(0, characters)
        key = random.randint(1, 50000)
        yield key, "\n".join(
            (
                "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. "
                "I will quiz you about the important information there.",
                filler[:before],
                f"The pass key is {key}. Remember it. {key} is the pass key.",
                filler[: characters - before],
                "What is the pass key? The pass key is",
            )
        )


def main() -> None:
    cases = [
        {
            "seed": seed,
            "length": length,
            "samples": [
                {"key": str(key), "characters": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}
                for key, text in released_samples(seed, length, 5)
            ],
        }
        for seed in (42, 7)
        for length in (64, 256, 1024, 4096, 100_000)
    ]
    print(json.dumps(cases, indent=1))


if __name__ == "__main__":
    main()
