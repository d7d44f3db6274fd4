"""Steps of two optimisers without torch's optimisers, which import the compiler: seconds that a
check of a small network has no other use for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from theorems.impl.networks.preconditioned_sgd import Preconditioner, preconditioned_step

_MEAN, _SQUARE = 0.9, 0.999
"""β₁ and β₂."""


class BareAdam:
    """`torch.optim.Adam` without weight decay, bit for bit on the CPU.

    Args:
        parameters: what moves; those without a gradient stay.
        lr: learning rate.
        eps: ε, added to the root of the second moment.

    Source: Kingma and Ba, Adam (arXiv:1412.6980).
    """

    def __init__(self, parameters: Sequence[Tensor], *, lr: float, eps: float) -> None:
        """No moments yet."""
        self.parameters, self.lr, self.eps = list(parameters), lr, eps
        self._moments: dict[int, tuple[Tensor, Tensor]] = {}
        self._taken: dict[int, int] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for p in self.parameters:
            if p.grad is None:
                continue
            real = torch.view_as_real if p.is_complex() else _itself
            grad, at = real(p.grad), real(p)
            if id(p) not in self._moments:
                self._moments[id(p)] = torch.zeros_like(grad), torch.zeros_like(grad)
            mean, square = self._moments[id(p)]
            taken = self._taken[id(p)] = self._taken.get(id(p), 0) + 1
            mean.lerp_(grad, 1 - _MEAN)
            square.mul_(_SQUARE).addcmul_(grad, grad, value=1 - _SQUARE)
            root = (square.sqrt() / (1 - _SQUARE**taken) ** 0.5).add_(self.eps)
            at.addcdiv_(mean, root, value=-(self.lr / (1 - _MEAN**taken)))


class BarePreconditioned:
    """`PreconditionedSGD` of one layer.

    Args:
        parameters: [weight] or [weight, bias].
        lr: learning rate η.
        preconditioner: P.
        decay: λ, decoupled.
    """

    def __init__(
        self, parameters: Sequence[Tensor], lr: float, preconditioner: Preconditioner, decay: float
    ) -> None:
        """No step yet."""
        self.parameters, self.lr = list(parameters), lr
        self.preconditioner, self.decay = preconditioner, decay
        self._state: dict[str, Any] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Move the layer."""
        preconditioned_step(self.parameters, self._state, self.lr, self.preconditioner, self.decay)


def _itself(tensor: Tensor) -> Tensor:
    return tensor
