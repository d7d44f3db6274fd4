"""Batches of labelled features at (or short of) neural collapse: every sample at the mean of its
class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.instances.checks import check_finite, check_shapes
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding
from theorems.impl.instances.precise import precise_data
from theorems.impl.numbers.linalg import exact_rank
from theorems.impl.numbers.operands import Operand, is_exact, to_exact


@dataclass(frozen=True, eq=False)
class LabelledFeatures(Instance):
    """Features of a batch with one-hot labels.

    Args:
        features: H, (N, d).
        labels: Y, (N, K), one-hot; every class occurs.

    Raises:
        InputError: shapes that do not fit, NaN or infinity, labels that are not one-hot, a class
            without samples, one class only.
    """

    alone = ("features", 2)

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "samples": ("features", -2),
        "features": ("features", -1),
        "classes": ("labels", -1),
    }
    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    features: Operand
    labels: Operand

    def __post_init__(self) -> None:
        """Check shapes, numbers and labels."""
        rows, classes = self.features.shape[0], self.labels.shape[-1]
        check_shapes(self, {"labels": (rows, classes)})
        check_finite(self, "features", "labels")
        require(
            classes > 1,
            f"expected labels (N, K) of at least two classes, got {tuple(self.labels.shape)}",
        )
        if isinstance(self.labels, Tensor) or is_exact(self.labels):
            hot = ((self.labels == 0) | (self.labels == 1)).all() and (
                self.labels.sum(-1) == 1
            ).all()
            require(bool(hot), "expected one-hot labels: a single 1 per row")
            require(
                bool((self.sizes > 0).all()),
                f"expected samples of every class, got {self.sizes.tolist()}",
            )

    @property
    def sizes(self) -> Operand:
        """Samples per class, (K,); fractions, so that they divide exactly, where the labels are
        exact.
        """
        counts = self.labels.sum(-2)
        return counts * Fraction(1) if is_exact(counts) else counts

    def precise(self) -> Any:
        """Data alone: floats are the numbers that they are."""
        return precise_data(self)


def labelled_features(features: Tensor, labels: Tensor) -> LabelledFeatures:
    """A `LabelledFeatures` of features (N, d) and integer labels (N,) or one-hot rows (N, K)."""
    if labels.ndim == 1:
        labels = torch.nn.functional.one_hot(labels.long())
    return LabelledFeatures(features.detach().double(), labels.double())


def class_means(batch: LabelledFeatures) -> Operand:
    """One sample of each class, (K, d): its mean, where nothing varies within a class."""
    first = [
        next(i for i, hot in enumerate(column) if hot == 1) for column in batch.labels.T.tolist()
    ]
    return batch.features[first]


def within_class_variation(batch: LabelledFeatures) -> float:
    """The largest distance of an entry from that of the first sample of its class; 0 at
    collapse.
    """
    spread = abs(batch.features - batch.labels @ class_means(batch))
    return float(spread.max()) if 0 not in spread.shape else 0.0


def is_simplex(batch: LabelledFeatures) -> bool:
    """Whether the class means form a simplex equiangular tight frame: M Mᵀ ∝ K I − 11ᵀ, exactly."""
    means = class_means(batch)
    means = to_exact(means) if isinstance(means, Tensor) else means
    gram, k = means @ means.T, len(means)
    frame = [[gram[0, 0] * ((k - 1) if i == j else -1) for j in range(k)] for i in range(k)]
    return bool(gram[0, 0] > 0 and (gram * (k - 1) == np.array(frame, dtype=object)).all())


def rank_of_means(batch: LabelledFeatures) -> int:
    """Rank of the class means, exactly (every float is a fraction)."""
    means = class_means(batch)
    return exact_rank(to_exact(means) if isinstance(means, Tensor) else means)
