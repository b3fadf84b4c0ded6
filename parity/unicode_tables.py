"""Writes src/corpus/tokenizer/unicode-tables.ts: what the Rust `tokenizers` package believes about Unicode.

Its regular expressions (Oniguruma), its Digits pre-tokenizer (Rust's standard library) and its NFC (an old crate) each
carry their own Unicode version, none of them that of Node. The tables are read out of the installed package itself.

    python parity/unicode_tables.py > src/corpus/tokenizer/unicode-tables.ts
"""

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co".split()
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
EVERYTHING = "".join(map(chr, CODE_POINTS))


def matching(pattern_of_others):
    """Code points left over when runs of `pattern_of_others` are removed."""
    kept = pre_tokenizers.Split(Regex(pattern_of_others), "removed").pre_tokenize_str(EVERYTHING)
    return [c for _, (start, end) in kept for c in CODE_POINTS[start:end]]


def digits():
    """Pieces of one character between two 'a' are what Digits calls a digit."""
    pieces = pre_tokenizers.Digits(True).pre_tokenize_str("a".join(map(chr, CODE_POINTS)))
    return [ord(piece) for piece, _ in pieces if len(piece) == 1 and piece != "a"]


def normalization_active():
    """Code points that NFC moves, takes apart or puts together; all others pass through it untouched."""
    nfd = normalizers.NFD()
    active = set()
    for c in CODE_POINTS:
        decomposed = nfd.normalize_str(chr(c))
        if decomposed != chr(c):
            active.update([c, *map(ord, decomposed)])
        # U+0345 has the highest combining class, so every combining mark moves in front of it.
        if nfd.normalize_str("a\u0345" + chr(c)) != "a\u0345" + decomposed:
            active.add(c)
    # Below U+0300 all characters are starters that never join the character before them.
    return [c for c in active if c >= 0x300]


def encode(code_points):
    """Runs as (gap since the last run, length - 1), base 36."""
    runs, previous = [], None
    for c in sorted(code_points):
        if previous is not None and c == previous + 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
        previous = c
    out, end = [], 0
    for first, last in runs:
        out += [to_base36(first - end), to_base36(last - first)]
        end = last
    return " ".join(out)


def to_base36(n):
    digits36 = "0123456789abcdefghijklmnopqrstuvwxyz"
    out = ""
    while True:
        n, r = divmod(n, 36)
        out = digits36[r] + out
        if n == 0:
            return out


print(f"// Written by parity/unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.")
print("// Runs of code points as pairs (gap since the end of the last run, length - 1) in base 36.")
print()
print("/** General categories as Oniguruma in the Rust `tokenizers` knows them (Unicode 16). */")
print("export const GENERAL_CATEGORIES: Readonly<Record<string, string>> = {")
for category in CATEGORIES:
    runs = encode(matching(r"[^\p{" + category + "}]+"))
    print(f"  {category}: '{runs}',")
print("};")
print()
white_space = encode(matching(r"[^\s]+"))
print("/** White_Space, which is what its regular expressions call `\\s`. */")
print(f"export const WHITE_SPACE = '{white_space}';")
print()
print("/** What its Digits pre-tokenizer splits at (Rust's char::is_numeric, Unicode 17). */")
print(f"export const DIGITS =\n  '{encode(digits())}';")
print()
print("/** Code points from U+0300 on that its NFC can change or combine (Unicode 9). */")
print(f"export const NORMALIZATION_ACTIVE =\n  '{encode(normalization_active())}';")
