"""Writes test/oracle/released-search.json: which candidates the released search evaluates, from its own code.

    git clone https://github.com/microsoft/LongRoPE
    python parity/released_search_golden.py LongRoPE        # numpy and tqdm are enough

The genetic algorithms run with seed 42, default hyper-parameters but fewer iterations (the released history scan is slow), and a quadratic loss in place of the evaluator
processes. Stored is one sha256 over all distinct factor vectors in the order of their evaluation (float64, little endian).
The initial factors are float64, as with the released --init-factors.
"""

import hashlib
import json
import pathlib
import sys
import tempfile

import numpy as np

checkout = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(checkout))
from evolution.algorithms import DimMonoGeneticAlgorithm, DimPieceMonoGeneticAlgorithm  # noqa: E402


class QuadraticEvaluator:
    """Stands in for an evaluator process; only sums and products, so every language gets the same bits."""

    def __init__(self, target):
        self.target = target
        self.vectors = []

    def set_rope(self, rope_args):
        self.vectors.append(rope_args["rescale_factors"])

    def get_result(self):
        loss = 0.0
        for factor, wanted in zip(self.vectors[-1], self.target):
            loss = loss + (factor - wanted) * (factor - wanted)
        return loss


def run(algorithm, name, scale, init, target, changes):
    defaults = checkout / "evolution" / "default_hyper_params" / f"{name}.json"
    hyper_params = {**json.loads(defaults.read_text()), **changes}
    evaluator = QuadraticEvaluator(target)
    np.random.seed(42)
    with tempfile.TemporaryDirectory() as folder:
        search = algorithm([evaluator], scale, 2048, hyper_params, np.array(init), {}, f"{folder}/log.json", folder)
        final = search.run_genetic_algorithm()
    distinct = list(dict.fromkeys(tuple(vector) for vector in evaluator.vectors))
    digest = hashlib.sha256(np.array(distinct, dtype="<f8").tobytes()).hexdigest()
    return {
        "algorithm": name.replace("_", "-"),
        "ratio": scale,
        "init": list(init),
        "target": list(target),
        "changes": changes,
        "evaluated": len(evaluator.vectors),
        "distinct": len(distinct),
        "sha256": digest,
        "best": [float(value) for value in final[-len(init):]],
    }


def yarn_like(pairs, scale, low, high):
    ramp = [min(1.0, max(0.0, (i - low) / (high - low))) for i in range(pairs)]
    return [scale * m + (1 - m) for m in ramp]


def wanted(pairs, scale):
    return [1 + (scale - 1) * (i / (pairs - 1)) ** 2 for i in range(pairs)]


cases = []
for algorithm, name in ((DimMonoGeneticAlgorithm, "dim_mono"), (DimPieceMonoGeneticAlgorithm, "dim_piece_mono")):
    for pairs, scale, changes in ((32, 8.0, {"max_time_budget": 8}), (12, 4.0, {"evo_scale": 0.5, "list_step": 0.05})):
        init = yarn_like(pairs, scale, pairs // 8, pairs // 2)
        cases.append(run(algorithm, name, scale, init, wanted(pairs, scale), changes))
root = pathlib.Path(__file__).parent.parent
(root / "test" / "oracle" / "released-search.json").write_text(json.dumps({"commit": "c9e56aa", "cases": cases}, indent=1) + "\n")
for case in cases:
    print(case["algorithm"], case["evaluated"], case["distinct"], case["sha256"])
