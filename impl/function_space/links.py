r"""Scalar functions of a standard Gaussian: activations σ and targets g, with their Gaussian
moments.

The moments of a closed form are given in closed form; the others are quadratures whose error is
that of float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.function_space.gaussian_quadrature import expectation


@dataclass(frozen=True)
class Link:
    """A scalar function with z ~ N(0, 1) moments.

    Args:
        name: as in `LINKS`.
        function: on tensors, differentiable by autograd (almost everywhere).
        mean_slope: E f'(z) = E z f(z), in the weak sense for jumps.
        mean_square: E f(z)²; infinite where the moment does not exist.
        lipschitz: whether |f(a) − f(b)| ≤ L |a − b| for some L.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    mean_slope: float
    mean_square: float
    lipschitz: bool = True

    def __call__(self, values: Tensor) -> Tensor:
        """Apply the function."""
        return self.function(values)


def _smooth(name: str, function: Callable[[Tensor], Tensor]) -> Link:
    return Link(
        name,
        function,
        expectation(lambda z: z * function(z)),
        expectation(lambda z: function(z) ** 2),
    )


LINKS = {
    link.name: link
    for link in (
        Link("relu", torch.relu, 0.5, 0.5),
        Link("erf", torch.erf, 2 / math.sqrt(3 * math.pi), 2 / math.pi * math.asin(2 / 3)),
        Link("sign", torch.sign, math.sqrt(2 / math.pi), 1.0, lipschitz=False),
        Link("identity", lambda z: z * 1.0, 1.0, 1.0),
        Link("cos+sin", lambda z: torch.cos(z) + torch.sin(z), math.exp(-0.5), 1.0),
        Link("cos", torch.cos, 0.0, (1 + math.exp(-2)) / 2),
        Link("abs", torch.abs, 0.0, 1.0),
        Link(
            "exploding",
            lambda z: torch.exp(z * (z + 1) / 4),
            math.exp(1 / 16) / math.sqrt(2),
            math.inf,
            lipschitz=False,
        ),
        _smooth("tanh", torch.tanh),
        _smooth("-tanh", lambda z: -torch.tanh(z)),
        _smooth("silu", torch.nn.functional.silu),
    )
}
"""By name. ``cos`` and ``abs`` have no linear part, ``exploding`` has no second moment: they break
hypotheses.
"""


def link(name: str) -> Link:
    """The link of a name.

    Raises:
        InputError: if there is none.
    """
    require(name in LINKS, f"expected one of the links {', '.join(sorted(LINKS))}, got {name!r}")
    return LINKS[name]
