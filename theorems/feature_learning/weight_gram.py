"""The weight Gram matrix in whole steps: whitening, growth behind a random readout, collapse,
ansatz: arXiv:2605.06258.

Rows are samples; W is (d_out, d_in) and its Gram matrix WᵀW (d_in, d_in).
"""

from __future__ import annotations

from dataclasses import replace

from theorems.claim import Hypothesis, Source
from theorems.impl.feature_learning.chains import LinearChain, gradient_outer_products, imbalance
from theorems.impl.feature_learning.whitening import WeightMotion, WeightStep, newton_schulz
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.duals import Dual
from theorems.impl.numbers.linalg import squared_norm
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball
from theorems.impl.strategies import grams as drawn
from theorems.stating import compares, equals

_PAPER = "2605.06258"


def _gram(matrix: Operand) -> Operand:
    return matrix.mT @ matrix


# -- whitening -------------------------------------------------------------------------------------


def _whitened(step: WeightStep, aligned: Operand) -> dict[str, Operand]:
    product = aligned @ step.before.mT
    return {
        "Gram": _gram(aligned),
        "symmetric": product,
        "positive": (step.directions * (product @ step.directions)).sum(-2),
        "nearest": squared_norm(step.before - aligned),
    }


def _promised(step: WeightStep, aligned: Operand) -> dict[str, Operand]:
    return {
        "Gram": _gram(step.after),
        "symmetric": step.before @ aligned.mT,
        "positive": step.directions.sum(-2) * 0,
        "nearest": squared_norm(step.before - step.competitor @ step.after),
    }


def _ten_steps(step: WeightStep) -> Operand:
    """What the iteration returns is taken as it is: the claim about it is judged, not the rounding
    on the way.
    """
    product = step.before @ step.after.mT
    return (
        Ball(newton_schulz(product.center)) if isinstance(product, Ball) else newton_schulz(product)
    )


@compares(
    signs={"positive": ">=", "nearest": "<="},
    observed=lambda step: _whitened(step, step.rotation @ step.after),
    on=drawn.weight_steps,
    source=Source(_PAPER, "released code: Gram whitening"),
    hypotheses={"exact polar factor": Hypothesis(drawn.wrongly_rotated_steps)},
    mutants={
        "keeps the old Gram": lambda step: (
            _promised(step, step.rotation @ step.after) | {"Gram": _gram(step.before)}
        ),
        "keeps the Gram of the rows": {
            "observe": lambda step: {"": _outer(step.rotation @ step.after)},
            "predict": lambda step: _outer(step.after),
        },
        "rotation transposed": {
            "observe": lambda step: _whitened(step, step.rotation.mT @ step.after),
            "predict": lambda step: _promised(step, step.rotation.mT @ step.after),
        },
        "no rotation": {
            "observe": lambda step: _whitened(step, step.after),
            "predict": lambda step: _promised(step, step.after),
        },
        "the opposite rotation": {
            "observe": lambda step: _whitened(step, -(step.rotation @ step.after)),
            "predict": lambda step: _promised(step, -(step.rotation @ step.after)),
        },
        "ten Newton-Schulz steps": {
            "observe": lambda step: _gram(_ten_steps(step) @ step.after),
            "predict": lambda step: _gram(step.after),
        },
    },
)
def gram_whitening_keeps_the_gram(step: WeightStep) -> dict[str, Operand]:
    r"""Turning the new weights back next to the old ones keeps what was learned: their Gram matrix.

    For weights W₁ before a step, W₂ after it, and the orthogonal Q = polar(W₁W₂ᵀ) = UVᵀ of W₁W₂ᵀ =
    USVᵀ, the turned W' = QW₂ has

    .. math:: W'^\top W' = W_2^\top W_2, \qquad W' W_1^\top = W_1 W'^\top \succeq 0, \qquad
       \|W_1 - W'\|_F \le \|W_1 - R W_2\|_F \ \text{ for every orthogonal } R

    (orthogonal Procrustes). Shapes: W (…, d_out, d_in), Q and R (…, d_out, d_out). Observed: Q by
    singular value decomposition; R a signed permutation, positivity along drawn directions and the
    least eigenvector. For d_out > d_in only QW₂ is unique, and only it is used.

    Hypotheses: the polar factor is exact (not checkable: a violation shows as refuted). Ten quintic
    Newton–Schulz steps are not: they leave singular values below 1/537 of ‖W₁W₂ᵀ‖_F behind, a
    relative error of 3.4e-3 in the Gram matrix per step at 256 × 256.

    Weights may have any rank: where W₁W₂ᵀ is near to singular, the bound of float weights is that
    of a backward stable decomposition, about 1e-7 of their scale. The rotation stays what was
    measured, no exact factor takes its place. Raises InputError for anything that is not a
    WeightStep. Source: code released with arXiv:2605.06258 [D, N].
    """
    return _promised(step, step.rotation @ step.after)


