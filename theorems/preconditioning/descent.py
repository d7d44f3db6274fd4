"""Preconditioned descent of a linear student on every kind of operand, and the filters of its
closed form.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.numbers.arb_arrays import ArbArray, arb_array
from theorems.impl.numbers.arb_matrices import norm
from theorems.impl.numbers.operands import Operand, count_of, is_exact, zeros_like
from theorems.impl.numbers.rounded import Ball
from theorems.impl.numbers.rounded_matrices import _norm
from theorems.impl.preconditioning import linear_students
from theorems.impl.preconditioning.linear_students import identity

_SHORT = 4
"""Up to so many steps the balls simply follow the computation; later their radii would outgrow the
contraction.
"""


def divided(value: Operand, count: int) -> Operand:
    """Value / count; a fraction on exact operands, where Python would fall back to floats."""
    return (
        value * Fraction(1, count)
        if is_exact(value) or isinstance(value, int | Fraction)
        else value / count
    )


def beside(left: Operand, right: Operand) -> Operand:
    """Two matrices with as many rows next to each other."""
    if isinstance(left, np.ndarray):
        joined = np.concatenate([left, right], axis=-1)
        return joined if is_exact(left) and is_exact(right) else arb_array(joined)
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return torch.cat([left, right], -1)
    a, b = (m if isinstance(m, Ball) else Ball(m) for m in (left, right))
    radius = None if a.radius is None and b.radius is None else torch.cat([a.error, b.error], -1)
    return Ball(torch.cat([a.center, b.center], -1), radius, max(a.unit, b.unit))


def _step(
    weight: Operand,
    inputs: Operand,
    targets: Operand,
    matrix: Operand,
    *,
    rate: Operand,
    scale: int,
) -> Operand:
    """W − η ∇ P with the gradient of the squared loss written out: the operations that autograd
    makes.
    """
    residual = inputs @ weight.mT - targets
    return weight - ((residual.mT @ inputs) @ matrix) * divided(rate, scale)


def descend(
    inputs: Operand,
    targets: Operand,
    factor: Operand,
    rates: Operand,
    *,
    start: Operand | None = None,
    scale: int = 1,
) -> Operand:
    r"""W (C, d) after preconditioned descent on ‖XWᵀ − Y‖²/(2·scale) with P = R Rᵀ.

    Tensors: real training by autograd and the optimiser. Exact operands: the same steps in
    fractions. Balls: what real training computes, with a bound on its distance from exact descent.
    Every step's own rounding δ is bounded from the weights it starts from; later steps multiply it
    by :math:`I - \eta\hat\Sigma P = R^{-\top}(I-\eta S)R^\top`, which is a contraction between two
    changes of basis where ηS ≤ 2: ‖error‖ ≤ ‖R‖‖R⁻¹‖ Σ‖δ‖, row by row.
    """
    matrix = factor @ factor.mT
    if isinstance(inputs, Tensor):
        return linear_students.descend(inputs, targets, matrix, rates, start=start, scale=scale)[-1]
    if hasattr(inputs, "fresh"):  # symbols
        weight = (targets.mT @ inputs) * 0 if start is None else start
        for rate in rates.tolist():
            weight = _step(weight, inputs, targets, matrix, rate=rate, scale=scale)
        return weight
    initial = zeros_like((inputs[:1].mT @ targets[:1]).mT) if start is None else start
    if isinstance(inputs, np.ndarray):
        for rate in rates.tolist():
            initial = _step(initial, inputs, targets, matrix, rate=rate, scale=scale)
        return initial
    targets = targets if isinstance(targets, Ball) else Ball(targets)
    steps = rates.shape[0]
    # else R⁻¹ does not exist, and the argument neither
    square = factor.shape[-1] == factor.shape[-2]
    if steps <= _SHORT or not square or not _contracts(inputs, factor, rates, scale):
        for i in range(steps):
            initial = _step(initial, inputs, targets, matrix, rate=rates[i], scale=scale)
        return initial
    begin = None if start is None else start.center
    path = linear_students.descend(
        inputs.center, targets.center, matrix.center, rates.center, start=begin, scale=scale
    )
    model = _step(
        Ball(torch.stack(path[:-1])),
        inputs,
        targets,
        matrix,
        rate=rates[:, None, None],
        scale=scale,
    )
    local = _norm(Ball(model.error), (-1,)).sum(0)
    if start is not None:
        local = local + _norm(Ball(start.error), (-1,))
    growth = condition(factor)
    radius = (growth * local[:, None] * (1 + 1e-9)).expand_as(path[-1])
    return Ball(path[-1], radius.nan_to_num(nan=math.inf))


def condition(factor: Operand) -> Any:
    """A proved upper bound on ‖R‖‖R⁻¹‖: ‖XR − I‖ ≤ t < 1 gives ‖R⁻¹‖ ≤ ‖X‖/(1 − t); infinite where
    R may be singular.
    """
    if isinstance(factor, ArbArray):
        return norm(factor) * norm(factor.inverse())
    inverse, info = torch.linalg.inv_ex(factor.center)
    defect = Ball(inverse) @ factor - torch.eye(factor.shape[-1], dtype=torch.float64)
    gap = 1 - _norm(defect)
    if int(info) != 0 or not bool(gap > 0):
        return torch.tensor(math.inf, dtype=torch.float64)
    bound: Tensor = _norm(factor) * _norm(Ball(inverse)) / gap
    return bound


def _contracts(inputs: Ball, factor: Ball, rates: Ball, scale: int) -> bool:
    """Whether 0 ≤ ηS ≤ 2 is proved for all steps: λ_max(S) ≤ ‖S⁴‖_F^{1/4}."""
    root = inputs @ factor
    gram = (root.mT @ root) / scale
    square = gram @ gram
    largest = float(_norm(square @ square)) ** 0.25 * (1 + 1e-12)
    return bool((rates.center >= 0).all()) and float(rates.magnitude.max()) * largest <= 2


def spectrum(inputs: Operand, factor: Operand) -> Operand:
    """S = Rᵀ (XᵀX/n) R, (d, d)."""
    root = inputs @ factor
    return divided(root.mT @ root, count_of(inputs.shape[-2]))


def filters(gram: Operand, rates: Operand) -> tuple[Operand, Operand]:
    """r(S) = Π(1 − ηs) and q(S) = (1 − r(S))/s as matrices; q as a polynomial, so that s = 0 needs
    no division.

    Equal rates go by doubling, r_{2m} = r_m², q_{2m} = q_m + r_m q_m, which keeps the rounding
    error small.
    """
    unit = identity(count_of(gram.shape[-1]), gram)
    steps = rates.shape[0]
    values = rates.center.tolist() if isinstance(rates, Ball) else rates.tolist()

    def one(i: int) -> tuple[Operand, Operand]:
        return -(gram * rates[i]) + unit, unit * rates[i] if is_exact(unit) else rates[i] * unit

    if len(set(values)) > 1:
        r, q = one(0)
        for i in range(1, steps):
            s, p = one(i)
            r, q = r @ s, q + r @ p
        return r, q
    r, q = one(0)
    result: tuple[Operand, Operand] | None = None
    while steps:
        if steps & 1:
            result = (r, q) if result is None else (result[0] @ r, result[1] + result[0] @ q)
        r, q = r @ r, q + r @ q
        steps >>= 1
    assert result is not None
    return result
