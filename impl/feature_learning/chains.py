"""Deep linear networks: a chain of matrices, its outputs, and the gradients of the outputs by the
inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError, require
from theorems.impl.instances.checks import check_tensor
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding
from theorems.impl.networks.tracing import LayerTrace
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.inverses import eye_like
from theorems.impl.numbers.operands import Operand, to_exact


@dataclass(frozen=True, eq=False)
class LinearChain(Instance):
    """f(x) = W_L ⋯ W₁ x on a batch of inputs.

    Args:
        weights: W₁ … W_L, (n_l, n_{l−1}) each.
        inputs: X, (N, n_0).

    Raises:
        InputError: no weight, shapes that do not fit, NaN or infinity.
    """

    alone = ("inputs", 2)

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "width": ("weights", -2),
        "inputs": ("inputs", -1),
        "samples": ("inputs", -2),
    }
    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    weights: tuple[Operand, ...]
    inputs: Operand

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        require(len(self.weights) > 0, "expected at least one weight matrix, got none")
        width = self.inputs.shape[-1]
        for i, weight in enumerate(self.weights, start=1):
            got = tuple(weight.shape)
            require(
                len(got) == 2 and got[1] == width,
                f"expected W_{i} of shape (n_{i}, {width}), got {got}",
            )
            width = got[0]
            if isinstance(weight, Tensor):
                check_tensor(f"W_{i}", weight)
        if isinstance(self.inputs, Tensor):
            check_tensor("inputs", self.inputs)

    @property
    def depth(self) -> int:
        """The number L of matrices."""
        return len(self.weights)


def linear_chain(model: nn.Module, inputs: Tensor) -> LinearChain:
    """A `LinearChain` of a torch module made of bias-free ``nn.Linear`` (and ``nn.Identity``) in
    order, on inputs (N, d).

    Raises:
        InputError: for any other layer, or a bias.
    """
    weights = []
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear):
            require(layer.bias is None, f"expected linear layers without bias, got one in {name!r}")
            weights.append(layer.weight.detach().double())
        elif not isinstance(layer, nn.Sequential | nn.Identity):
            raise InputError(
                "expected nn.Linear and nn.Identity in an nn.Sequential, got "
                f"{type(layer).__name__} ({name!r})"
            )
    return LinearChain(tuple(weights), inputs.detach().double())


def linear_chains_of(layers: Mapping[str, LayerTrace]) -> dict[str, LinearChain]:
    """Every maximal row of two or more linear layers of a traced network, each of which reads the
    one before it, number for number.

    Biases do not count: they move no derivative.

    Args:
        layers: from `impl.trace`.

    Returns:
        by "first layer → last layer".
    """
    usable = {
        name: layer for name, layer in layers.items() if layer.weight.ndim == 2 and layer.calls == 1
    }
    after = {
        a: b
        for a, one in usable.items()
        for b, two in usable.items()
        if a != b
        and one.outputs is not None
        and one.outputs.shape == two.inputs.shape
        and torch.equal(one.outputs, two.inputs)
    }
    found = {}
    for start in after:
        if start in after.values():
            continue
        names = [start]
        while names[-1] in after and after[names[-1]] not in names:
            names.append(after[names[-1]])
        weights = tuple(usable[name].weight.double() for name in names)
        found[f"{names[0]} → {names[-1]}"] = LinearChain(weights, usable[start].inputs.double())
    return found


def gradient_outer_products(chain: LinearChain) -> Operand:
    """Σ_n ∇f(x_n) ∇f(x_n)ᵀ, (n_0, n_0): N times the average gradient outer product, by forward-mode
    derivatives.
    """
    eye = eye_like(chain.inputs)
    still = chain.inputs[..., None, :] * 0

    def run(x: Operand) -> Operand:
        for weight in chain.weights:
            x = x @ weight.mT
        return x

    # (N, n_0, C): rows are ∂f/∂x_i
    slopes = velocity(run, (chain.inputs[..., None, :] + eye * 0,), (still + eye,))
    return (slopes @ slopes.mT).sum(-3)


def imbalance(chain: LinearChain) -> float:
    """The largest entry of |W_{l+1}ᵀW_{l+1} − W_l W_lᵀ| over l; 0 if and only if balanced, exactly
    (every float is a fraction).
    """
    return max((_gap(b, a) for a, b in pairwise(chain.weights)), default=0.0)


def _gap(upper: Operand, lower: Operand) -> float:
    if isinstance(upper, Tensor):
        near = float((upper.mT @ upper - lower @ lower.mT).abs().max())
        size = float((upper.abs().mT @ upper.abs() + lower.abs() @ lower.abs().mT).max())
        # no rounding explains it: nothing exact is needed
        if near > 2**-52 * (len(upper) + lower.shape[1] + 2) * size:
            return near
        upper, lower = to_exact(upper), to_exact(lower)
    return float(abs(upper.T @ upper - lower @ lower.T).max())
