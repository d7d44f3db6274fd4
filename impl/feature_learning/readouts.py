"""A hidden layer trained by one step behind a random linear readout: what the readout's law makes
of the step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.instances.checks import check_finite, check_shapes
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding
from theorems.impl.networks.spec import generator
from theorems.impl.numbers.differentiation import gradient
from theorems.impl.numbers.linalg import squared_norm
from theorems.impl.numbers.operands import Operand


def linearised_loss(outputs: Operand, targets: Operand) -> Operand:
    """½‖Y − F‖_F² linearised at F = 0, without its constant: −⟨Y, F⟩ (…)."""
    return -(outputs * targets).sum(-1).sum(-1)


def surrogate(hidden: Operand, targets: Operand) -> Operand:
    """‖YᵀZ‖_F²: K times the surrogate, the mean over the K targets of their squared alignment with
    the features Z (…).
    """
    return squared_norm(targets.mT @ hidden)


@dataclass(frozen=True, eq=False)
class ReadoutEnsemble(Instance):
    """One layer Z = H Wᵀ, and the gradient of its weight behind each readout of a finite ensemble.

    Args:
        features: H, (N, d).
        weight: W, (m, d).
        targets: Y, (N, K).
        readouts: A, (R, K, m), every one equally probable; mean zero, E AAᵀ = m v I.
        variance: v, (): of an entry of A.
        rate: η, ().
        weight_grads: ∇_W of the linearised loss behind each readout, (R, m, d), measured.

    Raises:
        InputError: shapes that do not fit, NaN or infinity.
    """

    alone = ("features", 2)

    measured: ClassVar[Mapping[str, Rounding]] = {
        # reverse mode multiplies (Y A)ᵀ by H; the bound of the two products is the same in either
        # order
        "weight_grads": lambda ensemble: (
            ensemble.readouts.mT @ ensemble.targets.mT @ ensemble.features
        )
    }

    features: Operand
    weight: Operand
    targets: Operand
    readouts: Operand
    variance: Operand
    rate: Operand
    weight_grads: Operand

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        (rows, d), (width, _), classes = (
            self.features.shape,
            self.weight.shape,
            self.targets.shape[-1],
        )
        count = self.readouts.shape[0]
        wanted = {
            "weight": (width, d),
            "targets": (rows, classes),
            "readouts": (count, classes, width),
            "variance": (),
            "rate": (),
            "weight_grads": (count, width, d),
        }
        check_shapes(self, wanted)
        check_finite(self, "features", *wanted)


def readout_ensemble(
    features: Operand,
    weight: Operand,
    targets: Operand,
    readouts: Operand,
    *,
    variance: Operand,
    rate: Operand,
) -> ReadoutEnsemble:
    """A `ReadoutEnsemble` with the gradients by autograd (exact operands: by exact directional
    derivatives).
    """

    def loss(weights: Operand) -> Operand:
        return linearised_loss(features @ weights.mT @ readouts.mT, targets)

    (grads,) = gradient(loss, (weight + readouts[..., :1, :].mT * 0,))  # one copy of W per readout
    return ReadoutEnsemble(features, weight, targets, readouts, variance, rate, grads)


def all_signs(classes: int, width: int) -> Tensor:
    """Every matrix of signs, (2^(K·m), K, m): the finite readout whose first two moments are those
    of a random one.

    Raises:
        InputError: for more than 2^12 of them.
    """
    require(
        classes * width <= 12,
        f"expected K·m of at most 12 to list all signs, got {classes}·{width}",
    )
    signs = list(itertools.product([1.0, -1.0], repeat=classes * width))
    return torch.tensor(signs, dtype=torch.float64).reshape(-1, classes, width)


def coordinate_readouts(classes: int, width: int) -> Tensor:
    """The 2Km readouts ± e_k e_jᵀ, (2Km, K, m): E AAᵀ = I/K, so v = 1/(Km); mean zero."""
    units = torch.eye(classes * width, dtype=torch.float64).reshape(-1, classes, width)
    return torch.cat([units, -units])


def class_readouts(classes: int, width: int) -> Tensor:
    """The 2K readouts ± e_k a_kᵀ, (2K, K, m), a_k a row of signs: E AAᵀ = (m/K) I, so v = 1/K; mean
    zero.

    A white ensemble of as few readouts as reads every unit for every class; the signs are those of
    Walsh's functions, so that no two classes read all units alike (up to K = m).
    """
    units, rows = torch.arange(width), torch.arange(classes)
    common = rows[:, None] & units
    odd = torch.zeros_like(common)
    for bit in range(max(classes, width).bit_length()):
        odd ^= (common >> bit) & 1
    signs = torch.zeros(classes, classes, width, dtype=torch.float64)
    signs[rows, rows] = 1 - 2 * odd.double()
    return torch.cat([signs, -signs])


def noise_rate(features: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """The η at which the surrogate's mean growth is of the size of its noise behind one N(0, 1/m)
    readout, (); not finite for YᵀH = 0.
    """
    kernel = targets.mT @ features @ features.mT @ targets
    slope: Tensor = squared_norm(kernel @ targets.mT @ features @ weight.mT) ** 0.5
    return 2 * slope / (weight.shape[0] ** 0.5 * squared_norm(kernel))


@dataclass(frozen=True, eq=False)
class RandomReadout(Instance):
    """One layer Z = H Wᵀ behind readouts with independent N(0, 1/m) entries, drawn from ``seed``.

    Args:
        features: H, (N, d).
        weight: W, (m, d).
        targets: Y, (N, K).
        rate: η, ().
        seed: of the replicates.
        replicates: how many readouts are drawn.
        spread: variance of an entry times m; 1 is the claim's.
        shift: mean of an entry times √m; 0 is the claim's.

    Raises:
        InputError: shapes that do not fit, NaN or infinity.
    """

    alone = ("features", 2)

    features: Operand
    weight: Operand
    targets: Operand
    rate: Operand
    seed: int = 0
    replicates: int = 2_000
    spread: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        (rows, d), (width, _) = self.features.shape, self.weight.shape
        check_shapes(
            self, {"weight": (width, d), "targets": (rows, self.targets.shape[-1]), "rate": ()}
        )
        check_finite(self, "features", "weight", "targets", "rate")
        require(
            self.replicates > 1,
            f"expected at least two replicates, got replicates={self.replicates}",
        )

    def draw(self) -> Tensor:
        """The readouts, (R, K, m)."""
        shape = (self.replicates, self.targets.shape[-1], self.weight.shape[0])
        normal = (_normal if math.prod(shape) <= _KEPT else _normal.__wrapped__)(self.seed, shape)
        readouts: Tensor = (self.shift + self.spread**0.5 * normal) / shape[-1] ** 0.5
        return readouts


_KEPT = 2**22
"""Numbers of a draw that is kept for the next layer of the same width."""


@lru_cache(maxsize=1)
def _normal(seed: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)
