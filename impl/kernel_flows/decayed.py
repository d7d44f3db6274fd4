"""A matrix under weight decay that a linear readout of C outputs reads: free features, or a linear
layer of any network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding, Slack
from theorems.impl.kernel_flows.flow_errors import enclosed_decayed, moved_decayed
from theorems.impl.kernel_flows.objectives import SHIFT_FREE, Loss, loss_named, objective
from theorems.impl.networks.cross_entropy import cross_entropy_reduction
from theorems.impl.networks.layer_errors import softmax_error
from theorems.impl.networks.running import Inputs, run, undisturbed
from theorems.impl.networks.tracing import LayerTrace, Traces, trace
from theorems.impl.numbers.operands import Operand

UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class DecayedMatrix(Instance):
    r"""A matrix M whose objective is J = ℓ + (decay/2)‖M‖_F², with the gradient that autograd
    found.

    For free features M = Φ and ∇_Φℓ = G R; for a linear layer M = W and ∇_Wℓ = (G R)ᵀH. Either way
    C, the width of G, bounds its rank.

    Args:
        matrix: M, (…, n, m).
        gradient: ∇_M J, measured, of the same shape.
        decay: μ of the features or λ of the weights, (…); the claims need it positive.
        output_grad: G = ∂ℓ/∂F, measured, (…, N, C).
        maps: linear maps R from M's output to F, the last one first: F = … ; their product is (…,
            C, n or m).
        inputs: H, (…, N, m) for a linear layer, None for free features.
        output_error: how far rounding can have moved G from a gradient whose rows sum to zero
            (softmax), else 0.
        shift_free: whether the loss is known not to change when all outputs of a sample shift
            (softmax cross-entropy, say).
        gap: why the path from M to F is not linear, or decay does not act on M alone; empty if it
            is and does.
        unit: unit roundoff of the format in which the network ran.

    Raises:
        InputError: shapes that do not fit, NaN or infinity, a negative decay.
    """

    alone = ("matrix", 2)

    granted: ClassVar[Mapping[str, Slack]] = {"output_grad": lambda point: point.output_error}

    matrix: Operand
    gradient: Operand
    decay: Operand
    output_grad: Operand
    maps: tuple[Operand, ...]
    inputs: Operand | None = None
    output_error: Operand | None = None
    shift_free: bool = False
    gap: str = ""
    unit: float = UNIT

    def __post_init__(self) -> None:
        """Check shapes and numbers."""
        if not isinstance(self.matrix, Tensor):
            return
        shape = tuple(self.matrix.shape)
        require(
            len(shape) >= 2 and 0 not in shape, f"expected a matrix of shape (…, n, m), got {shape}"
        )
        got = tuple(self.gradient.shape)
        require(got == shape, f"expected the gradient of shape {shape} like the matrix, got {got}")
        require(bool((self.decay >= 0).all()), f"expected a decay of at least 0, got {self.decay}")
        for name in ("matrix", "gradient", "output_grad"):
            require_finite(name, getattr(self, name))

    @property
    def classes(self) -> int:
        """C, the number of outputs."""
        found: int = self.output_grad.shape[-1]
        return found

    def enclosed(self) -> Any:
        """M and the way to F given; the gradient with the rounding of its products."""
        return enclosed_decayed(self)

    def moved(self, **fields: Any) -> Any:
        """Under another gradient at the outputs."""
        return moved_decayed(self, fields["output_grad"])


def free_features(
    features: Tensor,
    readout: Tensor,
    targets: Tensor,
    *,
    loss: str = "squared",
    decay: float,
    ridge: float = 1.0,
) -> DecayedMatrix:
    """Free features under decay, with the gradient of J = ℓ(ΦAᵀ, Y) + (ridge/2)‖A‖² + (decay/2)‖Φ‖²
    by autograd.

    Args:
        features: Φ, (N, P).
        readout: A, (C, P).
        targets: Y, (N, C).
        loss: a name that `impl.kernel_flows.objectives.loss_named` knows.
        decay: μ.
        ridge: λ.
    """
    phi = features.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(
            objective(phi, readout, targets, loss=loss, ridge=ridge, decay=decay), phi
        )
        outputs = (features @ readout.mT).detach().requires_grad_()
        (output_grad,) = torch.autograd.grad(loss_named(loss)(outputs, targets), outputs)
    return DecayedMatrix(
        features, gradient, torch.tensor(decay, dtype=torch.float64), output_grad, (readout,),
        output_error=shift_error(loss, outputs.detach(), targets), shift_free=loss in SHIFT_FREE,
    )  # fmt: skip


def shift_error(loss: str, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """How far rounding can have moved the gradient of a loss of ours from one whose rows sum to
    zero; None for not at all.

    The contrast's gradient is a difference r_c − r_{c−1} of two residuals as they were rounded: one
    rounding more, of whole numbers none.
    """
    if loss == "softmax":
        return softmax_error(outputs, targets)
    whole = bool((outputs == outputs.round()).all()) and bool((targets == targets.round()).all())
    if loss != "contrast" or whole:
        return None
    residual = (outputs - outputs.roll(-1, -1) - targets).abs()
    return UNIT * (residual + residual.roll(1, -1))


def decayed_layers(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    *,
    decay: float | None = None,
    readout: str | None = None,
) -> dict[str, DecayedMatrix]:
    """Every linear layer of a torch network before its readout, as a matrix under weight decay.

    Args:
        model: any module that ends in a linear layer.
        inputs: a batch, as for `impl.trace`.
        targets: whatever ``loss`` takes.
        loss: the loss without the decay terms.
        decay: λ, as in the objective loss + (λ/2)‖W‖²; by default, layer by layer, the power of two
            nearest ‖∇_Wℓ‖/‖W‖, at which both weigh alike (the inequality holds for every λ > 0).
        readout: name of the last linear layer; by default the one whose outputs are the network's,
            else the last one called.

    Returns:
        by module name. Where the way from a layer to the outputs is not linear, or decay does not
        act on the layer's matrix, ``gap`` says why, and the rank claims do not apply.

    Raises:
        InputError: as `impl.trace`; an unknown readout.
    """
    layers = trace(model, inputs, targets, loss)
    with undisturbed(model, 0), torch.no_grad():
        outputs = run(model, inputs)
    return decayed_traces(
        model, layers, outputs, loss, targets=targets, decay=decay, readout=readout
    )


def decayed_traces(
    model: nn.Module,
    layers: Traces,
    outputs: Any,
    loss: Loss,
    *,
    targets: Any = None,
    decay: float | None = None,
    readout: str | None = None,
) -> dict[str, DecayedMatrix]:
    """`decayed_layers` of a network that is traced already; ``outputs`` are what the model
    returned.
    """
    matrices = {name: layer for name, layer in layers.items() if layer.weight.ndim == 2}
    require(bool(matrices), "expected a model with a linear readout, got none")
    last = readout or readout_of(layers, outputs) or list(matrices)[-1]
    require(
        last in matrices, f"expected readout to be one of {sorted(matrices)}, got readout={last!r}"
    )
    ends = last == readout_of(layers, outputs)
    softmax = _softmax(loss, matrices[last], outputs, targets) if ends else (False, None)
    return {
        name: _matrix(
            matrices,
            name,
            last,
            softmax=softmax,
            decay=decay,
            obstacle=_decays_elsewhere(model, name),
        )
        for name in matrices
        if name != last
    }


def readout_of(layers: Mapping[str, LayerTrace], outputs: Any) -> str | None:
    """The layer whose outputs are the network's, number for number; None if there is none."""
    for name, layer in reversed(list(layers.items())):
        seen = layer.outputs
        if (
            isinstance(outputs, Tensor)
            and not outputs.is_nested
            and seen is not None
            and seen.ndim == 2
            and outputs.numel() == seen.numel()
            and outputs.shape[-1] == seen.shape[-1]
            and torch.equal(outputs.reshape(seen.shape), seen)
        ):
            return name
    return None


