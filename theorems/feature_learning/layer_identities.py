"""The weight Gram matrix and feature learning: arXiv:2605.06258.

One linear layer Z = H Wᵀ + b through which the loss sees H; rows are samples, tokens or patches.
"""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

from theorems.claim import Hypothesis, Source
from theorems.impl import strategies
from theorems.impl.networks.tracing import LayerTrace
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball
from theorems.stating import equals

_PAPER = "2605.06258"


_LINEAR: WeakKeyDictionary[LayerTrace, str | None] = WeakKeyDictionary()


def not_linear(layer: LayerTrace) -> str | None:
    """Why the module's output is not H Wᵀ + b, or None if it is (or is not known); found once for
    all claims about the trace.
    """
    if layer not in _LINEAR:
        _LINEAR[layer] = _not_linear(layer)
    return _LINEAR[layer]


def _not_linear(layer: LayerTrace) -> str | None:
    seen = layer if layer.checked is None else layer.checked
    if seen.outputs is None or not hasattr(seen.outputs, "double"):
        return None
    model = Ball(seen.inputs, unit=layer.unit) @ Ball(seen.weight, unit=layer.unit).mT
    if layer.bias is not None:
        model = model + Ball(layer.bias, unit=layer.unit)[..., None, :]
    gap = (seen.outputs.double() - model.center).abs()
    if bool((gap <= model.error + layer.unit * model.magnitude).all()):
        return None
    return (
        f"the module's output differs from H Wᵀ + b by up to {float(gap.max()):.3g}: it is not "
        "a linear layer"
    )


def not_reached(layer: LayerTrace) -> str | None:
    """Why the loss says nothing about the layer, or None if a gradient arrives."""
    return (
        None
        if layer.reached
        else "autograd finds no path from the loss to this layer (detached or no_grad)"
    )


def _vanished(layer: LayerTrace, smallest: float) -> str | None:
    """Why float64 cannot see the gradients' products, or None if it can; exact numbers have no
    smallest one.
    """
    grads = (layer.weight_grad, layer.input_grad)
    largest = (
        0.0
        if is_exact(layer.weight_grad)
        else max(float(g.abs().max()) if g.numel() else 0.0 for g in grads)
    )
    if largest == 0 or largest >= smallest:
        return None
    return (
        f"the gradients are at most {largest:.3g}: their products underflow in float64, so "
        "nothing would be tested"
    )


def vanished(layer: LayerTrace) -> str | None:
    """Why products of the gradients with weights and inputs are lost, or None: below 2⁻¹⁰²²/u they
    lose digits.
    """
    return _vanished(layer, 2.0**-969)


def squares_vanished(layer: LayerTrace) -> str | None:
    """Why products of two gradients are lost, or None: below the root of 2⁻¹⁰²²/u they lose
    digits.
    """
    return _vanished(layer, 2.0**-484)


LAYER_HYPOTHESES = {
    "linear layer": Hypothesis(strategies.nonlinear_layers, not_linear),
    "reached by the loss": Hypothesis(
        strategies.unreached_layers,
        not_reached,
        meaning="no gradient is recorded and both sides are zero",
    ),
    "gradients above underflow": Hypothesis(strategies.vanishing_layers, vanished),
    "gradient through this layer only": Hypothesis(strategies.total_gradient_layers),
    "one loss throughout": Hypothesis(strategies.mixed_loss_layers),
}
"""What every claim about one layer needs; the last two cannot be seen from a trace and must show as
refuted.
"""

_NOTHING_TESTED = {
    "gradients above underflow": replace(
        LAYER_HYPOTHESES["gradients above underflow"],
        meaning="what underflows is within the bound of the other terms: the comparison holds and "
        "would test nothing",
    )
}


def _weight_times_its_gradient(layer: LayerTrace) -> Operand:
    return layer.weight.mT @ layer.weight_grad


