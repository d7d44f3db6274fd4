r"""The spike ς = Σ y_i x_i over batches whose moments are Gaussian, enumerated exactly in rational
arithmetic.

A statement about moments of degree ≤ 2K + 1 cannot tell a Gaussian from the discrete law on −K … K
with the same moments, so its expectation is a finite sum: over every batch of n samples, no
independence used but that of the draws.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
from flint import fmpq, fmpq_mat

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding


@dataclass(frozen=True, eq=False)
class SpikeSetting(Instance):
    """A polynomial single-index teacher and a step size, all rational.

    Args:
        direction: w*, (d,), object array.
        coefficients: of g, from the constant term on, (p + 1,), object array.
        noise: standard deviation of ε, which takes the values ±noise (so that all its moments up to
            the third are those of a Gaussian).
        samples: n.
        width: m.
        rate: η.
        slope: c₁ of the activation.
        noise_mean: E ε; anything but zero breaks a hypothesis.
        inputs: "gaussian", or "rademacher" for ±1 coordinates, whose fourth moment is not Gaussian.
    """

    alone = ("direction", 1)

    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    direction: Any
    coefficients: Any
    noise: Fraction
    samples: int
    width: int
    rate: Fraction
    slope: Fraction
    noise_mean: Fraction = Fraction(0)
    inputs: str = "gaussian"

    def __post_init__(self) -> None:
        """Refuse what cannot be enumerated."""
        require(
            self.direction.ndim == 1 and self.direction.size > 0,
            f"expected w* (d,), got {self.direction.shape}",
        )
        require(
            self.coefficients.ndim == 1 and self.coefficients.size > 0,
            f"expected at least one coefficient of g, got {self.coefficients.shape}",
        )
        require(self.samples >= 1, f"expected samples of at least 1, got samples={self.samples}")
        require(self.width >= 1, f"expected width of at least 1, got width={self.width}")
        require(
            self.inputs in ("gaussian", "rademacher"),
            f"expected gaussian or rademacher inputs, got {self.inputs!r}",
        )

    @property
    def dimension(self) -> int:
        """D."""
        return len(self.direction)

    @cached_property
    def spike_second_moment(self) -> Any:
        """E ςςᵀ over all batches, (d, d), object array of fractions."""
        single = self._one_sample()
        law: dict[tuple[Fraction, ...], Fraction] = {(Fraction(0),) * self.dimension: Fraction(1)}
        for _ in range(self.samples):
            following: Counter[tuple[Fraction, ...]] = Counter()
            for (spike, weight), (term, chance) in itertools.product(law.items(), single.items()):
                following[tuple(a + b for a, b in zip(spike, term, strict=True))] += weight * chance  # type: ignore[assignment]
            law = dict(following)  # type: ignore[arg-type]
        out = np.zeros((self.dimension, self.dimension), dtype=object)
        for spike, weight in law.items():
            vector = np.array(spike, dtype=object)
            out = out + np.multiply.outer(vector, vector) * weight
        return out

    def _one_sample(self) -> dict[tuple[Fraction, ...], Fraction]:
        """The law of y x for one sample."""
        coordinate = (
            matched_normal(len(self.coefficients)) if self.inputs == "gaussian" else _RADEMACHER
        )
        law: Counter[tuple[Fraction, ...]] = Counter()
        errors = {self.noise_mean + self.noise, self.noise_mean - self.noise}
        for atoms in itertools.product(coordinate, repeat=self.dimension):
            x = [value for value, _ in atoms]
            chance = Fraction(1)
            for _, weight in atoms:
                chance *= weight
            projection = sum(a * b for a, b in zip(x, self.direction, strict=True))
            target = sum(c * projection**k for k, c in enumerate(self.coefficients))
            for error in errors:
                law[tuple((target + error) * value for value in x)] += chance / len(errors)  # type: ignore[assignment]
        return dict(law)  # type: ignore[arg-type]


_RADEMACHER = ((Fraction(-1), Fraction(1, 2)), (Fraction(1), Fraction(1, 2)))


@lru_cache(maxsize=8)
def matched_normal(reach: int) -> tuple[tuple[Fraction, Fraction], ...]:
    """Atoms −K … K and (possibly negative) weights with the moments of N(0, 1) up to degree 2K
    + 1.
    """
    atoms = list(range(-reach, reach + 1))
    size = len(atoms)
    powers = fmpq_mat(size, size, [fmpq(a**k) for k in range(size) for a in atoms])
    moments = fmpq_mat(size, 1, [fmpq(normal_moment(k)) for k in range(size)])
    weights = powers.solve(moments)
    return tuple(
        (Fraction(a), Fraction(int(weights[i, 0].p), int(weights[i, 0].q)))
        for i, a in enumerate(atoms)
    )


def normal_moment(order: int) -> int:
    """E z^k: (k − 1)!! for even k, 0 for odd."""
    if order % 2:
        return 0
    out = 1
    for factor in range(1, order, 2):
        out *= factor
    return out


def polynomial_mean(coefficients: Any) -> Fraction:
    """E p(z) of the polynomial with these coefficients."""
    return sum((c * Fraction(normal_moment(k)) for k, c in enumerate(coefficients)), Fraction(0))


def derivative(coefficients: Any) -> list[Fraction]:
    """Coefficients of p'."""
    return [c * Fraction(k) for k, c in enumerate(coefficients)][1:] or [Fraction(0)]


def square(coefficients: Any) -> list[Fraction]:
    """Coefficients of p²."""
    out = [Fraction(0)] * (2 * len(coefficients) - 1)
    for i, a in enumerate(coefficients):
        for j, b in enumerate(coefficients):
            out[i + j] += a * b
    return out
