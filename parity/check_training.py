"""Hand-off folders of `longrope export training`, as the libraries that will read them see them. Run in such a folder.

    python check_training.py data ENGINE:ROWS:FOLDER...   # FOLDER/data with datasets.load_from_disk
    python check_training.py arguments                # training_arguments.json and the parallel configuration of train.py
    python check_training.py fields FOLDER BASE KEY...   # KEYs are fields of the settings classes in FOLDER of a trainer's checkout,
                                                       # or of BASE, a class of transformers (none: -)
"""

import ast
import json
import sys
from pathlib import Path

COLUMNS = {
    "axolotl": ["input_ids", "attention_mask", "labels"],
    "llama-factory": ["input_ids", "attention_mask"],
    "hf-trainer": ["input_ids", "attention_mask", "labels", "position_ids"],
    "nnscaler": ["input_ids", "position_ids"],
}


def data(*handoffs):
    for handoff in handoffs:
        rows_of(*handoff.split(":", 2))


def rows_of(engine, rows, folder):
    import datasets
    from transformers import AutoConfig, default_data_collator

    loaded = datasets.load_from_disk(f"{folder}/data")
    config = AutoConfig.from_pretrained(f"{folder}/model")
    assert loaded.column_names == COLUMNS[engine], loaded.column_names
    assert len(loaded) == int(rows)
    for row in loaded:
        assert {len(values) for values in row.values()} == {config.max_position_embeddings}
        assert 0 <= min(row["input_ids"]) and max(row["input_ids"]) < config.vocab_size
        assert "labels" not in row or row["labels"] == row["input_ids"]
        assert set(row.get("attention_mask", [1])) == {1}
    batch = default_data_collator([loaded[0]])
    print(f"{engine}: {len(loaded)} rows of {batch['input_ids'].shape[1]} tokens, {', '.join(loaded.column_names)}")


def arguments():
    import dataclasses

    from accelerate.utils import DeepSpeedSequenceParallelConfig, ParallelismConfig
    from transformers import TrainingArguments

    given = json.loads(Path("training_arguments.json").read_text())
    known = {field.name for field in dataclasses.fields(TrainingArguments)}
    assert given.keys() <= known, given.keys() - known
    script = ast.parse(Path("train.py").read_text())
    calls = {node.func.id: node for node in ast.walk(script) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    handler = {word.arg: ast.literal_eval(word.value) for word in calls["DeepSpeedSequenceParallelConfig"].keywords}
    outer = {word.arg: word.value for word in calls["ParallelismConfig"].keywords if word.arg != "sp_handler"}
    made = ParallelismConfig(
        sp_handler=DeepSpeedSequenceParallelConfig(**handler), **{key: ast.literal_eval(value) for key, value in outer.items()}
    )
    assert made.sp_enabled and made.sp_size == 2
    print(f"{len(given)} training arguments, {made}")


def fields(folder, base, *keys):
    names = set()
    for file in Path(folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                lines = [line for line in node.body if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)]
                names |= {line.target.id for line in lines}
    assert names, f"no settings in {folder}"
    if base != "-":
        import dataclasses

        import transformers

        names |= {field.name for field in dataclasses.fields(getattr(transformers, base))}
    unknown = set(keys) - names
    assert not unknown, unknown
    print(f"{len(keys)} settings, all among the {len(names)} of {folder}")


{"data": data, "arguments": arguments, "fields": fields}[sys.argv[1]](*sys.argv[2:])
