"""Features and targets of one batch, with what the laws of target linearity quantify over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding
from theorems.impl.networks.spec import generator
from theorems.impl.numbers.linalg import independent_columns, squared_norm, unexplained
from theorems.impl.numbers.operands import Operand


@dataclass(frozen=True, eq=False)
class FeatureSet(Instance):
    """Features H of a batch, its targets Y, and one of everything that the laws say "for every" of.

    Args:
        features: H, (…, N, d).
        targets: Y, (…, N, C); the laws centre its columns themselves.
        mixing: A, (…, d, d), invertible.
        linear_map: B, (…, d, k), any.
        head: V, (…, d, C), any linear head.
        relative_rate: η·λ_max of the virtual step, in (0, 2), (…).

    Raises:
        InputError: shapes that do not fit, NaN or infinity, no sample.
    """

    alone = ("features", 2)

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "samples": ("features", -2),
        "features": ("features", -1),
        "targets": ("targets", -1),
    }
    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    features: Operand
    targets: Operand
    mixing: Operand
    linear_map: Operand
    head: Operand
    relative_rate: Operand

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        *lead, rows, d = self.features.shape
        classes, k = self.targets.shape[-1], self.linear_map.shape[-1]
        require(
            rows > 0 and d > 0,
            f"expected features of shape (…, N, d), got {tuple(self.features.shape)}",
        )
        wanted = {
            "targets": (*lead, rows, classes),
            "mixing": (*lead, d, d),
            "linear_map": (*lead, d, k),
            "head": (*lead, d, classes),
            "relative_rate": tuple(lead),
        }
        for name, shape in wanted.items():
            got = tuple(getattr(self, name).shape)
            require(got == shape, f"expected {name} of shape {shape}, got {got}")
        for name in ("features", *wanted):
            value = getattr(self, name)
            if isinstance(value, Tensor):
                require(
                    value.dtype.is_floating_point,
                    f"expected floating-point {name}, got {value.dtype}",
                )
                require_finite(name, value)


def feature_set(features: Tensor, targets: Tensor, *, seed: int = 0) -> FeatureSet:
    """A `FeatureSet` of real features and targets, the quantified maps drawn from ``seed``
    (Gaussian, η·λ_max = 1).

    Columns that depend linearly on earlier ones (dead units, constant border pixels) are left out:
    exactly, in FLINT's integers. They span nothing, and no rounding could tell them from columns
    that nearly depend.

    Args:
        features: (N, d), not all zero.
        targets: (N, C), or integer class labels (N,), which become one-hot rows.
        seed: of A, B and V.
    """
    for name, value in (("features", features), ("targets", targets)):
        kind = type(value).__name__
        require(
            isinstance(value, Tensor),
            f"expected {name} as a tensor, got {kind}; wrap arrays in torch.as_tensor",
        )
    require(features.ndim == 2, f"expected features of shape (N, d), got {tuple(features.shape)}")
    if targets.ndim == 1 and not targets.dtype.is_floating_point:
        least = int(targets.min()) if targets.numel() else 0
        require(
            least >= 0,
            f"expected class labels from 0 on, got {least}; leave out samples without a label",
        )
        targets = targets.long()
        targets = torch.nn.functional.one_hot(targets)
    require(
        targets.ndim == 2 and targets.shape[0] == features.shape[0],
        f"expected targets of shape (N, C) = ({features.shape[0]}, C), got {tuple(targets.shape)}",
    )
    require_finite("features", features)
    chosen = independent_columns(features)
    require(
        bool(chosen),
        "expected features that are not all zero, got zeros: no unit is alive on this batch",
    )
    features = features[:, chosen]
    d, classes, source = features.shape[1], targets.shape[1], generator(seed)
    place = features.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64).to(place)

    return FeatureSet(
        features=features.double(),
        targets=targets.double(),
        mixing=torch.linalg.qr(normal(d, d))[0] * 2,
        linear_map=normal(d, max(1, d // 2)),
        head=normal(d, classes),
        relative_rate=torch.ones((), dtype=torch.float64, device=place),
    )


def centred(targets: Operand) -> Operand:
    """N·(Y − column means): centred without a division, so that integers stay integers; scale
    cancels in every law.
    """
    return targets * targets.shape[-2] - targets.sum(-2)[..., None, :]


def target_linearity(targets: Operand, features: Operand) -> Operand:
    r"""TL(Y, H) = 1 − ‖(I − P_H)Y‖_F² / ‖Y‖_F² with Y column-centred: how much of the targets a
    linear head explains.

    Args:
        targets: Y, (…, N, C), not constant.
        features: H, (…, N, d).

    Returns:
        (…), between 0 and 1.
    """
    y = centred(targets)
    return 1 - unexplained(features, y) / squared_norm(y)
