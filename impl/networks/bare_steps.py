"""Steps of Adam by the function behind torch's class, which imports the compiler: seconds that a
check of a small network has no other use for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam


class BareAdam:
    """`torch.optim.Adam` without weight decay, one parameter after the other.

    Args:
        parameters: what moves; those without a gradient stay.
        lr: learning rate.
        eps: ε, added to the root of the second moment.

    Source: Kingma and Ba, Adam (arXiv:1412.6980).
    """

    def __init__(self, parameters: Sequence[Tensor], *, lr: float, eps: float) -> None:
        """No moments yet."""
        self.parameters, self.lr, self.eps = list(parameters), lr, eps
        self._state: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for p in self.parameters:
            if p.grad is None:
                continue
            if id(p) not in self._state:
                self._state[id(p)] = torch.zeros_like(p), torch.zeros_like(p), torch.tensor(0.0)
            mean, square, taken = self._state[id(p)]
            adam(
                [p], [p.grad], [mean], [square], [], [taken], foreach=False, amsgrad=False,
                has_complex=p.is_complex(), beta1=0.9, beta2=0.999, lr=self.lr, weight_decay=0.0,
                eps=self.eps, maximize=False,
            )  # fmt: skip
