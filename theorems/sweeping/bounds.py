r"""How large the refuted share of a claim's law can still be, after so many independent draws.

*Clopper and Pearson* for a look that was fixed beforehand. *Betting* for any number of looks: for a
share p the capital of bets that the share is smaller, with the factors of
`theorems.relations.wagers` for a proportion, is at most 1/α for ever with probability 1 − α if the
share is p or more; shares at which it has grown beyond are excluded, whenever anybody looks. Units
arrive in any order, and the product of factors does not depend on it.
"""

from __future__ import annotations

import math

import numpy as np

from theorems.impl.errors import require
from theorems.relations.laws import Proportion
from theorems.relations.wagers import log_factors

LEVEL = 0.05
_STEPS = 60


def fixed(refuted: int, judged: int, level: float = LEVEL) -> float:
    """Clopper and Pearson's upper bound at a look that was fixed beforehand; 1 without any draw.

    Raises:
        InputError: for counts that are none.
    """
    from scipy import stats

    _require(refuted, judged)
    return 1.0 if refuted == judged else float(stats.beta.isf(level, refuted + 1, judged - refuted))


def anytime(refuted: int, judged: int, level: float = LEVEL) -> float:
    """The upper bound that holds at all times together; 1 where nothing is excluded yet.

    Raises:
        InputError: for counts that are none.
    """
    _require(refuted, judged)
    if judged == 0 or not _excluded(1.0, refuted, judged, level):
        return 1.0
    low, high = refuted / judged, 1.0
    for _ in range(_STEPS):  # the capital grows with the share that is bet against
        middle = math.sqrt(low * high) if low > 0 else high / 2 if high > 1e-15 else high
        if _excluded(middle, refuted, judged, level):
            high = middle
        else:
            low = middle
        if low >= high * (1 - 1e-6):
            break
    return high


def _excluded(share: float, refuted: int, judged: int, level: float) -> bool:
    """Whether the bets that the share is smaller have multiplied their capital by 1/level."""
    from scipy.special import logsumexp

    mean = np.array([share])
    none, one = (
        log_factors(_LAW, np.array([[outcome]]), mean, -1, np.array([math.nan]), None)[:, 0]
        for outcome in (0.0, 1.0)
    )
    logs = none * (judged - refuted) + (one * refuted if refuted else 0.0)
    return float(logsumexp(logs)) - math.log(len(logs)) >= -math.log(level)


def _require(refuted: int, judged: int) -> None:
    require(0 <= refuted <= judged, f"expected 0 <= refuted <= judged, got {refuted} of {judged}")


_LAW = Proportion(sign="=")
