"""Deep linear networks in training: weights, data, and the velocity of every weight under gradient
flow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.instances.checks import check_tensor
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.differentiation import gradient
from theorems.impl.numbers.operands import Operand, is_exact


@dataclass(frozen=True, eq=False)
class LinearNetwork(Instance):
    r"""f(x) = W_L ⋯ W₁ x under ½‖F − Y‖_F², and Ẇ_l = −∇_{W_l} L.

    Args:
        weights: W₁ … W_L, (n_l, n_{l−1}) each.
        inputs: X, (N, n_0).
        targets: Y, (N, n_L).
        weight_velocity: Ẇ₁ … Ẇ_L as measured, shapes as the weights.

    Raises:
        InputError: no weight, shapes that do not fit, NaN or infinity.
    """

    derived: ClassVar[tuple[str, ...]] = ("weight_velocity",)
    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "width": ("weights", -2), "inputs": ("inputs", -1), "samples": ("inputs", -2),
    }  # fmt: skip
    measured: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "weight_velocity": lambda net: descent(net),  # noqa: PLW0108
    }

    weights: tuple[Operand, ...]
    inputs: Operand
    targets: Operand
    weight_velocity: tuple[Operand, ...]

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        require(len(self.weights) > 0, "expected at least one weight matrix, got none")
        count = len(self.weights)
        require(
            len(self.weight_velocity) == count,
            f"expected as many velocities as weights ({count}), got {len(self.weight_velocity)}",
        )
        rows, width = self.inputs.shape
        for i, (weight, speed) in enumerate(
            zip(self.weights, self.weight_velocity, strict=True), start=1
        ):
            got = tuple(weight.shape)
            require(
                len(got) == 2 and got[1] == width,
                f"expected W_{i} of shape (n_{i}, {width}), got {got}",
            )
            require(
                tuple(speed.shape) == got,
                f"expected the velocity of W_{i} of shape {got}, got {tuple(speed.shape)}",
            )
            width = got[0]
        wanted = (rows, width)
        require(
            tuple(self.targets.shape) == wanted,
            f"expected targets of shape (N, n_L) = {wanted}, got {tuple(self.targets.shape)}",
        )
        for name, value in {"inputs": self.inputs, "targets": self.targets}.items():
            if isinstance(value, Tensor):
                check_tensor(name, value)
        for i, value in enumerate((*self.weights, *self.weight_velocity)):
            if isinstance(value, Tensor):
                check_tensor(f"weight or velocity {i}", value)

    @property
    def depth(self) -> int:
        """The number L of matrices."""
        return len(self.weights)

    @property
    def outputs(self) -> Operand:
        """F = X W₁ᵀ ⋯ W_Lᵀ, (N, n_L)."""
        return run(self.weights, self.inputs)


def run(weights: Sequence[Operand], inputs: Operand) -> Operand:
    """X W₁ᵀ ⋯ W_Lᵀ."""
    for weight in weights:
        inputs = inputs @ weight.mT
    return inputs


def descent(net: LinearNetwork) -> tuple[Operand, ...]:
    """−∇_W L of every layer by the backward recursion: what autograd computes, for the bound of its
    rounding.
    """
    read = [net.inputs]
    for weight in net.weights:
        read.append(read[-1] @ weight.mT)
    above, found = net.targets - read[-1], []
    for weight, inputs in zip(reversed(net.weights), reversed(read[:-1]), strict=True):
        found.append(above.mT @ inputs)
        above = above @ weight
    return tuple(reversed(found))


def linear_network(weights: Sequence[Operand], inputs: Operand, targets: Operand) -> LinearNetwork:
    """A `LinearNetwork` whose velocities are measured: by autograd, on exact numbers by exact
    differentiation.

    Args:
        weights: W₁ … W_L, (n_l, n_{l−1}) each; float64 tensors, or object arrays of integers.
        inputs: X, (N, n_0).
        targets: Y, (N, n_L).

    Raises:
        InputError: as `LinearNetwork`.
    """
    still = tuple(weight * 0 for weight in weights)
    # what does not fit is refused before autograd meets it
    LinearNetwork(tuple(weights), inputs, targets, still)

    start = run(weights, inputs) - targets

    def loss(*at: Operand) -> Operand:
        off = run(at, inputs) - targets
        # ½ would make fractions of integers: ⟨F(0) − Y, F⟩ has the same gradient here
        if is_exact(off):
            return (off * start).sum(-1).sum(-1)
        return (off * off).sum(-1).sum(-1) / 2

    grads = gradient(loss, tuple(weights))
    return LinearNetwork(tuple(weights), inputs, targets, tuple(-grad for grad in grads))
