"""Data sets on disk, both ways, between this project and Python `datasets`.

    python parity/check_dataset.py read FOLDER [TOKENIZER TEXT...]   # checks one that `longrope tokenize` wrote
    python parity/check_dataset.py write test/oracle/tokenizer-datasets   # the fixtures of test/corpus

`read` loads the folder with load_from_disk and checks columns, lengths and masks; with a tokenizer.json and the texts in
the order of the rows it also checks every id.
"""

import sys
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq


def read(folder, tokenizer_file=None, *texts):
    loaded = datasets.load_from_disk(folder)
    print(loaded)
    print(loaded.features)
    total = 0
    for i, row in enumerate(loaded):
        assert len(row["input_ids"]) == row["tokenized_len"] == len(row["attention_mask"]), row["id"]
        assert set(row["attention_mask"]) == {1}, row["id"]
        total += row["tokenized_len"]
        if tokenizer_file:
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(tokenizer_file)
            text = Path(texts[i]).read_bytes().decode("utf-8")
            assert tokenizer.encode(text, add_special_tokens=False).ids == row["input_ids"], row["id"]
    assert not texts or len(texts) == len(loaded)
    # What the released evaluation does with it.
    kept = loaded.filter(lambda row: row["tokenized_len"] >= 2)
    assert len(kept) == sum(n >= 2 for n in loaded["tokenized_len"])
    print(f"ok: {len(loaded)} documents, {total} tokens")


def write(folder):
    folder = Path(folder)
    rows = [[1, 2, 3], [4095], list(range(300))]
    kinds = {"int32": pa.list_(pa.int32()), "int64": pa.list_(pa.int64()), "large": pa.large_list(pa.int64())}
    for name, kind in kinds.items():
        table = pa.table({"input_ids": pa.array(rows, kind), "text": ["a", "b", "c"]})
        datasets.Dataset(table).save_to_disk(folder / name)
    ours = {"input_ids": rows, "id": ["x", "y", "z"], "tokenized_len": [len(r) for r in rows]}
    named = datasets.Dataset.from_dict(ours)
    named.save_to_disk(folder / "named", num_shards=2)
    datasets.DatasetDict({"train": named, "test": named}).save_to_disk(folder / "splits")
    datasets.Dataset.from_dict({"text": ["no tokens here"]}).save_to_disk(folder / "text")
    named.select([2, 0]).save_to_disk(folder / "selected")
    texts = pa.table({"title": list("abcde"), "text": ["one", "zwei \u00e4\u00f6\u00fc", "\U0001f600", "four", "five"]})
    pq.write_table(texts, folder / "texts.parquet", row_group_size=2, compression="zstd")
    broken = pa.table({"text": pa.array([b"good", b"bad \xff", b"\xc3"], pa.binary())})
    pq.write_table(broken, folder / "not-utf8.parquet")
    pq.write_table(pa.table({"text": ["a", None, "c"]}), folder / "null.parquet")


{"read": read, "write": write}[sys.argv[1]](*sys.argv[2:])
