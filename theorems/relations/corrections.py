r"""What finite sizes may do to a law of growing size: a class of corrections that can be said, and
what it does to local exponents, proved.

A distance f obeys its claimed order times size^δ, in the class, if for some c > 0

.. math:: f(s) = c\, \text{rate}(s)\,
          s^{\delta} (\log s)^p \Big(1 + \sum_{l}\sum_{j\ge1} a_{lj} u_l(s)^j\Big),
    \qquad u_l = \text{unit}_l\, s^{-\kappa_l}, \quad |a_{lj}| \le K, \quad |p| \le P.

Between two sizes s < s' the correction's logarithm changes by at least and at most what
`Corrections.between` gives. Proof: every term falls with the size, so the quotient N/D of the
bracket at s' and at s is, as a function of one coefficient, monotone: its derivative has the sign
of D t' − N t for a term that is t at s and t' < t at s'. The quotient is therefore extreme at a
corner of the box. Where N ≥ D, every derivative is negative, so the largest quotient is that at a =
−K; the smallest has a = K wherever t'/t < N/D and −K elsewhere, which `_smallest` iterates
(Dinkelbach). Sizes at which the bracket might vanish (Σ K u^j ≥ 1) bound nothing. Sign changes of f
can happen there only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theorems.impl.errors import require

_TERMS = 64
"""Powers of each u that are followed one by one; what is left of the geometric series counts at its
worst on both sides.
"""


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """A class of corrections to a power law.

    Args:
        ladders: pairs (κ, unit): corrections come in powers of unit · size^−κ.
        largest: K, the bound on every coefficient.
        logs: P, the largest power of a logarithm beside the law; 0 where there is none.
    """

    ladders: tuple[tuple[float, float], ...] = ((0.5, 1.0),)
    largest: float = 5.0
    logs: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what falls with no size, or bounds nothing."""
        for power, unit in self.ladders:
            require(
                power > 0 and unit >= 0,
                "expected corrections that fall with the size, (power > 0, unit >= 0), got "
                f"({power}, {unit})",
            )
        require(
            self.largest >= 0 and self.logs >= 0,
            f"expected bounds of at least 0, got largest={self.largest} and logs={self.logs}",
        )

    def between(self, small: float, large: float) -> tuple[float, float]:
        """Bounds on log correction(large) − log correction(small); infinite where the correction
        might vanish.
        """
        require(0 < small < large, f"expected sizes 0 < small < large, got {small} and {large}")
        before, rest_before = self._terms(small)
        after, rest_after = self._terms(large)
        most = self.largest * (before.sum() + rest_before)
        if not most < 1 or (self.logs > 0 and small <= 1):
            return -math.inf, math.inf
        shift = self.logs * math.log(math.log(large) / math.log(small)) if self.logs > 0 else 0.0
        top = (1 - self.largest * (after.sum() + rest_after)) / (1 - most)
        bottom = _smallest(
            self.largest * before,
            self.largest * after,
            self.largest * rest_before,
            self.largest * rest_after,
        )
        return math.log(bottom) - shift, math.log(top) + shift

    def _terms(self, size: float) -> tuple[np.ndarray, float]:
        """The first powers u^j of every ladder at one size, and the sum of the others; infinite
        where a series does not converge.
        """
        us = np.array([unit * size**-power for power, unit in self.ladders])
        if (us >= 1).any():
            return np.zeros(0), math.inf
        powers = us[:, None] ** np.arange(1, _TERMS + 1)
        return powers.reshape(-1), float((us ** (_TERMS + 1) / (1 - us)).sum())

    def ratio(self, small: float, large: float) -> float:
        """How much of the slowest correction is left from one size to the next."""
        return max(((large / small) ** -power for power, _ in self.ladders), default=0.0)

    def __str__(self) -> str:
        """In words."""
        powers = " and ".join(
            f"size^-{power:.3g}" if unit == 1 else f"{unit:.3g} size^-{power:.3g}"
            for power, unit in self.ladders
        )
        logs = f", times at most {self.logs:g} powers of log(size)" if self.logs else ""
        return (
            f"powers of {powers or 'nothing'} with coefficients of at most {self.largest:g}{logs}"
        )


def _smallest(
    before: np.ndarray, after: np.ndarray, rest_before: float, rest_after: float
) -> float:
    """The smallest quotient (1 + a·after − rest)/(1 + a·before + rest) over |a| ≤ 1, by
    Dinkelbach's iteration; it only falls.
    """
    value, last = 1.0, math.inf
    while value < last:
        last = value
        signs = np.where(after < value * before, 1.0, -1.0)
        value = float((1 + signs @ after - rest_after) / (1 + signs @ before + rest_before))
    return last
