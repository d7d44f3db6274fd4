"""The losses of the kernel-flow claims, as sums over samples, and the regularised objective of free
features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor
from torch.nn import functional

from theorems.impl.errors import require
from theorems.impl.networks.losses import half_squared_error

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def softmax_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """−Σ t log softmax(f): targets (N, C) are weights of the classes, one-hot or not."""
    return -(targets * functional.log_softmax(outputs, -1)).sum()


def logistic(outputs: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy of every output on its own, targets in [0, 1]."""
    return functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum")


def huber(outputs: Tensor, targets: Tensor) -> Tensor:
    """Quadratic within distance 1, linear beyond: its gradient keeps integers integral."""
    return functional.huber_loss(outputs, targets, reduction="sum")


def contrast(outputs: Tensor, targets: Tensor) -> Tensor:
    """Half the squared error of the differences f_c − f_{c+1} of a sample's outputs, in a ring,
    against ``targets`` (N, C).

    Like cross-entropy it does not see a shift of all outputs of a sample; unlike it, it keeps
    integers integral.
    """
    return half_squared_error(outputs - outputs.roll(-1, -1), targets)


LOSSES: dict[str, Loss] = {
    "squared": half_squared_error,
    "softmax": softmax_cross_entropy,
    "logistic": logistic,
    "huber": huber,
}
INTEGRAL = ("huber", "squared")
"""Losses whose gradient at integers is integral."""
_ALL = LOSSES | {"contrast": contrast}
SHIFT_FREE = ("contrast", "softmax")
"""Losses that do not change when all outputs of a sample shift."""


def loss_named(name: str) -> Loss:
    """The loss of that name: one of `LOSSES`, or ``contrast``.

    Raises:
        InputError: naming the five.
    """
    require(name in _ALL, f"expected loss to be one of {', '.join(_ALL)}, got loss={name!r}")
    return _ALL[name]


def objective(
    features: Tensor,
    readout: Tensor,
    targets: Tensor,
    *,
    loss: str,
    ridge: float | Tensor,
    decay: float | Tensor,
) -> Tensor:
    r"""J = ℓ(ΦAᵀ, Y) + (λ/2)‖A‖_F² + (μ/2)‖Φ‖_F², a scalar.

    Args:
        features: Φ, (N, P).
        readout: A, (C, P).
        targets: Y, (N, C).
        loss: a name that `loss_named` knows.
        ridge: λ, decay of the readout.
        decay: μ, decay of the features.
    """
    value = loss_named(loss)(features @ readout.mT, targets)
    return value + (ridge * (readout**2).sum() + decay * (features**2).sum()) / 2
