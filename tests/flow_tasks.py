"""Small tasks that the tests of the kernel flow share."""

import torch
from hypothesis import HealthCheck, Phase, settings

from impl.kernel_flows.spectral import SpectralTask
from impl.strategies.flows import number

SEARCH = settings(
    max_examples=2000, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
"""To look for an instance, and not to shrink it."""


def gaussian(*shape, seed=0):
    """Gaussian numbers of a shape from a seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def axis_task(values=(3.0, 2.0), rows=3, decay=1.0, root=1.0):
    """Labels along the axes with these singular values."""
    eye = torch.eye(rows, dtype=torch.float64)
    s = torch.tensor([*values, *[0.0] * (rows - len(values))], dtype=torch.float64)
    return SpectralTask(eye, s, eye[: len(values)], number(decay), number(root), eye[0])
