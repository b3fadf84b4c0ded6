"""Writes test/oracle/cma.json: what pycma computes from given samples. Needs `pip install cma==4.5.0`.

    python parity/cma_golden.py

Each case is a run of CMAEvolutionStrategy with its default options, one with a large population. Stored are the vectors it sampled, their ranks, and
mean, step size and covariance after each update, so that an implementation can be fed the same vectors; and a near and a far vector from elsewhere as
it clips them.
"""

import json
import pathlib
import warnings

warnings.simplefilter("ignore")
import cma  # noqa: E402
import numpy as np  # noqa: E402


def run(dimension: int, generations: int, sigma: float, function, **options) -> dict:
    strategy = cma.CMAEvolutionStrategy(dimension * [1.0], sigma, {"seed": 7, "verbose": -9, **options})
    case = {
        "dimension": dimension,
        "populationSize": strategy.popsize,
        "sigma": sigma,
        "mean": strategy.mean.tolist(),
        "variances": np.diag(strategy.sm.C).tolist(),
        "generations": [],
    }
    for _ in range(generations):
        samples = strategy.ask()
        losses = [function(x) for x in samples]
        ranked = [samples[k].tolist() for k in np.argsort(losses)]
        strategy.tell(samples, losses)
        state = {"ranked": ranked, "mean": strategy.mean.tolist(), "sigma": float(strategy.sigma)}
        case["generations"].append(state)
    case["finalCovariance"] = strategy.sm.C.tolist()
    case["injected"] = [
        {"vector": vector.tolist(), "clipped": strategy.repair_genotype(vector, copy_if_changed=True).tolist()}
        for vector in (strategy.mean + scale * strategy.sigma * np.arange(1.0, dimension + 1) for scale in (1e-4, 10))
    ]
    case["weights"] = list(strategy.sp.weights)
    return case


cases = [
    run(10, 20, 0.5, cma.ff.elli),
    run(5, 25, 0.3, cma.ff.rosen),
    run(33, 3, 0.3, cma.ff.sphere),
    run(4, 5, 0.5, cma.ff.elli, popsize=40),
]
target = pathlib.Path(__file__).parent.parent / "test" / "oracle" / "cma.json"
target.write_text(json.dumps({"pycma": cma.__version__.split()[0], "cases": cases}) + "\n")
print(target, target.stat().st_size, "bytes")
