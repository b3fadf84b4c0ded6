"""lm-evaluation-harness on local files: its own tasks, prompts, few-shot sampler and Hugging Face model class.

    python parity/reference_benchmarks.py DATA MODEL [--threads 2] [--tokens-only]       MODEL: folder or .gguf
One request per line: {"task": name, "shots": n, "limit": n, "output": file}
`output` gets JSON: samples [{"id", "context", "continuations", "tokens", "scored", "logLikelihoods", "scores"}] in the order of
the questions, and the task's metrics with their standard errors. `tokens` are what the harness hands its model for each
choice, of which the last `scored` are the continuation; with --tokens-only the model is not run and all log-likelihoods are 0.

The hub is never asked: each task is the harness's own YAML with its data set replaced by rows of the files in DATA, in the
columns that the YAML expects.
"""

import argparse
import csv
import json
import os
import tempfile
from pathlib import Path

# Tasks, and what `datasets` makes of them, which it would otherwise keep for every run in the user's cache.
WORK = tempfile.TemporaryDirectory(prefix="longrope-harness-")
os.environ["HF_DATASETS_CACHE"] = str(Path(WORK.name) / "cache")
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
    # Not splitlines(), which also splits at line separators that stand inside of texts.
    return [json.loads(line) for line in path.read_text().split("\n") if line.strip()]


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
    # Rows of the published files go through as they are; a cleaned copy has the context in one piece, and the harness, which
    # joins two, strips the blank between.
    return [
        {**({} if "ctx_a" in row else {"ctx_a": row["ctx"], "ctx_b": ""}), **row, "label": str(row["label"])}
        for row in json_lines(path)
    ]


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


class RecordingModel(HFLM):
    """The harness's model class, which also tells what tokens it was asked about."""

    runs = True

    def _loglikelihood_tokens(self, requests, *args, **options):
        # Cut as the class itself cuts, from the left.
        self.asked = {
            pair: ((context + continuation)[-(self.max_length + 1) :], len(continuation))
            for pair, context, continuation in requests
        }
        if not self.runs:
            return [(0.0, False)] * len(requests)
        return super()._loglikelihood_tokens(requests, *args, **options)


def pairs_of(sample: dict) -> list[tuple[str, str]]:
    """Context and continuation of each choice; versions of the harness log them in two shapes."""
    arguments = sample["arguments"]
    if isinstance(arguments, dict):
        return [(one["arg_0"], one["arg_1"]) for one in arguments.values()]
    return [(one[0], one[1]) for one in arguments]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("model")
    parser.add_argument("--tokens-only", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--max-length", type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    gguf = options.model.endswith(".gguf")
    model = RecordingModel(
        pretrained=str(Path(options.model).parent) if gguf else options.model,
        gguf_file=Path(options.model).name if gguf else None,
        dtype="float32", device="cpu", batch_size=options.batch, max_length=options.max_length,
    )
    model.runs = not options.tokens_only

    def answer(request: dict) -> dict:
        name = offline_task(request["task"], options.data, Path(WORK.name))
        result = lm_eval.simple_evaluate(
            model=model, tasks=[name], num_fewshot=request["shots"], limit=request["limit"], log_samples=True,
            task_manager=TaskManager(include_path=WORK.name, include_defaults=False),
        )
        samples = sorted(result["samples"][name], key=lambda sample: sample["doc_id"])
        told = {
            "samples": [
                {
                    "id": sample["doc_id"],
                    "context": pairs_of(sample)[0][0],
                    "continuations": [continuation for _, continuation in pairs_of(sample)],
                    "tokens": [model.asked[pair][0] for pair in pairs_of(sample)],
                    "scored": [model.asked[pair][1] for pair in pairs_of(sample)],
                    "logLikelihoods": [float(response[0]) for response in sample["filtered_resps"]],
                    "scores": {key: float(sample[key]) for key in ("acc", "acc_norm") if key in sample},
                }
                for sample in samples
            ],
            "metrics": {key.removesuffix(",none"): value for key, value in result["results"][name].items() if isinstance(value, float)},
        }
        # Renamed when whole: a test that finds the file may use it in place of asking again.
        partial = Path(f"{request['output']}.part")
        partial.write_text(json.dumps(told))
        partial.rename(request["output"])
        return {"questions": len(samples)}

    answer_lines(answer)


if __name__ == "__main__":
    main()
