"""What a conjecture may import from a neighbour of its file."""

from functools import singledispatch

import torch


def factor(numbers: object) -> int:
    """Two for tensors."""
    return 2 if isinstance(numbers, torch.Tensor) else 1


@singledispatch
def chosen(numbers: object) -> int:
    """One for anything else."""
    return 1


@chosen.register
def _(numbers: torch.Tensor) -> int:
    return 2