def _decays_elsewhere(model: nn.Module, name: str) -> str:
    """Why weight decay does not act on the matrix of this layer, as it ran, alone; empty if it
    does.
    """
    modules = dict(model.named_modules())
    own = modules[name]._parameters.get("weight") if name in modules else None
    if own is None:
        return (
            f"the weight of layer {name!r} is computed from other parameters (a parametrization, a "
            "norm, a functional call): decay acts on those"
        )
    readers = [
        where
        for where, module in modules.items()
        if any(p is own for p in module._parameters.values())
    ]
    if len(readers) > 1:
        return (
            f"the weight of layer {name!r} is tied to that of {', '.join(map(repr, readers))}: "
            "its gradient comes from all of them"
        )
    return ""


def _softmax(
    loss: Loss, final: LayerTrace, outputs: Any = None, targets: Any = None
) -> tuple[bool, Tensor | None]:
    """Whether the loss is known to be softmax cross-entropy without class weights, and the rounding
    error of its gradient.
    """
    reduction = cross_entropy_reduction(loss, outputs, targets)
    if reduction is None or final.outputs is None:
        return False, None
    mean = reduction == "mean"
    counted = int((final.output_grad != 0).any(-1).sum())
    everything = torch.ones_like(final.outputs)  # |t| ≤ 1 entry by entry; Σ|t| ≤ C is generous
    return True, softmax_error(
        final.outputs, everything, 1 / max(counted, 1) if mean else 1.0, final.unit
    )


