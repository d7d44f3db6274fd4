"""Generic points of the kernel flow, decayed matrices, minibatch noise, and tasks given by their spectra."""

from __future__ import annotations

import numpy as np

from theorems.impl.decayed import DecayedMatrix
from theorems.impl.flows import CoupledPoint, KernelPoint
from theorems.impl.generic.networks import pairing
from theorems.impl.generic.source import Source
from theorems.impl.operands import Operand
from theorems.impl.spectral import LaplacianTask, Regression, SpectralTask
from theorems.impl.training import MinibatchNoise


def _without_shift(source: Source, rows: int, classes: int) -> Operand:
    """Rows that sum to zero: what the gradient of a loss is like that does not see a shift of all outputs."""
    free = source.entries(rows, classes - 1)
    return np.concatenate([free, -free.sum(-1)[:, None]], axis=-1)


def decayed_matrix(source: Source, *, softmax: bool = False) -> DecayedMatrix:
    """Free features, or a linear layer behind which another one leads to the outputs; any gradient G at the outputs.

    Half of the shapes (all if ``softmax``) have G·1 = 0, as softmax cross-entropy does. The decay is twice a drawn number: nothing is halved.
    """
    soft = softmax or bool(source.shape % 2)
    rows, width, classes = source.size(4, 5), source.size(4, 5), 2 + source.shape // 2 % 2
    above = _without_shift(source, rows, classes) if soft else source.entries(rows, classes)
    half, readout = source.positive(), source.entries(classes, width)
    if source.choice((True, False)):
        matrix, inputs = source.entries(rows, width), None
        (grad,) = source.gradient(lambda m: pairing(above, m @ readout.mT) + pairing(m, m) * half, (matrix,))
    else:
        matrix, inputs = source.entries(width, 4), source.entries(rows, 4)
        (grad,) = source.gradient(
            lambda m: pairing(above, inputs @ m.mT @ readout.mT) + pairing(m, m) * half, (matrix,)
        )
    return DecayedMatrix(matrix, grad, _number(half * 2), above, (readout,), inputs, shift_free=soft)


def minibatch_noise(source: Source, *, alone: bool = False) -> MinibatchNoise:
    """Batches drawn with replacement, or every sample alone (always if ``alone``); any gradient G at the outputs."""
    singles, soft = alone or source.shape % 3 == 0, source.shape % 4 == 3
    rows, width = (8 if alone else 6, source.size(2, 3)) if singles else (source.size(3, 5), source.size(2, 4))
    classes = 1 if singles else source.size(2, 2 if width == 2 else 3)
    above = _without_shift(source, rows, classes) if soft and classes > 1 else source.entries(rows, classes)
    size = 1 if singles else source.size(1, rows)
    counts = np.zeros((rows if singles else 3, rows), dtype=object)
    for batch, count in enumerate(counts):
        for _ in range(size):
            count[batch if singles else source.size(0, rows - 1)] += 1
    features, readout = source.entries(rows, width), source.entries(classes, width)
    weights = [count[:, None] * above * rows for count in counts] + [above]
    grads = [source.gradient(lambda phi, g=g: pairing(g, phi @ readout.mT), (features,))[0] for g in weights]
    return MinibatchNoise(
        features, readout, above, counts, np.stack(grads[:-1]), grads[-1], np.array(size, dtype=object),
        shift_free=soft and classes > 1,
    )  # fmt: skip


def kernel_point(source: Source) -> KernelPoint:
    """Two sets of features, labels, λ and μ drawn; the readout at its optimum. C < N, and C = N on some shapes."""
    rows, width = source.size(2, 3), source.size(1, 3)
    classes = rows if source.shape % 4 == 3 else source.size(1, rows - 1)
    return KernelPoint(
        source.entries(rows, width), source.entries(rows, width), source.entries(rows, classes), source.positive(),
        source.positive(), source.zeros(classes, width),
    )  # fmt: skip


def coupled_point(source: Source) -> CoupledPoint:
    """Equal decays; the squared loss, or any other one through its gradient G at the outputs."""
    rows, width, classes = source.size(2, 3), source.size(2, 3), source.size(1, 2)
    features, readout = source.entries(rows, width), source.entries(classes, width)
    targets, half, squared = source.entries(rows, classes), source.positive(), source.shape % 2 == 0
    above = features @ readout.mT - targets if squared else source.entries(rows, classes)
    by_features, by_readout = source.gradient(
        lambda phi, a: pairing(above, phi @ a.mT) + (pairing(phi, phi) + pairing(a, a)) * half, (features, readout)
    )
    decay = source.number(half * 2)
    return CoupledPoint(
        features, readout, targets, decay, decay, -by_features, -by_readout, above,
        "squared" if squared else "huber", source.number(1),
    )  # fmt: skip


def _number(value: Operand) -> np.ndarray:
    """A number as an array without dimensions."""
    return np.array(value, dtype=object)


def spectral_task(source: Source) -> SpectralTask:
    """Modes by Cayley's transform; which of them are active belongs to the shape: s = √(λμ) + t, or s = t far below."""
    size = 3 if source.shape % 3 == 2 else 2
    active = source.bits(size)
    decay, root = source.fraction(), source.fraction()
    values = source.positive(size) + active * (decay * root)
    if source.shape % 4 == 3:
        values[1] = values[0]
    return SpectralTask(source.orthogonal(size), values, source.orthogonal(size), decay, root, source.positive(size))


def regression(source: Source) -> Regression:
    """A kernel's spectrum and basis, ridge, signal and noise drawn."""
    size = source.size(2, 3)
    spectrum = source.positive(size)
    if source.shape % 3 == 2:
        spectrum[1] = spectrum[0]
    return Regression(
        source.orthogonal(size), spectrum, source.fraction(), source.entries(size), source.fraction(),
        source.positive(size),
    )  # fmt: skip


def laplacian_task(source: Source) -> LaplacianTask:
    """β = ε(μ + t): the modes with ℓ_i < t pass. Which ones do belongs to the shape, all of them or at least one and not all."""
    size = source.size(2, 4)
    passed = source.bits(size)
    passed[-1] = 0
    if source.shape % 4 == 1:
        passed[:] = 1
    decay, floor, values = source.fraction(), source.fraction(), source.positive(size)
    cut = (values * passed).sum(-1) + source.fraction()
    drive = _number(floor * (decay + cut))
    return LaplacianTask(source.orthogonal(size), values + (1 - passed) * cut, decay, drive, floor)