@equals(
    observed=_weight_times_its_gradient,
    on=strategies.layer_traces,
    source=Source(_PAPER, "Feature Learning Equation"),
    hypotheses=LAYER_HYPOTHESES,
    mutants={
        "outer product transposed": lambda layer: layer.inputs.mT @ layer.input_grad,
        "sum instead of mean over samples": lambda layer: (
            layer.input_grad.mT @ layer.inputs * layer.inputs.shape[-2]
        ),
        "sign of descent": lambda layer: -(layer.input_grad.mT @ layer.inputs),
        "symmetrised": lambda layer: (
            layer.input_grad.mT @ layer.inputs + layer.inputs.mT @ layer.input_grad
        ),
        "first sample dropped": lambda layer: (
            layer.input_grad[..., 1:, :].mT @ layer.inputs[..., 1:, :]
        ),
        "weights applied twice": lambda layer: (
            (layer.input_grad @ layer.weight.mT @ layer.weight).mT @ layer.inputs
        ),
    },
)
def feature_learning_equation(layer: LayerTrace) -> Operand:
    r"""The weight Gram matrix carries the feature gradient: the weights times their gradient are
    the features' outer product.

    .. math:: W^\top \nabla_W L = (\nabla_H L)^\top H
              = \sum_i \frac{\partial L}{\partial h_i} h_i^\top

    Shapes: W (…, d_out, d_in), H and ∇_H (…, N, d_in), both sides (…, d_in, d_in). Rows are
    samples, tokens, or the unfolded patches of a convolution (its groups lead); calls of one module
    are more rows. Observed: autograd by W and by H.

    Hypotheses: the module computes H Wᵀ + b (checked); a gradient reaches it and does not underflow
    (checked); ∇_H is the gradient through this layer only, not the total one of a tensor that also
    feeds a skip, a tied weight or a second head (not checkable from a trace; `impl.trace` sees to
    it); one scalar loss, sum or mean, on both sides (not checkable).

    Raises InputError for anything that is not a LayerTrace. Source: arXiv:2605.06258 [P]; checked
    exactly here.
    """
    return layer.input_grad.mT @ layer.inputs


def _gram(matrix: Operand) -> Operand:
    return matrix.mT @ matrix


def _rate(layer: LayerTrace) -> Operand:
    return layer.rate[..., None, None]


def _gram_minus_virtual_covariance(layer: LayerTrace) -> Operand:
    eta = _rate(layer)
    weight = layer.weight - layer.weight_grad * eta
    virtual = layer.inputs - layer.input_grad * eta
    return (_gram(weight) - _gram(layer.weight)) - (_gram(virtual) - _gram(layer.inputs))


def _remainder(layer: LayerTrace, power: int = 2) -> Operand:
    eta = _rate(layer)
    factor = eta if power == 1 else eta * eta
    return (_gram(layer.weight_grad) - _gram(layer.input_grad)) * factor


@equals(
    observed=_gram_minus_virtual_covariance,
    on=strategies.layer_traces,
    source=Source(_PAPER, "the Gram matrix learns the virtual covariance; remainder derived"),
    hypotheses=LAYER_HYPOTHESES
    | {
        name: replace(hypothesis, check=squares_vanished)
        for name, hypothesis in _NOTHING_TESTED.items()
    },
    mutants={
        "no remainder": lambda layer: _remainder(layer) * 0,
        "remainder of the features dropped": lambda layer: (
            _gram(layer.weight_grad) * _rate(layer) * _rate(layer)
        ),
        "remainder of the weights dropped": lambda layer: (
            -_gram(layer.input_grad) * _rate(layer) * _rate(layer)
        ),
        "remainder of order one": lambda layer: _remainder(layer) * 2 - _remainder(layer, 1),
        "remainder twice": lambda layer: _remainder(layer) * 2,
        "remainder with the other sign": lambda layer: -_remainder(layer),
    },
)
def gram_follows_virtual_covariance(layer: LayerTrace) -> Operand:
    r"""One step moves the weight Gram matrix as it would move the covariance of the features, to
    first order in η.

    With W₊ = W − η∇_W and virtual features H̃ = H − η∇_H, ΔG = W₊ᵀW₊ − WᵀW and ΔV = H̃ᵀH̃ − HᵀH
    satisfy, exactly,

    .. math:: \Delta G - \Delta V = \eta^2
              \left( \nabla_W^\top \nabla_W - \nabla_H^\top \nabla_H \right)

    so ΔG − ΔV = O(η²). Shapes: all terms (…, d_in, d_in); η is ``layer.rate`` (…), dimensionless.
    Observed: the step is taken.

    Hypotheses: those of `feature_learning_equation`; the squares of the gradients do not underflow
    (checked). Raises InputError for anything that is not a LayerTrace. Source: arXiv:2605.06258
    [P]; the remainder is derived here [D, N].
    """
    return _remainder(layer)


