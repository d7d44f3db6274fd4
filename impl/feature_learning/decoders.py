"""ReLU decoders between the codes of a few points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.instances.checks import check_finite, check_tensor
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding
from theorems.impl.numbers.operands import Operand, is_exact


@dataclass(frozen=True, eq=False)
class Decoder(Instance):
    """A ReLU decoder g, the codes of some points, and convex combinations of them.

    Args:
        points: X, (N, D).
        codes: Z, (N, k).
        weights: of the L layers, (n_l, n_{l−1}) each; the last one, to D outputs, has no ReLU.
        biases: (n_l,) each.
        mixtures: C, (B, N), rows non-negative and summing to 1.

    Raises:
        InputError: shapes that do not fit, NaN or infinity, rows of C that are no convex
            combinations.
    """

    alone = ("points", 2)

    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    points: Operand
    codes: Operand
    weights: tuple[Operand, ...]
    biases: tuple[Operand, ...]
    mixtures: Operand

    def __post_init__(self) -> None:
        """Check shapes, numbers and combinations."""
        require(
            len(self.weights) == len(self.biases) > 0,
            "expected as many biases as weights, and at least one",
        )
        rows, width = self.codes.shape
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            require(
                tuple(weight.shape) == (bias.shape[0], width),
                f"expected layer {i} of shape (n_{i}, {width}) and bias (n_{i},), got "
                f"{tuple(weight.shape)} and {tuple(bias.shape)}",
            )
            width = weight.shape[0]
            for value in (weight, bias):
                if isinstance(value, Tensor):
                    check_tensor(f"layer {i}", value)
        require(
            tuple(self.points.shape) == (rows, width),
            f"expected points of shape {(rows, width)}, got {tuple(self.points.shape)}",
        )
        require(
            self.mixtures.shape[-1] == rows,
            f"expected mixtures (B, {rows}), got {tuple(self.mixtures.shape)}",
        )
        check_finite(self, "points", "codes", "mixtures")
        if isinstance(self.mixtures, Tensor) or is_exact(self.mixtures):
            convex = (self.mixtures >= 0).all() and (self.mixtures.sum(-1) == 1).all()
            require(bool(convex), "expected mixtures with non-negative rows that sum to exactly 1")

    def decode(self, codes: Operand) -> Operand:
        """g(z) row by row, (…, D)."""
        return self._run(codes)[0]

    def switching_units(self) -> int:
        """How many ReLUs are open at one code and closed at another; 0 makes g affine on the codes'
        convex hull.
        """
        opens = [((h > 0) * 1).sum(0) * ((h < 0) * 1).sum(0) for h in self._run(self.codes)[1]]
        return sum(int((both > 0).sum()) for both in opens)

    def _run(self, z: Operand) -> tuple[Operand, list[Operand]]:
        seen = []
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = z @ weight.mT + bias[None, :]
            if i < len(self.weights) - 1:
                seen.append(h)
                z = np.maximum(h, 0) if is_exact(h) else h.clamp(min=0)
            else:
                z = h
        return z, seen
