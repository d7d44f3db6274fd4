"""Batches: Gaussian, integer lattice, single-index teacher, real digits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from theorems.impl.errors import InputError
from theorems.impl.networks.spec import NetworkSpec, draw, generator

STREAM = 0x9E3779B9
"""Separates the data's random stream from the weights' under one seed."""


def batch(spec: NetworkSpec) -> tuple[Tensor, Tensor]:
    """Inputs (N, d_in) and targets (N, C) of ``spec``, float64, on the lattice if the spec is."""
    source = generator(spec.seed ^ STREAM)
    inputs = draw(
        (spec.batch, spec.widths[0]), scale=spec.scale, lattice=spec.lattice, source=source
    )
    targets = draw(
        (spec.batch, spec.classes), scale=spec.scale, lattice=spec.lattice, source=source
    )
    return inputs, targets


def single_index(
    samples: int, dimension: int, link: Callable[[Tensor], Tensor], *, noise: float = 0.0, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    r"""A single-index teacher, :math:`y = g(\langle w_*, x\rangle) + \varepsilon` with x ~ N(0, I)
    and ‖w*‖ = 1.

    Returns:
        inputs (N, d), targets (N, 1), direction (d,).
    """
    source = generator(seed)
    direction = torch.randn(dimension, generator=source, dtype=torch.float64)
    direction = direction / direction.norm()
    inputs = torch.randn(samples, dimension, generator=source, dtype=torch.float64)
    noise_term = noise * torch.randn(samples, 1, generator=source, dtype=torch.float64)
    return inputs, link(inputs @ direction[:, None]) + noise_term, direction


def digits(samples: int | None = None) -> tuple[Tensor, Tensor]:
    """scikit-learn's handwritten digits, shipped inside the package: no download.

    Returns:
        images (N, 1, 8, 8) with pixels in 0 … 1, float64, and integer labels (N,).

    Raises:
        InputError: if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise InputError(
            "the digits come with scikit-learn: pip install 'theorems[examples]'"
        ) from error
    images, labels = load_digits(return_X_y=True)
    pixels = torch.as_tensor(images[:samples]).double().reshape(-1, 1, 8, 8) / 16
    return pixels, torch.as_tensor(labels[:samples]).long()


def measurements(name: str) -> tuple[Tensor, Tensor]:
    """A table of measurements that ships with scikit-learn: "wine" (178 samples, 13 columns, 3
    classes) or "breast cancer" (569, 30, 2).

    Returns:
        measurements (N, d), float64, each in its own unit, and integer labels (N,).

    Raises:
        InputError: if scikit-learn is not installed, or for another name.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise InputError(
            "the measurements come with scikit-learn: pip install 'theorems[examples]'"
        ) from error
    known = {"wine": datasets.load_wine, "breast cancer": datasets.load_breast_cancer}
    if name not in known:
        raise InputError(f"expected data among {', '.join(known)}, got {name!r}")
    table, labels = known[name](return_X_y=True)
    return torch.as_tensor(table).double(), torch.as_tensor(labels).long()
