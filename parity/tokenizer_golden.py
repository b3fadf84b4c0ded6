"""Golden token ids from the Rust `tokenizers` package, for test/corpus/tokenizer-golden.test.ts.

    python parity/tokenizer_golden.py ../shared

Writes test/oracle/tokenizer-golden.json (hashes of the ids) and test/oracle/tokenizer-sentencepiece.json (a small
SentencePiece-style tokenizer, trained here on public-domain books, with byte fallback).
"""

import copy
import hashlib
import json
import struct
import sys
from pathlib import Path

import gguf
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
from transformers.tokenization_utils_base import generate_merges

SHARED = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared")
ORACLE = Path(__file__).parent.parent / "test" / "oracle"
MARK = "\u2581"
SHORT = 150_000


def random_unicode(characters, seed=12345):
    """The same text as randomUnicode() in test/corpus/texts.ts: a linear congruential generator, upper 24 bits."""
    state, out = seed, []

    def draw(below):
        nonlocal state
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (state >> 8) % below

    frequent = " \n\r\t'sStTlLvVmMrReEdD019.,\u00a0\u0085\u017f\u212a\u0301\u0327\u2581\ufeff<>|"
    while len(out) < characters:
        kind = draw(10)
        if kind < 3:
            out.append(frequent[draw(len(frequent))])
            continue
        code = draw([0x80, 0x80, 0x800, 0x800, 0x10000, 0x10000, 0x110000][kind - 3])
        if 0xD800 <= code < 0xE000:
            code -= 0x800
        out.append(chr(code))
    return "".join(out)


def texts():
    return {
        "english": (SHARED / "data/pg19/validation/10905.txt").read_text("utf-8")[:1_000_000],
        "latex": (SHARED / "data/proof-pile/test/hott-book.txt").read_text("utf-8")[:1_000_000],
        "unicode": random_unicode(450_000),
    }


TRICKY = [
    "", " ", "  ", "\n", "a", "<s>", "<s>a", "a <s> b</s>", "<unk>", "<s", " <s> ", "<|endoftext|>", "x<|im_start|>y",
    "It's I'LL we\u2019ve don'T '\u017f 'S", "12345 1234 \u0661\u0662\u00bd \U00011de0\U00011de1", "a\r\n\r\n  b\t\tc   ",
    "\u00a0\u0085x\u2003y\ufeffz", "e\u0301 \u00e9 \uac00\u11a8 \U000105d2\u0307 a\u0345\u0301", "\u2581\u2581 \u2581a b",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0000\u0001\x7f", "ends with blanks   ", "fooBAR fooBar FOOBar 123abc",
]


def every_code_point():
    """Each one after an apostrophe and before a letter, up to the end of the third plane's letters."""
    return "".join(f"'{chr(c)}x" for c in range(0x34000) if not 0xD800 <= c < 0xE000)


GPT2_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PIECES = [
    {"type": "Digits", "individual_digits": True},
    *(
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        for pattern in [GPT2_SPLIT, *(GGUF_PRE_TOKENIZER_SPLITS[name] for name in ("llama-bpe", "qwen2", "tekken", "gpt-4o"))]
    ),
    *(
        {"type": "Split", "pattern": {"Regex": r"\p{%s}+" % name}, "behavior": "Isolated", "invert": False}
        for name in ("L", "M", "N", "P", "S", "Z", "C", "Lu", "Ll", "Lt", "Lm", "Lo")
    ),
]


def pieces_of(step, text):
    tokenizer = Tokenizer(models.BPE())
    file = json.loads(tokenizer.to_str())
    file["pre_tokenizer"] = step
    pieces = [piece for piece, _ in load(file).pre_tokenizer.pre_tokenize_str(text)]
    return {"count": len(pieces), "sha256": hashlib.sha256("\n".join(pieces).encode()).hexdigest()}


def added(content, **flags):
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"content": content, **plain, **flags}


