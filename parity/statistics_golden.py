"""Golden p-values for the paired tests, made with scipy and statsmodels (neither is needed at test time).

Run from anywhere: python parity/statistics_golden.py   (pip install scipy statsmodels)
Writes test/oracle/statistics.json.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy.stats import PermutationMethod, binomtest, bootstrap, wilcoxon
from statsmodels.stats.multitest import multipletests

OUTPUT = Path(__file__).resolve().parents[1] / "test" / "oracle" / "statistics.json"
random = np.random.default_rng(7)


def signed_ranks(differences: np.ndarray) -> float:
    """Exact up to 50 pairs that differ (ties: every choice of signs, by scipy's permutation test), else normal."""
    kept = differences[differences != 0]
    ties = len(set(np.abs(kept))) < len(kept)
    if len(kept) > 50:
        return float(wilcoxon(kept, method="approx", correction=False).pvalue)
    return float(wilcoxon(kept, method=PermutationMethod(n_resamples=np.inf) if ties else "exact").pvalue)


def bias_corrected(sample: np.ndarray) -> dict:
    """With the indices scipy draws: from a RandomState it takes all of them in one call."""
    draws = np.random.RandomState(3).randint(0, len(sample), size=(199, len(sample)))
    result = bootstrap((sample,), np.mean, n_resamples=199, method="BCa", vectorized=False, random_state=np.random.RandomState(3))
    np.testing.assert_allclose(np.sort(result.bootstrap_distribution), np.sort(sample[draws].mean(axis=1)), rtol=1e-12)
    low, high = result.confidence_interval
    return {"sample": sample.tolist(), "draws": draws.tolist(), "low": float(low), "high": float(high)}


def sign(differences: np.ndarray) -> float:
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


sets = [np.round(random.normal(0.2, 1, n), 6) for n in (2, 3, 5, 7, 10, 25, 50, 51, 120)]
sets += [np.round(random.normal(0.3, 1, n), 1) for n in (8, 12, 90)]
# The centre, one pair, ties and zeros.
sets += [np.array(s, dtype=float) for s in ([1, 2, -3], [2.5], [1.5, 1.5, 2, 3, -4], [0, 0.5, 2, 2, -2, 5, 0], [3, 3, 3, 3, 3, 3, -3])]
right = [random.choice([-1, 0, 1], size=n, p=[0.2, 0.5, 0.3]) for n in (1, 4, 12, 100, 500)]
families = [[0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.9], list(np.round(random.uniform(0, 0.1, 12), 5))]
golden = {
    "madeBy": "parity/statistics_golden.py",
    "scipy": scipy.__version__,
    "signedRanks": [{"differences": s.tolist(), "pValue": signed_ranks(s)} for s in sets],
    "sign": [{"differences": s.tolist(), "pValue": sign(s)} for s in right],
    "bootstrap": [bias_corrected(np.round(random.gamma(2, 1, n), 6)) for n in (7, 40)],
    "holm": [{"pValues": f, "adjusted": multipletests(f, method="holm")[1].tolist()} for f in families],
}
OUTPUT.write_text(json.dumps(golden) + "\n")
print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes")
