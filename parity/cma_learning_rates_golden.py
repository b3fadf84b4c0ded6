"""Writes test/oracle/cma-learning-rates.json: the learning-rate adaptation of the package of its authors. Needs
`pip install cmaes==0.12.0`.

    python parity/cma_learning_rates_golden.py

Each case is a chain of updates of mean, step size and covariance with chosen steps, some towards one side, some noise; stored are
the steps and what `CMA._lr_adaptation` makes of each.
"""

import json
import pathlib

import numpy as np
from cmaes import CMA


def run(dimension: int, generations: int, noise: float) -> dict:
    random = np.random.RandomState(5)
    strategy = CMA(mean=np.ones(dimension), sigma=0.5, lr_adapt=True)
    direction = random.randn(dimension)
    case = {"dimension": dimension, "mean": strategy._mean.tolist(), "sigma": 0.5, "generations": []}
    for _ in range(generations):
        old_mean, old_sigma = np.copy(strategy._mean), strategy._sigma
        values, vectors = np.linalg.eigh(strategy._C)
        inverse_root = vectors @ np.diag(values**-0.5) @ vectors.T
        old_covariance = old_sigma**2 * strategy._C
        outer = random.randn(dimension)
        strategy._mean = old_mean + old_sigma * (0.3 * direction + noise * random.randn(dimension))
        strategy._sigma = old_sigma * float(np.exp(0.1 * random.randn()))
        strategy._C = 0.9 * strategy._C + 0.1 * np.outer(outer, outer)
        told = {"mean": strategy._mean.tolist(), "sigma": strategy._sigma, "covariance": strategy._C.tolist()}
        strategy._lr_adaptation(old_mean, old_sigma, old_covariance, inverse_root)
        becomes = {
            "mean": strategy._mean.tolist(),
            "sigma": float(strategy._sigma),
            "covariance": strategy._C.tolist(),
            "rates": [float(strategy._eta_mean), float(strategy._eta_Sigma)],
        }
        case["generations"].append({"told": told, "becomes": becomes})
    return case


cases = [run(4, 12, 0.1), run(6, 12, 3.0)]
target = pathlib.Path(__file__).parent.parent / "test" / "oracle" / "cma-learning-rates.json"
target.write_text(json.dumps({"cmaes": "0.12.0", "cases": cases}) + "\n")
print(target, target.stat().st_size, "bytes")