# Variants of the tokenizers, which the test applies to the same files.
ADDED_TOKENS = [
    added("[L]", lstrip=True),
    added("[R]", rstrip=True, special=True),
    added("[LR]", lstrip=True, rstrip=True),
    added("[LR]]"),
    added("word", single_word=True),
    added("new york", normalized=True),
    added("caf\u00e9", normalized=True, single_word=True, lstrip=True),
]
ADDED_TEXTS = [
    "a [L] b[L]  [L]", "a [R] b[R]  [R]  c", "x  [LR]  y[LR]] [LR]]]", " [R] [L] ", "word words sword word, _word \u00e9word word",
    "in new york  new yorker", "caf\u00e9  caf\u00e9s cafe\u0301 caf\u00e9", "[L", "[R]\u00a0\n\u3000x", "wordword word",
]
SPLITS = [
    {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
    for invert in [False, True]
    for pattern in [{"String": "e"}, {"Regex": "\\s+"}, {"Regex": "[^\\W]|\\p{Lu}".replace("[^\\W]", "[a-d]")}]
] + [
    {"type": "Digits", "individual_digits": False},
    {"type": "Split", "pattern": {"Regex": "(?i:'s|k|\\.x)|[\\d\\-\\]]|(?<=a)b?|\\P{L}{2,3}?|x{2}|."}, "behavior": "Isolated", "invert": False},
]


def load(file):
    return Tokenizer.from_str(json.dumps(file))


def ids_of(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


def digest(ids):
    data = struct.pack(f"<{len(ids)}i", *ids)
    return {"count": len(ids), "sha256": hashlib.sha256(data).hexdigest(), "first": ids[:12]}


def train_sentencepiece():
    """Llama-2's shape: no pre-tokenizer, a normaliser that marks blanks, byte fallback, fused unknowns."""
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(MARK, prepend_scheme="never", split=True)
    trainer = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=["<unk>", "<s>", "</s>", *byte_tokens], show_progress=False, limit_alphabet=90
    )
    files = ["10006", "10003", "10005", "10008", "10009"]
    tokenizer.train([str(SHARED / f"data/pg19/train/{name}.txt") for name in files], trainer)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = file["added_tokens"][:3]
    file["pre_tokenizer"] = None
    file["decoder"] = json.loads(
        with_decoder(
            [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        ).to_str()
    )["decoder"]
    file["model"].update(unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    return file


def with_decoder(steps):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


def crossing(file):
    """Merges that cross the start of a word: the text has to be merged in one piece."""
    changed = copy.deepcopy(file)
    model = changed["model"]
    for left, right in [("e", MARK), (",", MARK), ("d", MARK + "the"), ("s", MARK)]:
        model["vocab"][left + right] = len(model["vocab"])
        model["merges"].insert(40, [left, right])
    return changed


def without_fallback(file):
    """No byte tokens: characters outside the vocabulary become (fused) unknown tokens."""
    changed = copy.deepcopy(file)
    changed["model"]["byte_fallback"] = False
    return changed


def from_scores(file):
    """What a GGUF of kind `llama` stores, tokens and scores, turned into merges by transformers."""
    vocab = file["model"]["vocab"]
    scores = {token: -float(id) for token, id in vocab.items()}
    changed = copy.deepcopy(file)
    changed["model"]["merges"] = [list(pair) for pair in generate_merges(vocab, scores)]
    return changed


def metaspace(file, scheme, split):
    changed = copy.deepcopy(file)
    changed["normalizer"] = None
    changed["pre_tokenizer"] = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": scheme, "split": split}
    return changed


def gguf_tokenizer(pre):
    """The byte-level BPE of SmolLM2's GGUF, with the pre-tokenizer that `pre` names."""
    path = next((SHARED / "models/smollm2-135m").glob("*.gguf"))
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    vocab = {token: id for id, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=pre in ("llama-bpe", "tekken")))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if pre in GGUF_PRE_TOKENIZER_SPLITS:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(GGUF_PRE_TOKENIZER_SPLITS[pre]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ])
    elif pre == "smollm":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    else:
        tokenizer.pre_tokenizer = byte_level
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    types = fields["tokenizer.ggml.token_type"].contents()
    special = [token for token, kind in zip(tokens, types) if kind in (2, 3)]
    tokenizer.add_special_tokens(special)
    return tokenizer


def main():
    sentencepiece = train_sentencepiece()
    (ORACLE / "tokenizer-sentencepiece.json").write_text(
        json.dumps(sentencepiece, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8"
    )
    full = {
        "tiny-pg19": Tokenizer.from_file(str(SHARED / "models/tiny-pg19/tokenizer.json")),
        "sentencepiece": load(sentencepiece),
        "gguf:smollm": gguf_tokenizer("smollm"),
    }
    short = {
        "sentencepiece:crossing": load(crossing(sentencepiece)),
        "sentencepiece:without-fallback": load(without_fallback(sentencepiece)),
        "sentencepiece:from-scores": load(from_scores(sentencepiece)),
        "metaspace:first": load(metaspace(sentencepiece, "first", False)),
        "metaspace:always": load(metaspace(sentencepiece, "always", True)),
        **{f"gguf:{pre}": gguf_tokenizer(pre) for pre in ("gpt-2", "llama-bpe", "qwen2", "tekken")},
    }
    corpus = texts()
    golden = {
        "made_by": f"parity/tokenizer_golden.py, tokenizers {tokenizers.__version__}",
        "texts": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in corpus.items()},
        "tricky_texts": TRICKY,
        "tokenizers": {},
        "added_tokens": ADDED_TOKENS,
        "added": [],
        "splits": [],
        "pieces": [{"step": step, **pieces_of(step, every_code_point())} for step in PIECES],
    }
    tiny = json.loads((SHARED / "models/tiny-pg19/tokenizer.json").read_text("utf-8"))
    for file in (tiny, sentencepiece):
        changed = copy.deepcopy(file)
        start = len(changed["model"]["vocab"])
        changed["added_tokens"] += [{"id": start + i, **token} for i, token in enumerate(ADDED_TOKENS)]
        golden["added"].append([{"text": text, "ids": ids_of(load(changed), text)} for text in ADDED_TEXTS])
    for step in SPLITS:
        changed = copy.deepcopy(tiny)
        changed["pre_tokenizer"] = {
            "type": "Sequence", "pretokenizers": [step, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": False}]
        }
        text = corpus["english"][5000:8000] + corpus["unicode"][:3000]
        golden["splits"].append({"step": step, **digest(ids_of(load(changed), text))})
    for name, tokenizer in {**full, **short}.items():
        length = None if name in full else SHORT
        golden["tokenizers"][name] = {
            "characters": length,
            **{text_name: digest(ids_of(tokenizer, text[:length])) for text_name, text in corpus.items()},
            "tricky": [ids_of(tokenizer, text) for text in TRICKY],
        }
    (ORACLE / "tokenizer-golden.json").write_text(json.dumps(golden, indent=1) + "\n", "utf-8")


main()