def _outer(matrix: Operand) -> Operand:
    return matrix @ matrix.mT


def _gram_velocity(weight: Operand, along: Operand) -> Operand:
    """Forward mode; on exact numbers by dual numbers, since a spin may be a fraction."""
    return (
        _gram(Dual(weight, along)).tangent
        if is_exact(weight)
        else velocity(_gram, (weight,), (along,))
    )


def _decomposed(motion: WeightMotion) -> dict[str, Operand]:
    horizontal = motion.velocity - motion.vertical
    return {
        "Gram velocity": _gram_velocity(motion.weight, horizontal),
        "horizontal": horizontal @ motion.weight.mT,
        "orthogonal": squared_norm(motion.vertical) + squared_norm(horizontal),
    }


def _turned(motion: WeightMotion, vertical: Operand) -> WeightMotion:
    return replace(motion, vertical=vertical)


def _undivided(motion: WeightMotion) -> Operand:
    return (motion.velocity @ motion.weight.mT - motion.weight @ motion.velocity.mT) @ motion.weight


def _with_vertical(change: object) -> dict[str, object]:
    """A mutant that takes another matrix for the vertical part, on both sides."""
    return {
        "observe": lambda motion: _decomposed(_turned(motion, change(motion))),  # type: ignore[operator]
        "predict": lambda motion: _undisturbed(_turned(motion, change(motion))),  # type: ignore[operator]
    }


def _undisturbed(motion: WeightMotion) -> dict[str, Operand]:
    learned = motion.weight.mT @ motion.velocity
    horizontal = motion.velocity - motion.vertical
    return {
        "Gram velocity": learned + learned.mT,
        "horizontal": motion.weight @ horizontal.mT,
        "orthogonal": squared_norm(motion.velocity),
    }


@equals(
    observed=_decomposed,
    on=drawn.weight_motions,
    source=Source(_PAPER, "released code: horizontal and vertical motion", "derived"),
    hypotheses={"spin solves its equation": Hypothesis(drawn.wrongly_spun_motions)},
    mutants={
        "spin the other way": _with_vertical(lambda motion: -motion.vertical),
        "spin twice": _with_vertical(lambda motion: motion.vertical * 2),
        "spin not divided by M": _with_vertical(_undivided),
        "spin left out": _with_vertical(lambda motion: motion.vertical * 0),
        "vertical motion learns": lambda motion: (
            _undisturbed(motion) | {"Gram velocity": _undisturbed(motion)["Gram velocity"] * 2}
        ),
        "parts add up without squares": lambda motion: (
            _undisturbed(motion)
            | {"orthogonal": squared_norm(motion.velocity) - squared_norm(motion.vertical)}
        ),
    },
)
def rotation_is_orthogonal_to_learning(motion: WeightMotion) -> dict[str, Operand]:
    r"""Every velocity of a weight matrix splits into a rotation, which leaves the Gram matrix, and
    a learning part orthogonal to it.

    .. math:: dW = \text{horizontal} + \Omega W, \quad
              \Omega M + M \Omega = dW\,W^\top - W\,dW^\top, \quad M = W W^\top

    with Ω antisymmetric: then ΩW does not move WᵀW, horizontal·Wᵀ is symmetric, and ‖dW‖_F² =
    ‖horizontal‖_F² + ‖ΩW‖_F². It is the first order of `gram_whitening_keeps_the_gram`: whitening a
    step from W to W + ε dW leaves W + ε·horizontal + O(ε²). Shapes: (…, d_out, d_in), Ω and M (…,
    d_out, d_out). Observed: forward-mode derivative of W ↦ WᵀW along the horizontal part (compared
    with dW's own).

    Hypotheses: Ω solves its equation (not checkable: a violation shows as refuted). The bound of
    float weights needs full rank (else UNDECIDED); exact weights may have any rank. Raises
    InputError for anything that is not a WeightMotion. Source: derived from the code released with
    arXiv:2605.06258 [D, N].
    """
    return _undisturbed(motion)


