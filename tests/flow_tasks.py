"""Small tasks that the tests of the kernel flow share."""

import torch

from impl.spectral import SpectralTask
from impl.strategies.flows import number


def gaussian(*shape, seed=0):
    """Gaussian numbers of a shape from a seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def axis_task(values=(3.0, 2.0), rows=3, decay=1.0, root=1.0):
    """Labels along the axes with these singular values."""
    eye = torch.eye(rows, dtype=torch.float64)
    s = torch.tensor([*values, *[0.0] * (rows - len(values))], dtype=torch.float64)
    return SpectralTask(eye, s, eye[: len(values)], number(decay), number(root), eye[0])
