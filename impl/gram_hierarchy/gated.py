"""Activations, masks and conjugate fields of a bias-free gated network on its training set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Slack, given
from theorems.impl.numbers.differentiation import gradient
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball

GATES = ("relu", "data", "tanh")


@dataclass(frozen=True, eq=False)
class GatedNetwork(Instance):
    r"""A bias-free network with a fixed readout on its training set: :math:`h^l = W^l z^{l-1}`,
    :math:`z^l = D^l h^l`.

    A row is one output on one sample. A network with C outputs has N·C rows: the sample repeated,
    one readout row each; then every statement about a scalar network holds as it stands.

    Args:
        weights: W¹ … W^L, each (…, n_l, n_{l−1}).
        readout: a per row, (…, N, n_L).
        inputs: x per row, (…, N, n_0).
        masks: D¹ … D^L as 0/1 rows, each (…, N, n_l).
        residual: r = ∂L/∂f per row, (…, N).
        weight_velocity: Ẇ¹ … Ẇ^L = −∇_W L as measured, shapes as the weights.
        gate: "relu" (masks are 1[h > 0]), "data" (masks are given), or "tanh" (not gated: the
            section does not apply).
        unit: unit roundoff of the format in which `weight_velocity` was measured.
        residual_error: how far rounding can have moved `residual` from ∂L/∂f, (…, N); None if
            nobody knows.

    Raises:
        InputError: no layer, shapes that do not fit, NaN or infinity.
    """

    alone = ("readout", 2)
    together = True

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "width": ("weights", -2), "inputs": ("inputs", -1), "rows": ("inputs", -2),
    }  # fmt: skip
    granted: ClassVar[Mapping[str, Slack]] = {"residual": lambda net: net.residual_error}
    silent: ClassVar[tuple[str, ...]] = ("residual_error",)

    weights: tuple[Operand, ...]
    readout: Operand
    inputs: Operand
    masks: tuple[Operand, ...]
    residual: Operand
    weight_velocity: tuple[Operand, ...]
    gate: str = "relu"
    unit: float = 2.0**-53
    residual_error: Operand | None = None

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        require(self.gate in GATES, f"expected gate to be one of {GATES}, got gate={self.gate!r}")
        require(len(self.weights) > 0, "expected at least one weight matrix, got none")
        require(
            len(self.weights) == len(self.masks) == len(self.weight_velocity),
            f"expected as many masks and velocities as weights ({len(self.weights)}), got "
            f"{len(self.masks)} and {len(self.weight_velocity)}",
        )
        *lead, rows, width = self.inputs.shape
        require(rows > 0, f"expected at least one row of inputs, got {tuple(self.inputs.shape)}")
        named = {"inputs": self.inputs, "readout": self.readout, "residual": self.residual}
        for i, (weight, mask, speed) in enumerate(
            zip(self.weights, self.masks, self.weight_velocity, strict=True), 1
        ):
            wanted = (*lead, weight.shape[-2], width)
            require(
                tuple(weight.shape) == wanted,
                f"expected W{i} of shape {wanted}, got {tuple(weight.shape)}",
            )
            require(
                tuple(speed.shape) == wanted,
                f"expected dW{i}/dt of shape {wanted}, got {tuple(speed.shape)}",
            )
            width = weight.shape[-2]
            wanted = (*lead, rows, width)
            require(
                tuple(mask.shape) == wanted,
                f"expected D{i} of shape {wanted}, got {tuple(mask.shape)}",
            )
            named |= {f"W{i}": weight, f"D{i}": mask, f"dW{i}/dt": speed}
        require(
            tuple(self.readout.shape) == (*lead, rows, width),
            f"expected a readout of shape {(*lead, rows, width)}, got {tuple(self.readout.shape)}",
        )
        require(
            tuple(self.residual.shape) == (*lead, rows),
            f"expected residuals of shape {(*lead, rows)}, got {tuple(self.residual.shape)}",
        )
        if self.residual_error is not None:
            require(
                tuple(self.residual_error.shape) == (*lead, rows),
                f"expected residual_error of shape {(*lead, rows)}, got "
                f"{tuple(self.residual_error.shape)}",
            )
        for name, value in named.items():
            if isinstance(value, Tensor):
                require_finite(name, value)

    @property
    def depth(self) -> int:
        """The number L of hidden layers."""
        return len(self.weights)

    def enclosed(self) -> Any:
        """Weights, masks and r given; the velocities with the rounding of the backward recursion
        that they are.
        """
        coarse = self.map(
            lambda value: Ball(value, unit=self.unit) if isinstance(value, Tensor) else value
        )
        steps = loss_gradient(coarse, coarse.weights, coarse.residual)
        speeds = tuple(
            Ball(v, model.radius) for v, model in zip(self.weight_velocity, steps, strict=True)
        )
        return replace(self.map(given), weight_velocity=speeds)

    def moved(self, **fields: Any) -> Any:
        """Under another r, which the velocities follow."""
        step = fields["residual"] - self.residual
        change = loss_gradient(self, self.weights, step)
        speeds = tuple(v - d for v, d in zip(self.weight_velocity, change, strict=True))
        return replace(self, residual=fields["residual"], weight_velocity=speeds)


@dataclass(frozen=True, eq=False)
class Fields:
    """All fields of one network: tuples indexed by the layer l.

    Args:
        z: activations z⁰ = x … z^L, each (…, N, n_l).
        h: pre-activations; h[0] is x, h[l] = W^l z^{l−1}.
        p: conjugate fields p⁰ … p^L = a, each (…, N, n_l).
        delta: δ^l = D^l p^l; delta[0] is p⁰.
    """

    z: tuple[Operand, ...]
    h: tuple[Operand, ...]
    p: tuple[Operand, ...]
    delta: tuple[Operand, ...]

    @property
    def outputs(self) -> Operand:
        """F per row, (…, N): the readout applied to z^L."""
        return (self.p[-1] * self.z[-1]).sum(-1)


def activations(
    net: GatedNetwork, weights: Sequence[Operand]
) -> tuple[list[Operand], list[Operand]]:
    """(z, h) at ``weights``, by the network's own nonlinearity: torch's ReLU or tanh, or the masks
    where they are data.
    """
    z, h = [net.inputs], [net.inputs]
    for weight, mask in zip(weights, net.masks, strict=True):
        h.append(z[-1] @ weight.mT)
        if net.gate == "tanh":
            z.append(h[-1].tanh())
        elif net.gate == "relu" and isinstance(h[-1], Tensor):
            z.append(torch.relu(h[-1]))
        else:
            z.append(mask * h[-1])
    return z, h


def fields(net: GatedNetwork, weights: Sequence[Operand] | None = None) -> Fields:
    """The fields of ``net``, at other ``weights`` if given: forward code only, so that `velocity`
    can run through it.
    """
    weights = net.weights if weights is None else weights
    z, h = activations(net, weights)
    p, delta = [net.readout], []
    for layer in reversed(range(1, net.depth + 1)):
        slope = 1 - z[layer] * z[layer] if net.gate == "tanh" else net.masks[layer - 1]
        delta.append(slope * p[-1])
        p.append(delta[-1] @ weights[layer - 1])
    delta.append(p[-1])
    return Fields(tuple(z), tuple(h), tuple(reversed(p)), tuple(reversed(delta)))


def outputs(net: GatedNetwork, weights: Sequence[Operand]) -> Operand:
    """F per row, (…, N), at ``weights``."""
    return (net.readout * activations(net, weights)[0][-1]).sum(-1)


def loss_gradient(
    net: GatedNetwork, weights: Sequence[Operand], residual: Operand
) -> tuple[Operand, ...]:
    """∇_W L at ``weights`` for a loss whose derivative by f is ``residual``: autograd, or exact
    derivatives on integers.

    On any other operand (balls) the backward recursion itself: it bounds the rounding of what
    autograd computes.
    """
    if isinstance(net.inputs, Tensor) or is_exact(net.inputs) or hasattr(net.inputs, "gradients"):
        return gradient(lambda *w: (residual * outputs(net, w)).sum(-1), weights)
    # in autograd's order, r first and the pull back then: afterwards integer weights would hide
    # what fractions of r round
    seen = fields(replace(net, readout=residual[..., None] * net.readout), weights)
    return tuple(seen.delta[i + 1].mT @ seen.z[i] for i in range(net.depth))


def gated_network(
    weights: Sequence[Tensor],
    readout: Tensor,
    inputs: Tensor,
    targets: Tensor,
    *,
    gate: str = "relu",
    masks: Sequence[Tensor] | None = None,
) -> GatedNetwork:
    """The instance of a network under the loss ½Σ(f − y)²: masks, residuals and velocities are
    measured here.

    Args:
        weights: W¹ … W^L, each (…, n_l, n_{l−1}).
        readout: a, (…, n_L) or per row (…, N, n_L).
        inputs: (…, N, n_0).
        targets: y per row, (…, N).
        gate: see `GatedNetwork`.
        masks: for gate="data".
    """
    for name, value in (
        ("readout", readout),
        ("inputs", inputs),
        ("targets", targets),
        *(("weights", w) for w in weights),
    ):
        require(
            value.dtype.is_floating_point,
            f"expected floating-point {name}, got {value.dtype}; convert with .double()",
        )
    rows = inputs.shape[-2]
    if readout.ndim == inputs.ndim - 1:
        readout = readout[..., None, :].expand(*readout.shape[:-1], rows, readout.shape[-1])
    blank = [
        torch.ones(*inputs.shape[:-1], w.shape[-2], dtype=inputs.dtype, device=inputs.device)
        for w in weights
    ]
    net = GatedNetwork(
        weights=tuple(weights),
        readout=readout,
        inputs=inputs,
        masks=tuple(masks) if masks is not None else tuple(blank),
        residual=torch.zeros_like(targets),
        weight_velocity=tuple(torch.zeros_like(w) for w in weights),
        gate=gate,
        unit=torch.finfo(inputs.dtype).eps / 2,
    )
    z, h = activations(net, weights)
    if masks is None:
        masks = [(pre > 0).to(inputs.dtype) for pre in h[1:]]
    residual = (readout * z[-1]).sum(-1) - targets
    speed = [-g for g in loss_gradient(net, weights, residual)]
    # they take masks for ReLUs
    balls = replace(net, masks=tuple(masks)).map(lambda value: Ball(value, unit=net.unit))
    error = (outputs(balls, balls.weights) - Ball(targets, unit=net.unit)).error
    return replace(
        net,
        masks=tuple(masks),
        residual=residual,
        weight_velocity=tuple(speed),
        residual_error=error,
    )