# -- deep linear networks --------------------------------------------------------------------------


def _unbalanced(chain: LinearChain) -> str | None:
    gap = imbalance(chain)
    return (
        None
        if gap == 0
        else f"W_(l+1)ᵀW_(l+1) differs from W_l W_lᵀ by up to {gap:.3g}: the network is not "
        "balanced"
    )


def _power(matrix: Operand, exponent: int) -> Operand:
    return matrix if exponent == 1 else matrix @ _power(matrix, exponent - 1)


def _first_gram_to(chain: LinearChain, exponent: int) -> Operand:
    return _power(_gram(chain.weights[0]), exponent) * chain.inputs.shape[-2]


@equals(
    observed=gradient_outer_products,
    on=drawn.balanced_chains,
    source=Source(
        _PAPER, "cited: neural feature ansatz of balanced deep linear networks", "derived"
    ),
    hypotheses={"balanced": Hypothesis(drawn.unbalanced_chains, _unbalanced)},
    mutants={
        "one power more": lambda chain: _first_gram_to(chain, chain.depth + 1),
        "power 1 at every depth": lambda chain: _first_gram_to(chain, 1),
        "power 2L": lambda chain: _first_gram_to(chain, 2 * chain.depth),
        "sum for mean": lambda chain: (
            _power(_gram(chain.weights[0]), chain.depth) * chain.inputs.shape[-2] ** 2
        ),
        "Gram of the rows": lambda chain: (
            _power(_outer(chain.weights[0]), chain.depth) * chain.inputs.shape[-2]
        ),
        "last layer's Gram": lambda chain: (
            _power(_gram(chain.weights[-1]), chain.depth) * chain.inputs.shape[-2]
        ),
    },
)
def balanced_linear_network_feature_ansatz(chain: LinearChain) -> Operand:
    r"""In a balanced deep linear network the first Gram matrix is the L-th root of the average
    gradient outer product.

    .. math:: W_1^\top W_1 = \mathrm{AGOP}^{1/L}, \qquad
              \mathrm{AGOP} = \frac1N \sum_n \nabla f(x_n)\, \nabla f(x_n)^\top

    checked as the polynomial identity :math:`(W_1^\top W_1)^L = \mathrm{AGOP}` times N, which is
    equivalent (a positive semidefinite matrix has one such L-th root) and exact on integers, at any
    rank. Shapes: W_l (n_l, n_(l−1)), both sides (n_0, n_0). Observed: forward-mode derivatives of
    the network on a batch.

    Hypotheses: W_(l+1)ᵀW_(l+1) = W_l W_lᵀ for every l (checked, exactly): gradient flow keeps it,
    discrete training only roughly; without it the claim is false. Raises InputError for anything
    that is not a LinearChain. Source: cited in arXiv:2605.06258 [D, N].
    """
    return _first_gram_to(chain, chain.depth)
