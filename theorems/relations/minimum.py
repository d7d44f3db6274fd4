"""The relation "this kernel minimises that convex energy over the positive semidefinite
kernels".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.arb_arrays import ArbArray
from theorems.impl.numbers.arb_matrices import norm, symmetric_eigenvalues
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball
from theorems.relations import Finding, Side, _worst
from theorems.relations.certified import decided, in_balls
from theorems.relations.enclosures import enclose
from theorems.relations.precision import rising, strengthened
from theorems.relations.ranks import RankIs
from theorems.relations.spectra import eigenvalues, is_semidefinite
from theorems.verdict import Grade, Outcome


@dataclass(frozen=True)
class Minimises:
    """The predicted kernel K satisfies the optimality conditions of the observed energy, which are
    sufficient if it is convex.

    ``observe(instance)`` is the gradient ∇E as a function of a kernel; K ⪰ 0, ∇E(K) ⪰ 0 and ∇E(K) K
    = 0 are checked: exactly on exact instances, else with proved eigenvalue bounds and the rounding
    error of both formulas, and in ball arithmetic too if ``certify``.
    """

    certify: bool = True

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Evaluate the three conditions; the worst one answers."""
        first = next(v for v in vars(instance).values() if isinstance(v, Tensor | np.ndarray))
        chosen: Any = instance if is_exact(first) else enclose(instance)
        kernel: Any = predict(chosen)
        inside = (
            _exact("K is positive semidefinite", holds=is_semidefinite(kernel))
            if is_exact(first)
            else _semidefinite("K is positive semidefinite", kernel)
        )
        # the energy is defined on semidefinite kernels only
        if inside.outcome is not Outcome.HOLDS:
            certify = self.certify and not is_exact(first)
            return (
                strengthened(inside, _Enclosed(), observe, predict, instance) if certify else inside
            )
        gradient = observe(chosen)(kernel)  # type: ignore[operator]
        if is_exact(first):
            conditions = {
                "gradient is positive semidefinite": is_semidefinite(gradient),
                "gradient vanishes on K": not (gradient @ kernel != 0).any(),
            }
            return _worst(
                [inside, *(_exact(name, holds=holds) for name, holds in conditions.items())]
            )
        found = _worst(
            [
                inside,
                _semidefinite("gradient is positive semidefinite", gradient),
                _zero(
                    "gradient vanishes on K",
                    gradient @ kernel,
                    gradient,
                    _near(observe(chosen), kernel),
                ),
            ]
        )
        return (
            strengthened(found, _Enclosed(), observe, predict, instance) if self.certify else found
        )


class Spectrum(NamedTuple):
    """What is predicted of a minimiser: the kernel, and its rank."""

    kernel: Operand
    rank: int


@dataclass(frozen=True)
class MinimiserHasRank:
    """The predicted kernel minimises the observed energy, as in `Minimises`, and has the predicted
    rank, as in `RankIs`.

    ``observe(instance)`` is the gradient ∇E as a function of a kernel, ``predict(instance)`` a
    `Spectrum`. Without the first half a formula for the kernel would vouch for its own rank.
    """

    certify: bool = True

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Both conditions; the worse one answers."""

        def kernel(point: Any) -> Operand:
            return predict(point).kernel  # type: ignore[union-attr]

        def rank(point: Any) -> Operand:
            return predict(point).rank  # type: ignore[union-attr]

        optimal = Minimises(self.certify).judge(observe, kernel, instance)
        if optimal.outcome is not Outcome.HOLDS:
            return optimal
        return _worst([optimal, RankIs(("",), self.certify).judge(kernel, rank, instance)])


class _Enclosed:
    """The same conditions on balls of arb, at rising precision."""

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Evaluate the conditions as long as they are open."""
        return rising(lambda: self._at(observe, predict, in_balls(instance)))

    def _at(self, observe: Side, predict: Side, instance: Any) -> Finding | None:
        if instance is None:
            return None
        kernel: Any = predict(instance)
        inside = _enclosed_semidefinite("K is positive semidefinite", kernel, kernel)
        if inside.outcome is not Outcome.HOLDS:
            return inside
        slope: Any = observe(instance)
        gradient, near = (
            slope(kernel),
            slope(kernel + np.eye(kernel.shape[-1], dtype=int).astype(object)),
        )
        product = gradient @ kernel
        return _worst(
            [
                inside,
                _enclosed_semidefinite("gradient is positive semidefinite", gradient, near),
                _enclosed_zero("gradient vanishes on K", product, near),
            ]
        )


def _enclosed_semidefinite(name: str, matrix: ArbArray, near: ArbArray) -> Finding:
    """No eigenvalue is below zero by more than the resolution of the scale that ``near`` gives."""
    least = symmetric_eigenvalues(matrix)[-1]
    outcome = decided(">=", -least, max(norm(matrix), norm(near)))
    context = {"condition": name, "least eigenvalue": str(least)}
    return Finding(
        outcome, Grade.CERTIFIED, max(-float(least.mid()), 0.0), float(least.rad()), context
    )


def _enclosed_zero(name: str, product: ArbArray, near: ArbArray) -> Finding:
    largest = max(np.asarray(product).flat, key=lambda value: float(value.abs_upper()))
    outcome = max(
        (decided("=", abs(value), norm(near)) for value in np.asarray(product).flat),
        key=_ORDER.index,
    )
    context = {"condition": name, "largest entry": str(largest)}
    return Finding(
        outcome, Grade.CERTIFIED, abs(float(largest.mid())), float(largest.rad()), context
    )


_ORDER = (Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)


def _exact(name: str, *, holds: bool) -> Finding:
    outcome = Outcome.HOLDS if holds else Outcome.REFUTED
    return Finding(outcome, Grade.EXACT, 0.0 if holds else 1.0, 0.0, {"condition": name})


def _semidefinite(name: str, matrix: Ball) -> Finding:
    if not bool(torch.isfinite(matrix.error).all()):
        return Finding(Outcome.UNDECIDED, Grade.NUMERICAL, math.nan, math.inf, {"condition": name})
    values, errors = eigenvalues(matrix)
    gap = -values - errors
    worst = int(gap.reshape(-1).argmax())
    residual, limit = -float(values.reshape(-1)[worst]), float(errors.reshape(-1)[worst])
    outcome = Outcome.HOLDS if residual <= limit else Outcome.REFUTED
    return Finding(outcome, Grade.NUMERICAL, max(residual, 0.0), limit, {"condition": name})


def _near(slope: Any, kernel: Ball) -> Ball:
    """The gradient at K + I: what it is like where K is not right, the scale against which zero
    counts.
    """
    other: Ball = slope(kernel + torch.eye(kernel.shape[-1], dtype=torch.float64))
    return other


def _zero(name: str, product: Ball, gradient: Ball, near: Ball) -> Finding:
    ratio = product.center.abs() - product.error
    if not bool(torch.isfinite(ratio).all()):
        return Finding(Outcome.UNDECIDED, Grade.NUMERICAL, math.nan, math.inf, {"condition": name})
    worst = int(ratio.reshape(-1).argmax())
    residual, limit = (
        float(product.center.abs().reshape(-1)[worst]),
        float(product.error.reshape(-1)[worst]),
    )
    outcome = Outcome.HOLDS if residual <= limit else Outcome.REFUTED
    scale = max(float(gradient.center.abs().max()), float(near.center.abs().max()))
    if outcome is Outcome.HOLDS and float(gradient.error.max()) > scale:
        outcome = Outcome.UNDECIDED  # the radius swallows the gradient: nothing was tested
    return Finding(outcome, Grade.NUMERICAL, residual, limit, {"condition": name})
