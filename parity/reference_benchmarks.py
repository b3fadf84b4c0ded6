"""lm-evaluation-harness on local files: its own tasks, prompts, few-shot sampler and Hugging Face model class.

    python parity/reference_benchmarks.py DATA [MODEL] [--threads 2]       MODEL: folder or .gguf; none = prompts only
One request per line: {"task": name, "shots": n, "limit": n, "output": file}
`output` gets JSON: samples [{"id", "context", "continuations", "logLikelihoods", "scores"}] in the order of the questions, and
the task's metrics with their standard errors. Log-likelihoods are made up where no model is given.

The hub is never asked: each task is the harness's own YAML with its data set replaced by rows of the files in DATA, in the
columns that the YAML expects.
"""

import argparse
import csv
import json
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import lm_eval  # noqa: E402
import torch  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from reference import answer_lines  # noqa: E402

TASKS = Path(lm_eval.__file__).parent / "tasks"
# As src/evaluation/benchmarks does it where a data set has no training file.
BORROWED_POOL = 100


def json_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def arc(path: Path) -> list[dict]:
    rows = json_lines(path)
    return [
        {
            "question": row["question"]["stem"],
            "choices": {key: [choice[key] for choice in row["question"]["choices"]] for key in ("text", "label")},
            "answerKey": row["answerKey"],
        }
        for row in rows
    ]


def hellaswag(path: Path) -> list[dict]:
    # The file has the context in one piece; the harness joins two and strips the blank between.
    return [{**row, "ctx_a": row["ctx"], "ctx_b": "", "label": str(row["label"])} for row in json_lines(path)]


def mmlu(path: Path) -> list[dict]:
    rows = list(csv.reader(path.open(newline="")))
    return [{"question": row[0], "choices": row[1:5], "answer": "ABCD".index(row[5]), "subject": ""} for row in rows]


def truthfulqa(path: Path) -> list[dict]:
    def targets(choices: dict) -> dict:
        return {"choices": list(choices), "labels": list(choices.values())}

    return [
        {"question": row["question"], "mc1_targets": targets(row["mc1_targets"]), "mc2_targets": targets(row["mc2_targets"])}
        for row in json.loads(path.read_text())
    ]


def splits(task: str, data: Path) -> tuple[str, dict[str, list[dict]]]:
    """The harness's YAML of a task, and its splits."""
    if task == "arc_challenge":
        return "arc/arc_challenge.yaml", {"train": arc(data / "arc/ARC-Challenge-Train.jsonl"), "validation": arc(data / "arc/ARC-Challenge-Dev.jsonl"), "test": arc(data / "arc/ARC-Challenge-Test.jsonl")}
    if task == "hellaswag":
        rows = hellaswag(data / "hellaswag/hellaswag_val.jsonl")
        return "hellaswag/hellaswag.yaml", {"train": rows[-BORROWED_POOL:], "validation": rows[:-BORROWED_POOL]}
    if task.startswith("truthfulqa"):
        return f"truthfulqa/{task}.yaml", {"validation": truthfulqa(data / "truthfulqa/mc_task.json")}
    subject = task.removeprefix("mmlu_")
    return f"mmlu/default/{task}.yaml", {"dev": mmlu(data / f"mmlu/dev/{subject}_dev.csv"), "test": mmlu(data / f"mmlu/test/{subject}_test.csv")}


def offline_task(task: str, data: Path, folder: Path) -> str:
    """Writes rows and a YAML that includes the harness's own; returns the name of the new task."""
    yaml, rows = splits(task, data)
    files = {}
    for split, content in rows.items():
        files[split] = str(folder / f"{task}-{split}.jsonl")
        Path(files[split]).write_text("\n".join(json.dumps(row) for row in content) + "\n")
    name = f"offline_{task}"
    # JSON is YAML.
    (folder / f"{name}.yaml").write_text(json.dumps({"include": str(TASKS / yaml), "task": name, "dataset_path": "json", "dataset_name": None, "dataset_kwargs": {"data_files": files}}))
    return name


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--max-length", type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.model is None:
        model = "dummy"
    else:
        gguf = options.model.endswith(".gguf")
        model = HFLM(
            pretrained=str(Path(options.model).parent) if gguf else options.model,
            gguf_file=Path(options.model).name if gguf else None,
            dtype="float32", device="cpu", batch_size=options.batch, max_length=options.max_length,
        )
    folder = Path(tempfile.mkdtemp(prefix="longrope-harness-"))

    def answer(request: dict) -> dict:
        name = offline_task(request["task"], options.data, folder)
        result = lm_eval.simple_evaluate(
            model=model, tasks=[name], num_fewshot=request["shots"], limit=request["limit"], log_samples=True,
            bootstrap_iters=0 if options.model is None else 100000, task_manager=TaskManager(include_path=str(folder)),
        )
        samples = sorted(result["samples"][name], key=lambda sample: sample["doc_id"])
        told = {
            "samples": [
                {
                    "id": sample["doc_id"],
                    "context": sample["arguments"]["gen_args_0"]["arg_0"] if isinstance(sample["arguments"], dict) else sample["arguments"][0][0],
                    "continuations": [a["arg_1"] for a in sample["arguments"].values()] if isinstance(sample["arguments"], dict) else [a[1] for a in sample["arguments"]],
                    "logLikelihoods": [float(response[0]) for response in sample["filtered_resps"]],
                    "scores": {key: float(sample[key]) for key in ("acc", "acc_norm") if key in sample},
                }
                for sample in samples
            ],
            "metrics": {key.removesuffix(",none"): value for key, value in result["results"][name].items() if isinstance(value, float)},
        }
        Path(request["output"]).write_text(json.dumps(told))
        return {"questions": len(samples)}

    answer_lines(answer)


if __name__ == "__main__":
    main()
