"""`LayerTrace`, what one linear layer saw during one backward pass: the instance of every claim
about layers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import InputError, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Slack
from theorems.impl.networks.layer_errors import enclosed_layer, output_doubt
from theorems.impl.numbers.operands import Operand

_OPERANDS = ("weight", "inputs", "weight_grad", "input_grad", "output_grad", "outputs", "bias")


@dataclass(frozen=True, eq=False)
class LinearRows:
    """Some rows of a large layer with all their inputs, on which its outputs are compared with H Wᵀ
    + b.

    Args:
        weight: W, (…, d_out, d_in).
        inputs: H, (…, R, d_in).
        outputs: Z, (…, R, d_out).
    """

    weight: Tensor
    inputs: Tensor
    outputs: Tensor


@dataclass(frozen=True, eq=False)
class LayerTrace(Instance):
    r"""One linear layer :math:`Z = HW^\top + b` during one backward pass; rows are samples, tokens
    or patches.

    Args:
        weight: W, (…, d_out, d_in); leading dimensions are a batch of networks, or the groups of a
            convolution.
        inputs: H, (…, N, d_in).
        weight_grad: :math:`\nabla_W L`, (…, d_out, d_in), through this layer only.
        input_grad: :math:`\nabla_H L`, (…, N, d_in), through this layer only.
        output_grad: :math:`\nabla_Z L`, (…, N, d_out).
        outputs: Z, (…, N, d_out), as the module computed it; None if not known.
        bias: b, (…, d_out); None where the layer has none.
        rate: learning rate η of the one step that claims about steps take, (…).
        decay: weight decay λ of claims about decay, (…).
        name: of the module.
        unit: unit roundoff of the format in which the network ran; read off the tensors unless
            given.
        grad_terms: how many products an entry of `input_grad` sums (d_out; times the kernel for
            convolutions).
        grad_magnitude: Σ|products| of each entry of `input_grad`, where it is not |∇_Z||W|
            (convolutions).
        part: which inputs are looked at, if not all (see `impl.networks.parts`); "" if all.
        checked: rows of a layer that is looked at in part, by which its outputs are checked.
        calls: of the module, to which the rows belong; autograd adds their weight gradients up.
        output_error: how far rounding can have moved `output_grad` from the loss's gradient at Z,
            (…, N, d_out); None if nobody knows. `trace` fills it in at the last layer of a network
            under a loss that it knows.
        reached: False where autograd found no path from the loss to the layer.

    Raises:
        InputError: shapes that do not fit one another, NaN or infinity, an empty batch.
    """

    together = True

    derived: ClassVar[tuple[str, ...]] = ("outputs", "weight_grad", "input_grad")
    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "inputs": ("weight", -1),
        "outputs": ("weight", -2),
        "rows": ("inputs", -2),
        "calls": ("calls", 0),
    }
    silent: ClassVar[tuple[str, ...]] = (
        "unit",
        "grad_terms",
        "grad_magnitude",
        "calls",
        "output_error",
    )
    granted: ClassVar[Mapping[str, Slack]] = {"output_grad": output_doubt}
    telling: ClassVar[tuple[str, ...]] = ("weight_grad", "input_grad")

    weight: Operand
    inputs: Operand
    weight_grad: Operand
    input_grad: Operand
    output_grad: Operand
    outputs: Operand | None = None
    bias: Operand | None = None
    rate: Operand = 1.0
    decay: Operand = 1.0
    name: str = ""
    unit: float = 0.0
    grad_terms: int = 0
    grad_magnitude: Operand | None = None
    reached: bool = True
    calls: int = 1
    part: str = ""
    checked: LinearRows | None = None
    output_error: Operand | None = None

    def __post_init__(self) -> None:
        """Check shapes and numbers; fill in what can be read off them."""
        label = f" of layer {self.name!r}" if self.name else ""
        self._check_kinds(label)
        for name in ("rate", "decay"):
            if isinstance(getattr(self, name), int | float):
                object.__setattr__(self, name, self._per_network(getattr(self, name)))
        self._check_shapes(label)
        if not isinstance(self.weight, Tensor):
            return
        for name in (*_OPERANDS, "rate", "decay"):
            value = getattr(self, name)
            if value is not None:
                if not value.dtype.is_floating_point:
                    raise InputError(f"expected floating-point {name}{label}, got {value.dtype}")
                require_finite(f"{name}{label}", value)
        for name in ("rate", "decay"):
            least = float(getattr(self, name).min())
            if least <= 0:
                raise InputError(f"expected a positive {name}{label}, got {least}")
        if self.unit == 0.0:
            tensors = (
                self.weight,
                self.inputs,
                self.output_grad,
                self.weight_grad,
                self.input_grad,
            )
            object.__setattr__(self, "unit", max(torch.finfo(t.dtype).eps for t in tensors) / 2)
        if self.grad_terms == 0:
            object.__setattr__(self, "grad_terms", self.weight.shape[-2])

    def enclosed(self) -> LayerTrace:
        """Weights, inputs and ∇_Z given; ∇_W, ∇_H and Z with the rounding of the products that they
        are.
        """
        balls: LayerTrace = enclosed_layer(self)
        return balls

    def moved(self, **fields: Any) -> Self:
        """Under another ∇_Z, of which ∇_W and ∇_H are functions."""
        step = fields["output_grad"] - self.output_grad
        return dataclasses.replace(
            self,
            output_grad=fields["output_grad"],
            weight_grad=self.weight_grad + step.mT @ self.inputs,
            input_grad=self.input_grad + step @ self.weight,
        )

    def _per_network(self, value: float) -> Operand:
        """The number once for each network of a batch, in the kind of the weight."""
        lead = tuple(self.weight.shape[:-2])
        if isinstance(self.weight, np.ndarray):
            whole = math.isfinite(value) and value == int(value)
            return np.full(lead, int(value) if whole else Fraction(value), dtype=object)
        return torch.full(
            lead, float(value), dtype=torch.float64, device=getattr(self.weight, "device", None)
        )

    def _check_kinds(self, label: str) -> None:
        """All operands are tensors, or all are exact, or all stand-ins of one kind (balls)."""
        kind = Tensor if isinstance(self.weight, Tensor) else type(self.weight)
        for name in (*_OPERANDS, "rate", "decay"):
            value = getattr(self, name)
            if (value is None and name in ("outputs", "bias")) or (
                name in ("rate", "decay") and isinstance(value, int | float)
            ):
                continue
            got = (
                f"an array of {value.dtype}"
                if isinstance(value, np.ndarray)
                else type(value).__name__
            )
            exact = not isinstance(value, np.ndarray | np.generic) or value.dtype == object
            if not hasattr(value, "shape") or not exact:
                raise InputError(
                    f"expected {name}{label} to be a tensor (or an object array of exact numbers), "
                    f"got {got}; wrap it in torch.as_tensor"
                )
            if not isinstance(value, kind):
                raise InputError(
                    f"expected {name}{label} of the weight's kind, {kind.__name__}, got {got}"
                )

    def _check_shapes(self, label: str) -> None:
        """Every operand has the shape that the weight and the inputs ask for."""
        shape, read = tuple(self.weight.shape), tuple(self.inputs.shape)
        if len(shape) < 2 or len(read) < 2:
            raise InputError(
                f"expected a weight{label} of shape (…, d_out, d_in) and inputs of shape "
                f"(…, N, d_in), got {shape} and {read}"
            )
        *lead, d_out, d_in = shape
        rows = read[-2]
        if 0 in (rows, *shape):
            raise InputError(
                f"expected at least one row of inputs and one unit{label}, got inputs "
                f"{read} and weight {shape}"
            )
        wanted = {
            "inputs": (*lead, rows, d_in),
            "weight_grad": (*lead, d_out, d_in),
            "input_grad": (*lead, rows, d_in),
            "output_grad": (*lead, rows, d_out),
            "outputs": (*lead, rows, d_out),
            "bias": (*lead, d_out),
            "rate": tuple(lead),
            "decay": tuple(lead),
        }
        for name, shape in wanted.items():
            value = getattr(self, name)
            if value is not None and tuple(value.shape) != shape:
                raise InputError(
                    f"expected {name}{label} of shape {shape}, got {tuple(value.shape)}"
                )


class Traces(dict[str, LayerTrace]):
    """Traces by module name; asking for a layer that has none says why.

    Args:
        traces: by module name.
        left_out: why the other linear layers have no trace.
    """

    def __init__(self, traces: Mapping[str, LayerTrace], left_out: Mapping[str, str]) -> None:
        """Keep the reasons beside the traces."""
        super().__init__(traces)
        self.left_out = dict(left_out)

    def __missing__(self, name: str) -> LayerTrace:
        """Say why there is no such trace."""
        if name in self.left_out:
            raise InputError(f"expected a layer with a trace, got {name!r}: {self.left_out[name]}")
        raise InputError(f"expected a layer among {', '.join(map(repr, self))}, got {name!r}")
