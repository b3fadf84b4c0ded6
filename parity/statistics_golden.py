"""Golden p-values for the paired tests, made with scipy and statsmodels (neither is needed at test time).

Run from anywhere: python parity/statistics_golden.py   (pip install scipy statsmodels)
Writes test/oracle/statistics.json.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy.stats import binomtest, wilcoxon
from statsmodels.stats.multitest import multipletests

OUTPUT = Path(__file__).resolve().parents[1] / "test" / "oracle" / "statistics.json"
random = np.random.default_rng(7)


def signed_ranks(differences: np.ndarray) -> float:
    """As the library does it: exact for up to 50 pairs without ties or zeros, else normal with continuity correction."""
    kept = differences[differences != 0]
    ties = len(set(np.abs(kept))) < len(kept) or len(kept) < len(differences)
    if len(differences) <= 50 and not ties:
        return float(wilcoxon(differences, method="exact").pvalue)
    return float(wilcoxon(differences, method="approx", correction=True, zero_method="wilcox").pvalue)


def sign(differences: np.ndarray) -> float:
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


sets = [np.round(random.normal(0.2, 1, n), 6) for n in (2, 3, 5, 7, 10, 25, 50, 51, 120)]
sets += [np.round(random.normal(0.3, 1, n), 1) for n in (8, 40, 90)]
right = [random.choice([-1, 0, 1], size=n, p=[0.2, 0.5, 0.3]) for n in (1, 4, 12, 100, 500)]
families = [[0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.9], list(np.round(random.uniform(0, 0.1, 12), 5))]
golden = {
    "madeBy": "parity/statistics_golden.py",
    "scipy": scipy.__version__,
    "signedRanks": [{"differences": s.tolist(), "pValue": signed_ranks(s)} for s in sets],
    "sign": [{"differences": s.tolist(), "pValue": sign(s)} for s in right],
    "holm": [{"pValues": f, "adjusted": multipletests(f, method="holm")[1].tolist()} for f in families],
}
OUTPUT.write_text(json.dumps(golden) + "\n")
print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes")