def _matrix(
    layers: Mapping[str, LayerTrace],
    name: str,
    last: str,
    *,
    softmax: tuple[bool, Tensor | None],
    decay: float | None,
    obstacle: str,
) -> DecayedMatrix:
    layer = layers[name]
    chain, gap = linear_path(layers, name, last)
    rate = 1 / layer.rate.double() if decay is None else torch.tensor(decay, dtype=torch.float64)
    return DecayedMatrix(
        layer.weight.double().clone(),
        layer.weight_grad.double() + rate * layer.weight.double(),
        rate,
        layers[last].output_grad.double(),
        tuple(layers[step].weight.double().clone() for step in chain),
        layer.inputs.double(),
        output_error=softmax[1],
        shift_free=softmax[0],
        gap=obstacle or gap,
        unit=layer.unit,
    )


def linear_path(layers: Mapping[str, LayerTrace], name: str, last: str) -> tuple[list[str], str]:
    """The linear layers between ``name`` and the outputs, last first; and why the way there is not
    linear, or "".
    """
    chain: list[str] = []
    current = name
    while current != last:
        here = layers[current].outputs
        if here is None:
            return [last], f"the outputs of layer {current!r} are not known"
        following = [
            other
            for other, layer in layers.items()
            if other not in (name, *chain)
            and layer.inputs.shape == here.shape
            and bool((layer.inputs == here).all())
        ]
        if not following:
            return [last], (
                f"the output of layer {current!r} does not enter another linear layer unchanged: "
                "where it passes a nonlinearity, decay acts on the parameters of nonlinear "
                "features, and nothing bounds their rank by the number of classes"
            )
        grads = [layers[other].input_grad for other in following]
        if not any(bool((layers[current].output_grad == grad).all()) for grad in grads):
            return (
                [last],
                (
                    f"the output of layer {current!r} feeds something besides {following[0]!r} "
                    "(a skip, a second head)"
                ),
            )
        current = following[0]
        chain.append(current)
    return chain[::-1], ""


@dataclass(frozen=True, eq=False)
class NonlinearFeatures(Instance):
    """Features of a nonlinear layer whose *parameters* decay: what the rank theorem does not speak
    about.

    Args:
        features: Φ, (N, P), as measured.
        gradient: of the decayed objective by the layer's parameters, measured, of any matrix shape.
        decay: λ of the parameters, ().
        targets: Y, (N, C).
    """

    alone = ("features", 2)

    measured: ClassVar[Mapping[str, Rounding]] = {}
    granted: ClassVar[Mapping[str, Slack]] = {"features": None, "gradient": None}

    features: Operand
    gradient: Operand
    decay: Operand
    targets: Operand
