"""Target linearity, how much of the targets a linear head explains: part of arXiv:2605.06258 (see
`feature_learning`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
from torch import Tensor

from theorems.claim import Hypothesis, Source
from theorems.impl.feature_learning.features import FeatureSet, centred, target_linearity
from theorems.impl.numbers.linalg import (
    exact_rank,
    least_squares,
    project,
    squared_norm,
    unexplained,
)
from theorems.impl.numbers.operands import Operand, is_exact, reciprocal
from theorems.impl.numbers.rounded import Ball
from theorems.impl.numbers.rounded_matrices import has_full_column_rank, rank_in_doubt
from theorems.impl.strategies import features as strategies
from theorems.relations import Comparison, Side
from theorems.stating import compares

_PAPER = "2605.06258"
Parts = dict[str, Operand]


def _lift(value: Operand) -> Operand:
    return Ball(value) if isinstance(value, Tensor) else value


def constant_targets(instance: FeatureSet) -> str | None:
    """Why target linearity is 0/0, or None."""
    variation = squared_norm(centred(_lift(instance.targets)))
    zero = (
        variation.center <= variation.error
        if isinstance(variation, Ball)
        else np.asarray(variation == 0)
    )
    return (
        "the targets are constant over the batch: nothing is left after centring"
        if bool(zero.any())
        else None
    )


def singular_mixing(instance: FeatureSet) -> str | None:
    """Why the map that should be invertible is not (or not beyond doubt), or None."""
    mixing = instance.mixing
    if is_exact(mixing):
        flat = mixing.reshape(-1, *mixing.shape[-2:])
        regular = all(exact_rank(matrix) == mixing.shape[-1] for matrix in flat)
    else:
        regular = has_full_column_rank(Ball(mixing))
    return None if regular else "the mixing A is singular, or too close to it for float64 to tell"


def rank_unclear(instance: FeatureSet) -> str | None:
    """Why float64 cannot tell the column space of the features, or None; exact features have a
    rank.
    """
    if is_exact(instance.features) or not rank_in_doubt(Ball(instance.features)):
        return None
    return (
        "the features depend on one another up to rounding: float64 cannot tell their column space"
    )


HYPOTHESES = {
    "targets vary": Hypothesis(strategies.constant_targets, constant_targets),
    "rank beyond doubt": Hypothesis(strategies.nearly_dependent_features, rank_unclear),
}


_IMPLIED = {
    "targets vary": "then RA = 0, which would refuse it too: this says why",
    "rank beyond doubt": "then nothing is known of RA, which would refuse it too: this says why",
}
"""What else refuses violations where the residual must reach the features."""


def _extended_rank(instance: FeatureSet) -> Operand:
    """Whether appending the centred targets to the features leaves their rank: 1 if so (exact
    operands only).
    """
    features, targets = instance.features, centred(instance.targets)
    # of symbols: rank [H, Y] = rank H iff Y is in the span of H, iff (I − P)Y = 0
    if hasattr(features, "vanishes"):
        return unexplained(features, targets).vanishes()
    both = np.concatenate([features, targets], axis=-1)
    lead = features.shape[:-2]
    flags = [exact_rank(both[index]) == exact_rank(features[index]) for index in np.ndindex(*lead)]
    return np.array([int(flag) for flag in flags], dtype=object).reshape(lead)


def _laws_observed(instance: FeatureSet) -> Parts:
    h, y = instance.features, centred(instance.targets)
    explained = target_linearity(instance.targets, h)
    parts = {
        "at least zero": explained,
        "at most one": explained,
        "invariant": target_linearity(instance.targets, h @ instance.mixing),
        "no linear map raises it": target_linearity(instance.targets, h @ instance.linear_map),
        "Pythagoras": squared_norm(y - h @ instance.head),
    }
    if is_exact(h) or hasattr(h, "vanishes"):
        parts["one iff in the span"] = _extended_rank(instance)
    return parts


def _laws(
    instance: FeatureSet,
    *,
    centre: bool = True,
    orthogonal: bool = True,
    complete: Fraction = Fraction(1),
) -> Parts:
    h, y = instance.features, centred(instance.targets)
    fit = project(h, y)
    left = unexplained(h, y)
    value = 1 - left / squared_norm(y)
    if not centre:
        value = 1 - unexplained(h, instance.targets) / squared_norm(instance.targets)
    cross = squared_norm(fit - h @ instance.head)
    parts = {
        "at least zero": value * 0,
        "at most one": value * 0 + 1,
        "invariant": value,
        "no linear map raises it": value,
        "Pythagoras": left + cross * (1 if orthogonal else 2),
    }
    if hasattr(h, "vanishes"):  # of symbols: at least one is one, since it is at most one
        parts["one iff in the span"] = (value - complete).vanishes()
    if is_exact(h):
        parts["one iff in the span"] = np.vectorize(lambda v: int(v >= complete), otypes=[object])(
            value
        )
    return parts


def _half(value: Operand, _: FeatureSet) -> Operand:
    return (
        value * Fraction(1, 2)
        if isinstance(value, Fraction | int) or is_exact(value)
        else value * 0.5
    )


def _changed(name: str, change: Callable[[Operand, FeatureSet], Operand]) -> Side:
    """The laws with one part changed."""

    def laws(instance: FeatureSet) -> Parts:
        parts = _laws(instance)
        return parts | {name: change(parts[name], instance)}

    return laws


@compares(
    observed=_laws_observed,
    on=strategies.feature_sets,
    source=Source(_PAPER, "target linearity, released code", "derived"),
    signs={"at least zero": ">=", "at most one": "<=", "no linear map raises it": "<="},
    hypotheses=HYPOTHESES
    | {"mixing invertible": Hypothesis(strategies.singular_mixings, singular_mixing)},
    mutants={
        "targets not centred": partial(_laws, centre=False),
        "never above one half": _changed("at most one", _half),
        "complete from 0.99 on": partial(_laws, complete=Fraction(99, 100)),
        "complete from 0.9999 on": partial(_laws, complete=Fraction(9999, 10000)),
        "never complete": partial(_laws, complete=Fraction(2)),
        "cross term twice": partial(_laws, orthogonal=False),
        "a linear map leaves it": {
            "relation": Comparison("=", {"at least zero": ">=", "at most one": "<="})
        },
        "a linear map halves it": _changed("no linear map raises it", _half),
        "invariance under the other factor": _changed(
            "invariant", lambda _, i: target_linearity(i.targets, i.features @ i.linear_map)
        ),
    },
)
def target_linearity_laws(instance: FeatureSet) -> Parts:
    r"""Target linearity is the share of the targets that a linear head explains, and obeys the laws
    of a projection.

    .. math:: \mathrm{TL}(Y, H) = 1 - \frac{\|(I - P_H) Y\|_F^2}{\|Y\|_F^2}, \qquad
              Y \text{ column-centred}

    * 0 ≤ TL ≤ 1;
    * TL(Y, HA) = TL(Y, H) for invertible A;
    * TL(Y, HB) ≤ TL(Y, H) for every bias-free linear map B;
    * ‖Y − HV‖² = ‖(I − P_H)Y‖² + ‖P_H Y − HV‖² for every head V;
    * TL = 1 iff col(Y) ⊂ col(H) (both directions, compared through ranks, on exact instances, of
      which some have TL = 1 and some miss it by 10⁻⁵).

    Shapes: H (…, N, d), Y (…, N, C), TL (…). Integer features are judged in rational arithmetic,
    rank-deficient ones included; floating ones by a verified projection.

    Hypotheses (checked): the targets vary over the batch; the rank of H is beyond doubt; A is
    invertible. Raises InputError for anything that is not a FeatureSet. Source: arXiv:2605.06258,
    definition from its released code (column mean, not the code's row mean); laws derived here [D,
    N].
    """
    return _laws(instance)


def _head_and_residual(instance: FeatureSet) -> tuple[Operand, Operand, Operand]:
    y = centred(instance.targets)
    head = least_squares(instance.features, y)
    return y, head, y - instance.features @ head


def _virtual_step(
    instance: FeatureSet, head: Operand, residual: Operand, stretch: int = 1
) -> tuple[Operand, Operand]:
    """(η, H̃): the virtual features after the step H̃ = H + ηRA, η = rate/‖A‖_F² ≤
    rate/λ_max(AAᵀ).
    """
    eta = instance.relative_rate * stretch * reciprocal(squared_norm(head))
    return eta, instance.features + (residual @ head.mT) * _last_axes(eta)


def _last_axes(value: Operand) -> Operand:
    return value[..., None, None] if getattr(value, "shape", ()) else value


def _gain(instance: FeatureSet, *, any_head: bool = False, stretch: int = 1) -> Parts:
    y, head, residual = _head_and_residual(instance)
    if any_head:
        head = instance.head * y.shape[-2] + 1
        residual = y - instance.features @ head
    _, virtual = _virtual_step(instance, head, residual, stretch)
    # the gain in units of ‖Y‖²: no cancellation of two numbers near one
    gain = unexplained(instance.features, y) - unexplained(virtual, y)
    return {"raised": gain, "raised by": gain}


def _least_gain(
    instance: FeatureSet, *, factor: int = 2, quadratic: int = 1, stretch: int = 1
) -> Parts:
    _, head, residual = _head_and_residual(instance)
    eta, _ = _virtual_step(instance, head, residual, stretch)
    drive = residual @ head.mT
    gain = (squared_norm(drive) * factor - squared_norm(drive @ head) * eta * quadratic) * eta
    return {"raised": gain * 0, "raised by": gain}


def no_drive(instance: FeatureSet) -> str | None:
    """Why the virtual step does not move the features, or None."""
    _, head, residual = _head_and_residual(_balls(instance))
    drive = residual @ head.mT
    if isinstance(drive, Ball):
        still = (~(drive.magnitude.amax((-2, -1)) > 2 * drive.error.amax((-2, -1)))).numpy()
    else:
        still = np.asarray(squared_norm(drive) == 0)
    return (
        "the least-squares residual does not reach the features (RA = 0)"
        if bool(still.any())
        else None
    )


def _balls(instance: FeatureSet) -> FeatureSet:
    return instance.map(_lift)


@compares(
    ">=",
    observed=_gain,
    on=strategies.driven_features,
    source=Source(_PAPER, "a virtual step raises target linearity", "derived"),
    signs={"raised": ">"},
    hypotheses={name: replace(found, meaning=_IMPLIED[name]) for name, found in HYPOTHESES.items()}
    | {"residual reaches the features": Hypothesis(strategies.explained_targets, no_drive)},
    mutants={
        "with any head": {"observe": partial(_gain, any_head=True)},
        "rates up to 4/λ_max": {
            "observe": partial(_gain, stretch=2),
            "predict": partial(_least_gain, stretch=2),
        },
        "against the gradient": {
            "observe": partial(_gain, stretch=-1),
            "predict": partial(_least_gain, stretch=-1),
        },
        "gain without the quadratic term": partial(_least_gain, quadratic=0),
        "twice the gain": partial(_least_gain, factor=4, quadratic=2),
    },
)
def virtual_step_raises_target_linearity(instance: FeatureSet) -> Parts:
    r"""Moving the features along their own gradient makes the targets more linear in them, if the
    head is the least-squares one.

    With A the least-squares head (H Aᵀ ≈ Y), R = Y − HAᵀ and virtual features H̃ = H + ηRA, 0 < η <
    2/λ_max(AAᵀ),

    .. math:: \mathrm{TL}(Y, \tilde H) - \mathrm{TL}(Y, H) \ge
              \frac{\eta}{\|Y\|_F^2} \left( 2 \|RA\|_F^2 - \eta \|R A A^\top\|_F^2 \right) > 0

    unless RA = 0: the old head already explains that much more (proof: Y − H̃Aᵀ = R(I − ηAAᵀ)).
    Without the least-squares head it is false. Rates are drawn as a fraction of 2/‖A‖_F² ≤ 2/λ_max.
    Shapes: H (…, N, d), Y (…, N, C), A (…, C, d).

    Hypotheses (checked): the targets vary over the batch; the rank of H is beyond doubt; RA ≠ 0.
    Raises InputError for anything that is not a FeatureSet. Source: derived here from
    arXiv:2605.06258 [D, N].
    """
    return _least_gain(instance)
