"""Class sums are orthogonal."""

import torch

from impl import LabelledFeatures, Operand
from impl.strategies import alignment
from theorems import equals


@equals(
    observed=lambda it: (it.labels.mT @ it.features) @ (it.labels.mT @ it.features).mT,
    on=alignment.collapsed_batches,
)
def class_means_are_orthogonal(it: LabelledFeatures) -> Operand:
    """Class sums are orthogonal."""
    sums = it.labels.mT @ it.features
    return (
        torch.diag((sums**2).sum(-1))
        if isinstance(sums, torch.Tensor)
        else (sums**2).sum(-1)[:, None] * torch.eye(len(sums))
    )
