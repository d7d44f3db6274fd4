"""Normalised layers: LayerNorm, RMSNorm and BatchNorm, forward and backward, as torch computes
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.instances.checks import check_finite, check_shapes
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.operands import Operand

KINDS = ("layer", "rms", "batch")
_UNIT = 2.0**-53
_ROOM = 32
"""What the bounds below allow in units per term: a textbook count of the kernels' operations (about
ten), with room.
"""
_LEAST = 2.0**-1000
"""What underflow may cost; zeros that no rounding made are not given it, or an equation 0 = 0
between them would be open.
"""


def _statistics(layer: NormalisedLayer) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    """X − mean (or X), s = 1/√(variance + ε), the largest |X| of each group, units of rounding, and
    the group's axis.
    """
    x, axis = layer.inputs.center, -2 if layer.kind == "batch" else -1
    off = x if layer.kind == "rms" else x - x.mean(axis, keepdim=True)
    inverse = ((off * off).mean(axis, keepdim=True) + layer.epsilon.center).rsqrt()
    top = x.abs().amax(axis, keepdim=True)
    # a mean far from zero cancels
    units = _ROOM * (x.shape[axis] + 8) * _UNIT * (1 + top * inverse) ** 2
    return off, inverse, top, units, axis


def _output_radius(layer: NormalisedLayer) -> Tensor:
    off, inverse, top, units, _ = _statistics(layer)
    gain, shift = layer.gain.center.abs(), layer.shift.center.abs()
    spread = (
        gain * inverse * (off.abs() + layer.inputs.center.abs() + top) * units
        + 4 * _UNIT * shift
        + _LEAST
    )
    # Y = β there, to the bit
    return torch.where((gain == 0) | (top == 0), torch.zeros_like(spread), spread)


def _gradient_radius(layer: NormalisedLayer) -> Tensor:
    off, inverse, _, units, axis = _statistics(layer)
    g, unit = (layer.output_grad.center * layer.gain.center).abs(), (off * inverse).abs()
    mean, cross = g.mean(axis, keepdim=True), (g * (unit + 1)).mean(axis, keepdim=True)
    spread = inverse * (g + mean + (unit + 1) * cross) * units + _LEAST
    silent = ((layer.output_grad.center == 0) | (layer.gain.center == 0)).all(axis, keepdim=True)
    return torch.where(silent, torch.zeros_like(spread), spread)  # sums of zeros


@dataclass(frozen=True, eq=False)
class NormalisedLayer(Instance):
    r"""Y = γ ∘ (X − mean)/√(variance + ε) + β: over features ("layer"), over samples ("batch"), or
    without the mean ("rms").

    Args:
        inputs: X, (N, d).
        gain: γ, (d,).
        shift: β, (d,); zeros for "rms", which has none.
        epsilon: ε, (), above zero.
        outputs: Y, (N, d), measured.
        output_grad: ∇_Y, (N, d): any gradient from above.
        input_grad: ∇_X, (N, d), measured by autograd.
        kind: one of ``KINDS``.

    Raises:
        InputError: shapes that do not fit, an unknown kind, NaN or infinity.
    """

    derived: ClassVar[tuple[str, ...]] = ("outputs", "input_grad")
    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "samples": ("inputs", -2),
        "features": ("inputs", -1),
    }
    measured: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "outputs": _output_radius,
        "input_grad": _gradient_radius,
    }

    inputs: Operand
    gain: Operand
    shift: Operand
    epsilon: Operand
    outputs: Operand
    output_grad: Operand
    input_grad: Operand
    kind: str = "layer"

    def __post_init__(self) -> None:
        """Check kind, shapes and numbers."""
        require(
            self.kind in KINDS,
            f"expected kind to be one of {', '.join(KINDS)}, got kind={self.kind!r}",
        )
        rows, d = self.inputs.shape
        wanted = {
            "gain": (d,),
            "shift": (d,),
            "epsilon": (),
            "outputs": (rows, d),
            "output_grad": (rows, d),
            "input_grad": (rows, d),
        }
        check_shapes(self, wanted)
        check_finite(self, "inputs", *wanted)


def normalised_layer(
    inputs: Tensor,
    output_grad: Tensor,
    *,
    kind: str = "layer",
    gain: Tensor | None = None,
    shift: Tensor | None = None,
    epsilon: float = 1e-5,
) -> NormalisedLayer:
    """A `NormalisedLayer` measured by torch and autograd in float64; BatchNorm with the statistics
    of its batch.

    Args:
        inputs: X, (N, d); N ≥ 2 for "batch".
        output_grad: ∇_Y, (N, d).
        kind: one of ``KINDS``.
        gain: γ, (d,); ones by default.
        shift: β, (d,); zeros by default.
        epsilon: ε, above zero.

    Raises:
        InputError: for an unknown kind, a batch of one, a shift with "rms", an ε that is not
            positive; as `NormalisedLayer`.
    """
    require(kind in KINDS, f"expected kind to be one of {', '.join(KINDS)}, got kind={kind!r}")
    require(epsilon > 0, f"expected epsilon above zero, got epsilon={epsilon}")
    require(inputs.ndim == 2, f"expected inputs of shape (N, d), got {tuple(inputs.shape)}")
    require(
        kind != "batch" or len(inputs) > 1,
        "expected at least two samples for kind='batch', got one",
    )
    d, double = inputs.shape[1], torch.float64
    gain = torch.ones(d, dtype=double) if gain is None else gain.detach().double()
    shift = torch.zeros(d, dtype=double) if shift is None else shift.detach().double()
    require(kind != "rms" or not bool(shift.any()), "expected no shift for kind='rms', got one")
    x = inputs.detach().double().requires_grad_()
    functional = torch.nn.functional
    with torch.enable_grad():
        if kind == "layer":
            outputs = functional.layer_norm(x, (d,), gain, shift, epsilon)
        elif kind == "rms":
            outputs = functional.rms_norm(x, (d,), gain, epsilon)
        else:
            outputs = functional.batch_norm(x, None, None, gain, shift, training=True, eps=epsilon)
        (input_grad,) = torch.autograd.grad(outputs, x, output_grad.detach().double())
    return NormalisedLayer(
        x.detach(),
        gain,
        shift,
        torch.tensor(epsilon, dtype=double),
        outputs.detach(),
        output_grad.detach().double(),
        input_grad,
        kind,
    )
