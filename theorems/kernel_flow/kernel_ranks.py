"""What bounds the rank of a learned kernel: arXiv:2601.00276, the rank theorem at every point,
softmax, the task's drive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theorems.claim import Hypothesis, Source
from theorems.impl.kernel_flows.decayed import DecayedMatrix, NonlinearFeatures
from theorems.impl.kernel_flows.flows import KernelPoint, doubled_fit_slopes, drive
from theorems.impl.kernel_flows.spectral import scalar
from theorems.impl.numbers.linalg import exact_rank
from theorems.impl.numbers.operands import Operand, is_exact, smaller, to_exact
from theorems.impl.numbers.rounded import Ball
from theorems.impl.strategies import flows as flow_strategies
from theorems.impl.strategies import ranks as rank_strategies
from theorems.relations.ranks import Within
from theorems.stating import equals, rank_is
from theorems.verdict import Outcome

PAPER = "2601.00276"


def not_linear(point: DecayedMatrix) -> str | None:
    """Why the outputs are not a linear function of the decayed matrix, or None if they are."""
    return point.gap or None


def no_decay(point: DecayedMatrix) -> str | None:
    """Why nothing forgets the start, or None if there is decay."""
    return (
        None
        if bool((point.decay > 0).all())
        else "without decay the directions of the start survive: no bound on the rank"
    )


def not_shift_free(point: DecayedMatrix) -> str | None:
    """Why the gradient's rows need not sum to zero, or None for softmax cross-entropy."""
    return (
        None
        if point.shift_free
        else "the loss is not recognised as softmax cross-entropy of these outputs "
        "(torch.nn.functional.cross_entropy on its rows, without class weights): whether it "
        "changes when all outputs of a sample shift is not known"
    )


RANK_HYPOTHESES = {
    "linear up to the outputs": Hypothesis(rank_strategies.nonlinear_layers, not_linear),
    "positive decay": Hypothesis(rank_strategies.resting_without_decay, no_decay),
    "gradient of the decayed objective": Hypothesis(rank_strategies.bare_gradients),
}
"""The last cannot be seen from the instance and must show as refuted."""


def _decayed_minus_gradient(point: DecayedMatrix, factor: int = 1) -> dict[str, Any]:
    return {
        "what decay and gradient leave": point.matrix * scalar(point.decay) * factor
        - point.gradient,
        "singular value": Within(point.matrix * scalar(point.decay), point.gradient),
        "kernel at rest": _at_rest(point),
    }


def _at_rest(point: DecayedMatrix) -> Operand:
    """The matrix where it rests, else zero; of symbols μΦ − ∇J, which is μ times the matrix
    wherever it rests.
    """
    if hasattr(point.matrix, "fresh"):
        return point.matrix * scalar(point.decay) - point.gradient
    return point.matrix * int(_rests(point))


def _rests(point: DecayedMatrix) -> bool:
    """Whether the gradient is zero, without rounding: then the matrix itself has that rank, and not
    only μ times it.
    """
    gradient = point.gradient.center if isinstance(point.gradient, Ball) else point.gradient
    return not bool((gradient != 0).any())


def _both(rank: int) -> dict[str, int]:
    return {"what decay and gradient leave": rank, "singular value": rank, "kernel at rest": rank}


def _tightened(rank: Callable[[DecayedMatrix], int]) -> dict[str, Any]:
    """A mutant: σ ≤ 0.99 ‖∇J‖/μ, in whole numbers."""
    return {
        "observe": lambda point: {
            "singular value": Within(point.matrix * scalar(point.decay) * 100, point.gradient * 99)
        },
        "predict": lambda point: {"singular value": rank(point)},
    }


