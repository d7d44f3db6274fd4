"""Small runs that the pictures show: flows and trainings whose spectra are kept along the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from theorems.impl.errors import InputError
from theorems.impl.kernel_flows.flows import kernel_velocity
from theorems.impl.networks.data import digits
from theorems.impl.networks.spec import generator

Array = np.ndarray


def _normal(source: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=source, dtype=torch.float64)


def _scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@dataclass(frozen=True)
class KernelPaths:
    """A kernel's flow: times (T,), eigenvalues (T, N) in descending order, and what the closed form
    predicts.

    Args:
        times: (T,).
        eigenvalues: (T, N).
        label_values: s_i, the singular values of Y, (C,).
        levels: k_i = (s_i √(λ/μ) − λ)₊, (C,).
        ridge: λ.
        decay: μ.
    """

    times: Array
    eigenvalues: Array
    label_values: Array
    levels: Array
    ridge: float
    decay: float


def kernel_paths(
    values: tuple[float, ...],
    *,
    samples: int,
    ridge: float,
    decay: float,
    until: float,
    size: float,
    seed: int,
) -> KernelPaths:
    """Integrate K̇ = DK + KD − 2μK from a random full-rank kernel by scipy, all N² entries.

    Args:
        values: singular values of the labels.
        samples: N.
        ridge: λ.
        decay: μ.
        until: the last of the logarithmically spaced times.
        size: ‖Φ(0)‖ per entry, times √P.
        seed: of the labels' singular vectors and of K(0).
    """
    source, classes = generator(seed), len(values)
    left = torch.linalg.qr(_normal(source, samples, classes))[0]
    right = torch.linalg.qr(_normal(source, classes, classes))[0]
    targets = left * torch.tensor(values, dtype=torch.float64) @ right.mT
    features = size * _normal(source, samples, samples) / samples**0.5
    times = np.concatenate([[0.0], np.geomspace(1e-3 * until, until, 240)])

    def right_side(_: float, flat: Array) -> Array:
        kernel = torch.from_numpy(flat.reshape(samples, samples))
        speed: Tensor = kernel_velocity(kernel, targets, _scalar(ridge), _scalar(decay))
        return speed.numpy().reshape(-1)

    start = (features @ features.mT).numpy().reshape(-1)
    run = solve_ivp(right_side, (0.0, until), start, t_eval=times, rtol=1e-8, atol=1e-12)
    kernels = run.y.T.reshape(-1, samples, samples)
    spectra = np.linalg.eigvalsh((kernels + kernels.transpose(0, 2, 1)) / 2)[:, ::-1]
    s = np.array(values)
    return KernelPaths(
        run.t, spectra, s, np.clip(s * (ridge / decay) ** 0.5 - ridge, 0, None), ridge, decay
    )


@dataclass(frozen=True)
class TrainedSpectra:
    """Singular values of a trained linear layer along the way, with the bound that holds at every
    point.

    Args:
        steps: when they were taken.
        values: one (n,) array each, descending.
        bounds: ‖∇_W J‖/λ at each, spectral norm.
        classes: C.
        accuracy: of the trained network on its batch.
    """

    steps: tuple[int, ...]
    values: tuple[Array, ...]
    bounds: tuple[float, ...]
    classes: int
    accuracy: float


def trained_spectra(
    steps: tuple[int, ...], *, decay: float, rate: float, width: int, samples: int, seed: int
) -> TrainedSpectra:
    """Full-batch training on digits of 64 → ReLU → W → readout under weight decay; squared loss on
    one-hot labels.
    """
    images, labels = digits(samples)
    inputs, targets = images.reshape(samples, -1), nn.functional.one_hot(labels, 10).double()
    source = generator(seed)
    weights = [
        (_normal(source, b, a) / a**0.5).requires_grad_()
        for a, b in ((64, width), (width, width), (width, 10))
    ]
    values, bounds = [], []
    outputs = targets
    for step in range(max(steps) + 1):
        first, middle, readout = weights
        outputs = torch.relu(inputs @ first.mT) @ middle.mT @ readout.mT
        loss = (outputs - targets).square().sum() / (2 * samples)
        objective = loss + decay / 2 * sum((w.square().sum() for w in weights), torch.zeros(()))
        grads = torch.autograd.grad(objective, weights)
        if step in steps:
            values.append(torch.linalg.svdvals(middle.detach()).numpy())
            bounds.append(float(torch.linalg.matrix_norm(grads[1], 2)) / decay)
        with torch.no_grad():
            for weight, grad in zip(weights, grads, strict=True):
                weight.sub_(rate * grad)
    accuracy = float((outputs.argmax(-1) == labels).double().mean())
    return TrainedSpectra(tuple(steps), tuple(values), tuple(bounds), 10, accuracy)


@dataclass(frozen=True)
class NoiseSpectra:
    """Singular values of the kernel's minibatch noise.

    Args:
        centred: of noise minus its mean, by batch size, (draws, N) descending.
        plain: of the batch's own contribution, not centred, by batch size.
        averaged: of the averaged second moment of the centred noise, square-rooted, (N,).
        classes: C.
    """

    centred: dict[int, Array]
    plain: dict[int, Array]
    averaged: Array
    classes: int


def noise_spectra(
    batches: tuple[int, ...], *, samples: int, width: int, classes: int, draws: int, seed: int
) -> NoiseSpectra:
    """ξ = −(G̃Fᵀ + FG̃ᵀ), G̃ the minibatch gradient minus the full one (or not) of the squared loss
    at free features.
    """
    source = generator(seed)
    features, readout = (
        _normal(source, samples, width),
        _normal(source, classes, width) / width**0.5,
    )
    labels = torch.randint(0, classes, (samples,), generator=source)
    outputs = (features @ readout.mT).requires_grad_()
    wanted = nn.functional.one_hot(labels, classes).double()
    (gradient,) = torch.autograd.grad((outputs - wanted).square().sum() / 2, outputs)
    frozen, second = outputs.detach(), torch.zeros(samples, samples, dtype=torch.float64)
    spectra: dict[bool, dict[int, Array]] = {True: {}, False: {}}
    for batch in batches:
        rows: dict[bool, list[Array]] = {True: [], False: []}
        for _ in range(draws):
            counts = torch.zeros(samples, dtype=torch.float64)
            counts[torch.randperm(samples, generator=source)[:batch]] = samples / batch
            for centred in (True, False):
                off = gradient * (counts - float(centred))[:, None]
                noise = -(off @ frozen.mT + frozen @ off.mT)
                rows[centred].append(torch.linalg.svdvals(noise).numpy())
                second += centred * (noise @ noise) / (draws * len(batches))
        for centred in (True, False):
            spectra[centred][batch] = np.stack(rows[centred])
    return NoiseSpectra(
        spectra[True],
        spectra[False],
        np.sqrt(np.linalg.eigvalsh(second.numpy())[::-1].clip(0)),
        classes,
    )


def neighbour_laplacian(samples: int, neighbours: int) -> Tensor:
    """The normalised Laplacian of the symmetric nearest-neighbour graph of the first digits, (N,
    N).
    """
    images, _ = digits(samples)
    distances = torch.cdist(images.reshape(samples, -1), images.reshape(samples, -1))
    near = distances.argsort(1)[:, 1 : neighbours + 1]
    graph = torch.zeros(samples, samples, dtype=torch.float64).scatter_(1, near, 1.0)
    graph = torch.maximum(graph, graph.mT)
    scale = graph.sum(1).rsqrt()
    return torch.eye(samples, dtype=torch.float64) - scale[:, None] * graph * scale


def _at_rest(
    features: Tensor, speed: Callable[[Tensor], Tensor], rate: float, *, most: int = 20_000
) -> Tensor:
    """Follow a flow until ‖Φ̇‖ ≤ 10⁻⁷ ‖Φ‖.

    Raises:
        InputError: if it is not at rest after ``most`` steps.
    """
    for _ in range(most):
        moved = speed(features)
        if bool(moved.norm() <= 1e-7 * features.norm()):
            return features
        features = features + rate * moved
    raise InputError(
        f"expected the flow to be at rest after {most} steps of {rate}, got a speed of "
        f"{float(moved.norm()):.1e}"
    )


def supervised_spectrum(
    targets: Tensor, *, ridge: float, decay: float, seed: int, rate: float = 0.05
) -> tuple[Array, Array]:
    """The end of Φ̇ = (D(K) − μ)Φ from random Φ, and the water-filling law (s √(λ/μ) − λ)₊; both
    descending, (N,).
    """
    samples = len(targets)
    features = _normal(generator(seed), samples, samples) / samples**0.5
    eye = torch.eye(samples, dtype=torch.float64)

    def speed(now: Tensor) -> Tensor:
        seen = torch.linalg.solve(now @ now.mT + ridge * eye, targets)
        return ridge * seen @ (seen.mT @ now) - decay * now

    features = _at_rest(features, speed, rate)
    reached = torch.linalg.eigvalsh(features @ features.mT).flip(0).clamp(min=0).numpy()
    values = torch.linalg.svdvals(targets).numpy()
    levels = np.zeros(samples)
    levels[: len(values)] = (values * (ridge / decay) ** 0.5 - ridge).clip(0)
    return reached, levels


def self_supervised_spectrum(
    laplacian: Tensor, *, decay: float, pull: float, floor: float, seed: int, rate: float = 0.8
) -> tuple[Array, Array]:
    """The end of Φ̇ = −(L + μ − β(K + ε)⁻¹)Φ from random Φ, and the closed form (β/(ℓ + μ) − ε)₊;
    both descending, (N,).
    """
    samples = len(laplacian)
    eye = torch.eye(samples, dtype=torch.float64)
    features = _normal(generator(seed), samples, samples) / samples**0.5

    def speed(now: Tensor) -> Tensor:
        kernel = now @ now.mT
        return pull * torch.linalg.solve(kernel + floor * eye, now) - laplacian @ now - decay * now

    features = _at_rest(features, speed, rate)
    reached = torch.linalg.eigvalsh(features @ features.mT).flip(0).clamp(min=0).numpy()
    modes = torch.linalg.eigvalsh(laplacian).numpy()
    return reached, np.sort((pull / (modes + decay) - floor).clip(0))[::-1]