def _decay(layer: LayerTrace) -> Operand:
    return layer.decay[..., None, None]


def _gram_plus_feature_correlation(layer: LayerTrace) -> Operand:
    return _gram(layer.weight) * _decay(layer) + layer.input_grad.mT @ layer.inputs


@equals(
    observed=_gram_plus_feature_correlation,
    on=strategies.layer_traces,
    source=Source(_PAPER, "stationary Gram matrix under weight decay", "derived"),
    hypotheses=LAYER_HYPOTHESES | _NOTHING_TESTED,
    mutants={
        "decay twice": lambda layer: (
            layer.weight.mT @ (layer.weight_grad + layer.weight * _decay(layer) * 2)
        ),
        "decay of half the squared norm": lambda layer: (
            layer.weight.mT @ (layer.weight_grad * 2 + layer.weight * _decay(layer))
        ),
        "at rest everywhere": lambda layer: _gram(layer.weight) * 0,
        "decay left out": lambda layer: layer.weight.mT @ layer.weight_grad,
        "transposed": lambda layer: (
            (layer.weight.mT @ (layer.weight_grad + layer.weight * _decay(layer))).mT
        ),
    },
)
def stationary_gram_is_feature_correlation(layer: LayerTrace) -> Operand:
    r"""Under weight decay the weight Gram matrix at rest is the correlation of features with their
    descent direction.

    Anywhere, at rest or not, with the objective L + (λ/2)‖W‖_F²:

    .. math:: W^\top W + \tfrac1\lambda (\nabla_H L)^\top H
              = \tfrac1\lambda W^\top (\nabla_W L + \lambda W)

    and the right side is zero where the gradient of the objective is. Both sides are compared after
    multiplication by λ (``layer.decay``), which keeps integers integral. Shapes: (…, d_in, d_in).

    Hypotheses: those of `feature_learning_equation`. Raises InputError for anything that is not a
    LayerTrace. Source: derived here from arXiv:2605.06258 [D].
    """
    return layer.weight.mT @ (layer.weight_grad + layer.weight * _decay(layer))


def _gram_velocity(layer: LayerTrace) -> Operand:
    return velocity(_gram, (layer.weight,), (-layer.weight_grad,))


@equals(
    observed=_gram_velocity,
    on=strategies.layer_traces,
    source=Source(_PAPER, "flow of the Gram matrix", "derived"),
    hypotheses=LAYER_HYPOTHESES,
    mutants={
        "not symmetrised": lambda layer: -(layer.input_grad.mT @ layer.inputs) * 2,
        "half": lambda layer: -(layer.input_grad.mT @ layer.inputs),
        "sign of ascent": lambda layer: (
            layer.input_grad.mT @ layer.inputs + layer.inputs.mT @ layer.input_grad
        ),
        "Gram of the features": lambda layer: -(_gram(layer.inputs) + _gram(layer.input_grad)),
    },
)
def gram_flow(layer: LayerTrace) -> Operand:
    r"""Under gradient flow the weight Gram matrix moves by the symmetrised outer product of
    features and their gradients.

    .. math:: \frac{d}{dt} W^\top W = - \left[ (\nabla_H L)^\top H + H^\top \nabla_H L \right],
              \qquad \dot W = -\nabla_W L

    Shapes: (…, d_in, d_in). Observed: forward-mode derivative of W ↦ WᵀW along −∇_W L.

    Hypotheses: those of `feature_learning_equation`. Raises InputError for anything that is not a
    LayerTrace. Source: derived here from arXiv:2605.06258 [D, N].
    """
    return -(layer.input_grad.mT @ layer.inputs + layer.inputs.mT @ layer.input_grad)