@rank_is(
    observed=_decayed_minus_gradient,
    on=rank_strategies.decayed_matrices,
    source=Source(PAPER, "rank of the learned kernel; the inequality at every point is derived"),
    hypotheses=RANK_HYPOTHESES,
    mutants={
        "one class fewer": lambda point: _both(point.classes - 1),
        "decay twice": {"observe": lambda point: _decayed_minus_gradient(point, 2)},
        "at rest everywhere": {
            "observe": lambda point: {"kernel": point.matrix},
            "predict": lambda point: {"kernel": point.classes},
        },
        "a gradient half as large": {
            "observe": lambda point: {
                "singular value": Within(point.matrix * scalar(point.decay) * 2, point.gradient)
            },
            "predict": lambda point: {"singular value": point.classes},
        },
        "ascent": {
            "observe": lambda point: {"sum": point.matrix * scalar(point.decay) + point.gradient},
            "predict": lambda point: {"sum": point.classes},
        },
        "a gradient a hundredth smaller": _tightened(lambda point: point.classes),
        "one class fewer at rest alone": lambda point: (
            _both(point.classes) | {"kernel at rest": point.classes - 1}
        ),
        "one class fewer of three or more": lambda point: _both(
            point.classes - (point.classes > 2)
        ),
    },
)
def kernel_rank_at_most_classes(point: DecayedMatrix) -> dict[str, int]:
    r"""Decay leaves a kernel of rank at most the number of classes: at every point, all but C
    directions are gradient.

    For J = ℓ(ΦAᵀ, Y) + (λ/2)‖A‖² + (μ/2)‖Φ‖², any differentiable ℓ, any width:

    .. math:: \operatorname{rank}(\mu\Phi - \nabla_\Phi J) \le C, \qquad
              \sigma_{C+1}(\Phi) \le \|\nabla_\Phi J\| / \mu

    so at a steady state rank ΦΦᵀ ≤ C (checked on its own where the gradient is exactly zero). The
    same for a linear layer W under weight decay λ whose output reaches the C outputs linearly.
    Proof: μΦ = ∇_ΦJ − G A with G = ∂ℓ/∂F of C columns. Shapes: Φ (N, P), A (C, P), W (d_out, d_in).
    Observed: autograd by Φ or W; ranks of integers exactly, singular values with proved error
    bounds.

    Hypotheses: the outputs are linear in the matrix (checked: a nonlinear layer between is
    INAPPLICABLE, since decay of its parameters is no decay of its features); positive decay
    (checked); the gradient is the decayed objective's (not checkable).

    Raises InputError for anything that is not a DecayedMatrix. Source: arXiv:2601.00276 [P] for
    steady states; the inequality [D, N].
    """
    return _both(point.classes)


@rank_is(
    observed=_decayed_minus_gradient,
    on=rank_strategies.softmax_matrices,
    source=Source(PAPER, "rank of the learned kernel, softmax", "derived"),
    hypotheses={
        "softmax cross-entropy": Hypothesis(rank_strategies.squared_matrices, not_shift_free),
        "linear up to the outputs": Hypothesis(
            rank_strategies.nonlinear_softmax_layers, not_linear
        ),
        "positive decay": Hypothesis(rank_strategies.resting_softmax_without_decay, no_decay),
        "gradient of the decayed objective": Hypothesis(rank_strategies.bare_softmax_gradients),
    },
    mutants={
        "two classes fewer": lambda point: _both(point.classes - 2),
        "decay twice": {"observe": lambda point: _decayed_minus_gradient(point, 2)},
        "at rest everywhere": {
            "observe": lambda point: {"kernel": point.matrix},
            "predict": lambda point: {"kernel": point.classes - 1},
        },
        "a gradient a hundredth smaller": _tightened(lambda point: point.classes - 1),
        "two classes fewer at rest alone": lambda point: (
            _both(point.classes - 1) | {"kernel at rest": point.classes - 2}
        ),
        "nothing at rest": lambda point: _both(point.classes - 1) | {"kernel at rest": 0},
        "two classes fewer of three or more": lambda point: _both(
            point.classes - 1 - (point.classes > 2)
        ),
    },
)
def softmax_kernel_rank_below_classes(point: DecayedMatrix) -> dict[str, int]:
    r"""Softmax cross-entropy loses one more direction: the kernel's rank is at most C − 1.

    The loss does not change when all outputs of a sample shift, so G·1 = 0 and rank(G A) ≤ C − 1:

    .. math:: \operatorname{rank}(\mu\Phi - \nabla_\Phi J) \le C - 1, \qquad
              \sigma_{C}(\Phi) \le \|\nabla_\Phi J\| / \mu

    for any nonnegative weights of the classes as targets, whether or not they sum to 1; at rest
    rank ΦΦᵀ ≤ C − 1 (checked on its own where the gradient is exactly zero). The same for any other
    loss that sees no such shift (drawn: one of differences of outputs, whose whole numbers stay
    whole). Shapes: Φ (N, P), A (C, P); second form (linear layers) as in
    `kernel_rank_at_most_classes`. Observed: autograd; the rounding of G·1 = 0 is bounded through
    log-softmax.

    Hypotheses: those of `kernel_rank_at_most_classes`, and softmax cross-entropy without class
    weights, or another loss that a shift does not change (checked). Raises InputError for anything
    that is not a DecayedMatrix. Source: derived here from arXiv:2601.00276 [D, N].
    """
    return _both(point.classes - 1)


