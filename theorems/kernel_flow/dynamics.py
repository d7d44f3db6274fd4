"""The kernel's ODE, its energy, and the coupled flow's imbalance: arXiv:2601.00276, identities at
every point.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np

from theorems.claim import Hypothesis, Source
from theorems.impl.kernel_flows.flows import (
    CoupledPoint,
    KernelPoint,
    doubled_features_velocity,
    doubled_kernel_velocity,
    drive,
    energy,
    imbalance_derivatives,
    kernel_velocity,
    reduced_objective,
)
from theorems.impl.kernel_flows.spectral import scalar
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.inverses import eye_like, slope
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.strategies import flows as flow_strategies
from theorems.kernel_flow.kernel_ranks import PAPER, RIDGE
from theorems.stating import equals

FLOW_HYPOTHESES = RIDGE | {
    "readout at its ridge optimum": Hypothesis(flow_strategies.lagging_points)
}
"""The last cannot be seen from the kernel and must show as refuted."""


def _kernel(features: Operand) -> Operand:
    return features @ features.mT


def _parts(point: KernelPoint) -> tuple[Operand, Operand, Operand]:
    kernel = _kernel(point.features)
    return kernel, drive(kernel, point.targets, point.ridge), kernel * scalar(point.decay)


def _variant(gain: float, loss: float, *, sided: bool = False) -> object:
    def predict(point: KernelPoint) -> Operand:
        kernel, pull, faded = _parts(point)
        both = pull @ kernel * 2 if sided else pull @ kernel + kernel @ pull
        return both * gain - faded * loss

    return predict


@equals(
    # mutants observe the same instance again
    observed=lru_cache(maxsize=4)(doubled_kernel_velocity),
    on=flow_strategies.kernel_points,
    source=Source(PAPER, "the kernel's ODE; its form derived"),
    hypotheses=FLOW_HYPOTHESES,
    mutants={
        "decay once": _variant(2, 2),
        "drive once": _variant(1, 4),
        "drive from one side": _variant(2, 4, sided=True),
        "ascent": _variant(-2, -4),
        "no decay": _variant(2, 0),
        "labels seen once through the ridge": lambda point: (
            (point.targets @ point.targets.mT @ _kernel(point.features)) * 4 - _parts(point)[2] * 4
        ),
    },
)
def kernel_ode(point: KernelPoint) -> Operand:
    r"""With a fast readout the kernel follows an equation of its own: drive towards the labels,
    decay of everything else.

    .. math:: \dot K = D K + K D - 2\mu K, \qquad
              D = \lambda (K + \lambda I)^{-1} Y Y^\top (K + \lambda I)^{-1}

    Gradient flow on Φ of the squared loss, A at its ridge optimum. Shapes: K = ΦΦᵀ (N, N). Compared
    twice over. Observed: the reduced objective, with the ridge optimum solved on the width side,
    differentiated along every (e_ie_jᵀ + e_je_iᵀ)Φ, which gives −K̇_{ij}: over the rationals
    exactly by dual numbers, by torch.func.jvp on floats (tests compare it with reverse-mode
    autograd).

    Hypotheses: λ > 0 (checked); the readout is at its optimum (not checkable). Raises InputError
    for anything that is not a KernelPoint. Source: arXiv:2601.00276 [P] (that it exists); the form
    [D, N].
    """
    kernel = _kernel(point.features)
    return kernel_velocity(kernel, point.targets, point.ridge, point.decay) * 2


@lru_cache(maxsize=4)  # mutants observe the same instance again
def _energies(point: KernelPoint) -> dict[str, Operand]:
    task = (point.targets, point.ridge, point.decay)
    first, second = _kernel(point.features), _kernel(point.other)
    # minus the objective's own gradient, and no formula for it
    speed = doubled_features_velocity(point)
    along = slope(lambda phi: energy(_kernel(phi), *task), point.features, speed)
    half = Fraction(1, 2) if is_exact(first) else 0.5
    between = energy((first + second) * half, *task)
    return {
        "the reduced objective": _value(reduced_objective(point.features, *task, point.lag)),
        "features' velocity": speed,
        "rate": _value(along),
        "convexity": _value(between * 2 - energy(first, *task) - energy(second, *task)),
    }


def _value(number: Operand) -> Operand:
    """A number as a vector of one: arithmetic on objects unpacks arrays without dimensions."""
    return number[..., None] if hasattr(number, "shape") else np.array([number], dtype=object)


def _features_velocity(point: KernelPoint) -> Operand:
    """Φ̇ = (D − μ)Φ."""
    kernel = _kernel(point.features)
    return drive(kernel, point.targets, point.ridge) @ point.features - point.features * scalar(
        point.decay
    )


def _energy_claims(
    point: KernelPoint, rate: int = 1, factor: int = 1, speed: Operand | None = None
) -> dict[str, Operand]:
    speed = _features_velocity(point) if speed is None else speed
    square = (speed * speed).sum(-1).sum(-1)
    total = energy(_kernel(point.features), point.targets, point.ridge, point.decay)
    return {
        "the reduced objective": _value(total * factor),
        "features' velocity": speed * 2,
        "rate": _value(square * (-4 * rate)),
        "convexity": _value(total * 0),
    }


def _first_sample(point: KernelPoint) -> Operand:
    """The velocity of the first sample, none of the others: a projection of the true one."""
    eye = eye_like(_kernel(point.features))
    return (eye * eye[0]) @ _features_velocity(point)


@equals(
    observed=_energies,
    on=flow_strategies.kernel_points,
    source=Source(PAPER, "the kernel's energy", "derived"),
    hypotheses=FLOW_HYPOTHESES,
    signs={"convexity": "<="},
    mutants={
        "rate twice": lambda point: _energy_claims(point, rate=2),
        "energy grows": lambda point: _energy_claims(point, rate=-1),
        "energy without the ridge": lambda point: _energy_claims(point, factor=0),
        "the first sample moves alone": lambda point: _energy_claims(
            point, speed=_first_sample(point)
        ),
        "the first sample's speed alone": lambda point: (
            _energy_claims(point)
            | {"rate": _energy_claims(point, speed=_first_sample(point))["rate"]}
        ),
        "no decay": lambda point: _energy_claims(
            point, speed=drive(_kernel(point.features), point.targets, point.ridge) @ point.features
        ),
        "concave": {
            "observe": lambda point: {"convexity": -_energies(point)["convexity"]},
            "predict": lambda point: {"convexity": _energy_claims(point)["convexity"]},
        },
    },
)
def kernel_energy_decreases(point: KernelPoint) -> dict[str, Operand]:
    r"""The kernel flows down a convex energy, at the rate of its features' squared speed.

    .. math:: E(K) = \tfrac\lambda2 \operatorname{tr}(Y^\top (K + \lambda I)^{-1} Y)
              + \tfrac\mu2 \operatorname{tr} K,
              \qquad \dot E = -\|\dot\Phi\|_F^2, \qquad \dot\Phi = (D - \mu)\Phi

    E is the objective with the readout at its optimum, and convex: E((K₁+K₂)/2) ≤ (E(K₁)+E(K₂))/2
    for two drawn kernels. Compared twice over. Observed: the objective solved on the width side; Φ̇
    as minus its gradient, by forward-mode differentiation along every unit matrix; the energy's own
    derivative along that Φ̇. Shapes: numbers, and Φ̇ (N, P).

    Hypotheses: as `kernel_ode`. Raises InputError for anything that is not a KernelPoint.
    Source: derived here from arXiv:2601.00276 [D, N].
    """
    return _energy_claims(point)


_ORDERS = 4


def _imbalance(features: Operand, readout: Operand) -> Operand:
    return features.mT @ features - readout.mT @ readout


@lru_cache(maxsize=4)  # mutants observe the same instance again
def _observed_imbalance(point: CoupledPoint) -> dict[str, Operand]:
    speeds = (point.features_velocity, point.readout_velocity)
    parts = {"generator": velocity(_imbalance, (point.features, point.readout), speeds)}
    if point.loss == "squared":
        for order, value in enumerate(imbalance_derivatives(point, _ORDERS)[1:], 1):
            parts[f"derivative {order}"] = value
    return parts


def _decaying(point: CoupledPoint, rate: int, orders: float = 1) -> dict[str, Operand]:
    now = _imbalance(point.features, point.readout)
    step = point.ridge[..., None, None] * (-rate)
    parts = {"generator": now * step}
    if point.loss == "squared":
        value = now
        for order in range(1, _ORDERS + 1):
            value = value * step * (orders if order > 1 else 1)
            parts[f"derivative {order}"] = value
    return parts


def unequal_decays(point: CoupledPoint) -> str | None:
    """Why the imbalance does not close on itself, or None if λ = μ."""
    same = bool(point.ridge == point.decay)
    return None if same else f"the decays differ: λ = {point.ridge}, μ = {point.decay}"


@equals(
    observed=_observed_imbalance,
    on=flow_strategies.coupled_points,
    source=Source(PAPER, "imbalance of the coupled flow", "derived"),
    hypotheses={
        "equal decays": Hypothesis(flow_strategies.unequal_decays, unequal_decays),
        "equal rates": Hypothesis(flow_strategies.unequal_rates),
    },
    mutants={
        "rate λ": lambda point: _decaying(point, 1),
        "rate 4λ": lambda point: _decaying(point, 4),
        "growing": lambda point: _decaying(point, -2),
        "conserved": lambda point: _decaying(point, 0),
        "sum instead of difference": lambda point: {
            name: value * 0
            + (point.features.mT @ point.features + point.readout.mT @ point.readout)
            * point.ridge[..., None, None]
            * -2
            for name, value in _decaying(point, 2).items()
        },
    },
)
def imbalance_decays_exponentially(point: CoupledPoint) -> dict[str, Operand]:
    r"""With equal decays and rates the imbalance of features and readout is forgotten
    exponentially, whatever the labels and the loss.

    .. math:: \frac{d}{dt}(\Phi^\top\Phi - A^\top A) = -2\lambda\,(\Phi^\top\Phi - A^\top A)

    so it is e^{−2λt} times its initial value, exactly. Shapes: Φ (N, P), A (C, P), both sides (P,
    P). Observed: autograd of J and the forward-mode derivative along it, any loss; for the squared
    loss also the first four time derivatives of the path, by Leibniz's rule from the flow's own
    equations: the n-th is (−2λ)ⁿ times the imbalance (the path is analytic, so they determine it).

    Hypotheses: λ = μ (checked); features and readout flow at one rate (not checkable). Raises
    InputError for anything that is not a CoupledPoint. Source: derived here from arXiv:2601.00276
    [D, N].
    """
    return _decaying(point, 2)
