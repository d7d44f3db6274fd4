"""Generic points of the kernel flow, decayed matrices, minibatch noise, and tasks given by their
spectra.
"""

from __future__ import annotations

import numpy as np

from theorems.impl.generic.networks import pairing
from theorems.impl.generic.source import Source
from theorems.impl.kernel_flows.decayed import DecayedMatrix
from theorems.impl.kernel_flows.flows import CoupledPoint, KernelPoint
from theorems.impl.kernel_flows.minibatches import MinibatchNoise
from theorems.impl.kernel_flows.spectral import LaplacianTask, Regression, SpectralTask
from theorems.impl.numbers.operands import Operand


def decayed_matrix(source: Source, *, softmax: bool = False) -> DecayedMatrix:
    """Free features, or a linear layer behind which another one leads to the outputs; any gradient
    G at the outputs.

    Half of the shapes (all if ``softmax``) have G·1 = 0, as softmax cross-entropy does. The decay
    is twice a drawn number: nothing is halved. One shape in six is at rest, and on one σ_{C+1} is a
    thousandth below its bound.
    """
    special = source.shape % 6 >= 4
    soft = softmax or (bool(source.shape % 2) and not special)
    rows, width, classes = source.size(4, 5), source.size(4, 5), 2 + source.shape // 2 % 2
    if special:
        return (_resting if source.shape % 6 == 4 else _tight)(
            source, rows, width, classes, soft=soft
        )
    above = source.shiftless(rows, classes) if soft else source.entries(rows, classes)
    half, readout = source.positive(), source.entries(classes, width)
    if source.choice((True, False)):
        matrix, inputs = source.entries(rows, width), None
        (grad,) = source.gradient(
            lambda m: pairing(above, m @ readout.mT) + pairing(m, m) * half, (matrix,)
        )
    else:
        matrix, inputs = source.entries(width, 4), source.entries(rows, 4)
        (grad,) = source.gradient(
            lambda m: pairing(above, inputs @ m.mT @ readout.mT) + pairing(m, m) * half, (matrix,)
        )
    return DecayedMatrix(
        matrix, grad, _number(half * 2), above, (readout,), inputs, shift_free=soft
    )


def _resting(source: Source, rows: int, width: int, classes: int, *, soft: bool) -> DecayedMatrix:
    """Φ = −GA/μ, or W = −(GA)ᵀH/μ: the gradient is zero, and that of autograd too."""
    share = source.shiftless(rows, classes) if soft else source.entries(rows, classes)
    half, readout = source.positive(), source.entries(classes, width)
    above, inputs = -share * (half * 2), source.choice((None, source.entries(rows, 4)))
    matrix = share @ readout if inputs is None else (share @ readout).mT @ inputs

    def objective(m: Operand) -> Operand:
        seen = m if inputs is None else inputs @ m.mT
        return pairing(above, seen @ readout.mT) + pairing(m, m) * half

    (grad,) = source.gradient(objective, (matrix,))
    return DecayedMatrix(
        matrix, grad, _number(half * 2), above, (readout,), inputs, shift_free=soft
    )


def _tight(source: Source, rows: int, width: int, classes: int, *, soft: bool) -> DecayedMatrix:
    """Singular vectors and values of Φ drawn, and G such that μΦ + GA keeps 1001 t of the largest
    value and t·1000 = σ_{r+1}.

    r = C, or C − 1 where G·1 = 0: then A has the same row added to each of its rows, which G does
    not see.
    """
    rank = classes - int(soft)
    (left, _), (right, _) = source.scaled_orthogonal(rows), source.scaled_orthogonal(width)
    half, unit = source.positive(), source.positive()
    kept = np.array([unit * 1001] + [unit * 0] * (rank - 1), dtype=object)
    values = source.positive(rank) + unit * 1001
    beside = left[:, rank : rank + 1] * (unit * 1000) @ right[:, rank : rank + 1].mT
    matrix = left[:, :rank] * values @ right[:, :rank].mT + beside
    above = -(left[:, :rank] * (values - kept)) * (half * 2)
    readout = right[:, :rank].mT
    if soft:
        above = np.concatenate([above, -above.sum(-1)[:, None]], axis=-1)
        readout = np.concatenate([readout, readout[:1] * 0]) + source.entries(width)
    (grad,) = source.gradient(
        lambda m: pairing(above, m @ readout.mT) + pairing(m, m) * half, (matrix,)
    )
    return DecayedMatrix(matrix, grad, _number(half * 2), above, (readout,), None, shift_free=soft)