@rank_is(
    observed=lambda point: {
        "singular value": Within(point.features * scalar(point.decay), point.gradient)
    },
    on=rank_strategies.softplus_features,
    source=Source(PAPER, "the rank theorem read for nonlinear features", "derived"),
    mutants={
        "one more": lambda point: {"singular value": point.targets.shape[-1] + 1},
        "half": lambda point: {"singular value": point.targets.shape[-1] // 2},
        "none": lambda point: {"singular value": point.targets.shape[-1] - 1},
    },
    expected=Outcome.REFUTED,
)
def parameter_decay_bounds_kernel_rank_as_stated(point: NonlinearFeatures) -> dict[str, int]:
    r"""As stated, and false: decay on the parameters of nonlinear features bounds the kernel's rank
    by the number of classes too.

    .. math:: \sigma_{C+1}(\Phi) \le \| \nabla_V J\| / \lambda, \qquad \Phi = \mathrm{softplus}(XV)

    Trained until the gradient is rounding, softplus features keep more than C = 2 directions: decay
    acts on V, not on Φ. The corrected form is `kernel_rank_at_most_classes`, for which such a layer
    is INAPPLICABLE. Shapes: Φ (N, P), V (d, P). Hypotheses: none, that is what is wrong.

    Raises InputError for anything that is not NonlinearFeatures. Source: a reading of
    arXiv:2601.00276; refuted here [D, N].
    """
    return {"singular value": int(point.targets.shape[-1])}


def no_ridge(point: KernelPoint) -> str | None:
    """Why the task's drive is not defined as it is here, or None if λ > 0."""
    return (
        None
        if bool((point.ridge > 0).all() if hasattr(point.ridge, "all") else point.ridge > 0)
        else "the ridge is zero"
    )


RIDGE = {"positive ridge": Hypothesis(flow_strategies.unridged_points, no_ridge)}


def _fit_slopes(point: KernelPoint) -> Operand:
    return doubled_fit_slopes(point)


def _drive(point: KernelPoint) -> Operand:
    return drive(point.features @ point.features.mT, point.targets, point.ridge)


@equals(
    observed=_fit_slopes,
    on=flow_strategies.kernel_points,
    source=Source(PAPER, "the task-driven term", "derived"),
    hypotheses=RIDGE,
    mutants={
        "without the ridge in front": lambda point: (
            _drive(point) * 2 + _drive(point) * scalar(point.ridge)
        ),
        "one sided": lambda point: _drive(point) @ (point.features @ point.features.mT) * 2,
        "half": _drive,
        "sign": lambda point: -_drive(point) * 2,
    },
)
def task_drive_is_the_energy_gradient(point: KernelPoint) -> Operand:
    r"""The task drives the kernel down the slope of its fit: D = −2∇_K of (λ/2) tr(Yᵀ(K + λI)⁻¹Y).

    .. math:: D(K) = \lambda (K + \lambda I)^{-1} Y Y^\top (K + \lambda I)^{-1}

    Shapes: K, D (N, N). Compared twice over, along every e_ie_jᵀ + e_je_iᵀ. Observed: the energy
    differentiated (over the rationals exactly, by dual numbers; by torch.func.jvp on floats).
    Hypotheses: λ > 0 (checked).

    Raises InputError for anything that is not a KernelPoint. Source: derived here from
    arXiv:2601.00276 [D, N].
    """
    return _drive(point) * 2


def _observed_drive(point: KernelPoint) -> dict[str, Operand]:
    return {"drive": doubled_fit_slopes(point), "labels": point.targets}


def _label_rank(point: KernelPoint) -> Any:
    if hasattr(point.targets, "fresh"):  # of symbols: it is what it is
        return point.targets.rank()
    return exact_rank(point.targets if is_exact(point.targets) else to_exact(point.targets))


@rank_is(
    equal=("drive", "labels"),
    observed=_observed_drive,
    on=flow_strategies.kernel_points,
    source=Source(PAPER, "the task-driven term has rank C"),
    hypotheses=RIDGE,
    mutants={
        "rank one less": lambda point: {
            "drive": _label_rank(point) - 1,
            "labels": _label_rank(point),
        },
        "rank one more": lambda point: {
            "drive": _label_rank(point) + 1,
            "labels": _label_rank(point),
        },
        "rank of the kernel": lambda point: {
            "drive": point.features.shape[-2] + 1,
            "labels": _label_rank(point),
        },
    },
)
def task_drive_is_low_rank(point: KernelPoint) -> dict[str, int]:
    r"""The task-driven term D(K) has the rank of the labels, at most the number of classes,
    whatever the kernel.

    .. math:: D(K) = \lambda (K + \lambda I)^{-1} Y Y^\top (K + \lambda I)^{-1} \succeq 0, \qquad
              \operatorname{rank} D = \operatorname{rank} Y \le C

    Shapes: K, D (N, N), Y (N, C). Observed: D as −2 times the derivative of the fit's energy along
    every symmetric direction. Exact rank over the rationals; on floats, singular values with proved
    bounds. That D ⪰ 0 shows in its form, a Gram matrix, which `task_drive_is_the_energy_gradient`
    checks. Hypotheses: λ > 0 (checked).

    Raises InputError for anything that is not a KernelPoint. Source: arXiv:2601.00276 [P] (rank C);
    the form [D, N].
    """
    rank = _label_rank(point)
    return {"drive": rank, "labels": smaller(rank, point.targets.shape[-1])}