def minibatch_noise(source: Source, *, alone: bool = False) -> MinibatchNoise:
    """Batches drawn with replacement, or every sample alone (always if ``alone``); any gradient G
    at the outputs.

    On some shapes there are three classes and at least six samples: room for 2C directions.
    """
    singles, soft = alone or source.shape % 3 == 0, source.shape % 4 == 3
    rows, width = (
        (8 if alone else 6, source.size(2, 3))
        if singles
        else (source.size(3, 5), source.size(2, 4))
    )
    classes = 1 if singles else source.size(2, 2 if width == 2 else 3)
    if source.shape % 6 == 4 and not alone:
        rows, width, classes = source.size(6, 7), source.size(3, 4), 3
    above = (
        source.shiftless(rows, classes) if soft and classes > 1 else source.entries(rows, classes)
    )
    size = 1 if singles else source.size(classes if rows > 5 else 1, rows)
    counts = np.zeros((rows if singles else 3, rows), dtype=object)
    for batch, count in enumerate(counts):
        for _ in range(size):
            count[batch if singles else source.size(0, rows - 1)] += 1
    features, readout = source.entries(rows, width), source.entries(classes, width)
    weights = [count[:, None] * above * rows for count in counts] + [above]
    grads = [
        source.gradient(lambda phi, g=g: pairing(g, phi @ readout.mT), (features,))[0]
        for g in weights
    ]
    return MinibatchNoise(
        features,
        readout,
        above,
        counts,
        np.stack(grads[:-1]),
        grads[-1],
        np.array(size, dtype=object),
        shift_free=soft and classes > 1,
    )


def kernel_point(source: Source) -> KernelPoint:
    """Two sets of features, labels, λ and μ drawn; the readout at its optimum. C < N, and C = N on
    some shapes.
    """
    rows, width = source.size(2, 3), source.size(1, 3)
    classes = rows if source.shape % 4 == 3 else source.size(1, rows - 1)
    return KernelPoint(
        source.entries(rows, width),
        source.entries(rows, width),
        source.entries(rows, classes),
        source.positive(),
        source.positive(),
        source.zeros(classes, width),
    )


def coupled_point(source: Source) -> CoupledPoint:
    """Equal decays; the squared loss, or any other one through its gradient G at the outputs."""
    rows, width, classes = source.size(2, 3), source.size(2, 3), source.size(1, 2)
    features, readout = source.entries(rows, width), source.entries(classes, width)
    targets, half, squared = source.entries(rows, classes), source.positive(), source.shape % 2 == 0
    above = features @ readout.mT - targets if squared else source.entries(rows, classes)
    by_features, by_readout = source.gradient(
        lambda phi, a: pairing(above, phi @ a.mT) + (pairing(phi, phi) + pairing(a, a)) * half,
        (features, readout),
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
    """Modes by Cayley's transform; which of them are active belongs to the shape: s = √(λμ) + t, or
    s = t far below.

    One shape in six has four modes, all of them active.
    """
    size = (2, 2, 3, 2, 2, 4)[source.shape % 6]
    active = source.bits(size)
    if size == 4:
        active = active * 0 + 1
    decay, root = source.fraction(), source.fraction()
    values = source.positive(size) + active * (decay * root)
    if source.shape % 4 == 3:
        values[1] = values[0]
    return SpectralTask(
        source.orthogonal(size), values, source.orthogonal(size), decay, root, source.positive(size)
    )


def regression(source: Source) -> Regression:
    """A kernel's spectrum and basis, ridge, signal and noise drawn."""
    size = source.size(2, 3)
    spectrum = source.positive(size)
    if source.shape % 3 == 2:
        spectrum[1] = spectrum[0]
    return Regression(
        source.orthogonal(size),
        spectrum,
        source.fraction(),
        source.entries(size),
        source.fraction(),
        source.positive(size),
    )


def laplacian_task(source: Source) -> LaplacianTask:
    """β = ε(μ + t): the modes with ℓ_i < t pass. Which ones do belongs to the shape, all of them or
    at least one and not all.

    On some shapes two that pass are equal, on some the last frequency lies at the cut itself, and
    does not pass.
    """
    tied, at_cut = source.shape % 6 == 2, source.shape % 6 == 3
    size = source.size(3 if tied else 2, 4)
    passed = source.bits(size)
    passed[-1] = 0
    if source.shape % 4 == 1:
        passed[:] = 1
    decay, floor, values = source.fraction(), source.fraction(), source.positive(size)
    if tied:
        passed[1], values[1] = passed[0], values[0]
    cut = (values * passed).sum(-1) + source.fraction()
    drive = _number(floor * (decay + cut))
    frequencies = values + (1 - passed) * cut
    if at_cut:
        frequencies[-1] = cut
    return LaplacianTask(source.orthogonal(size), frequencies, decay, drive, floor)
