"""One large gradient step of a two-layer ReLU network on a single-index teacher, and what a ridge
readout makes of it.

f(x) = m^{−1/2} Σ a_j ReLU(⟨w_j, x⟩), w_j ~ N(0, I/d), a_j ~ N(0, 1/m), y = tanh⟨w*, x⟩ + noise; n =
αd samples, m = βd units, η = η₀ d.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from theorems.impl.experiments.replicas import gathered, normal, permutations
from theorems.impl.experiments.runs import Array, Settings, rows

SLOPE = 0.5
"""c₁ = E ReLU'(z), z ~ N(0, 1)."""


def _drawn(seeds: Sequence[int], count: int, d: int, stream: str) -> tuple[Tensor, Tensor]:
    """Inputs (R, N, d) and the teacher's answers without noise, (R, N); w* is the first axis, all
    else being isotropic.
    """
    inputs = normal(seeds, count, d, stream=f"{stream} in {d}", dtype=torch.float64)
    return inputs, torch.tanh(inputs[..., 0])


def stepped(
    weight: Tensor, readout: Tensor, inputs: Tensor, targets: Tensor, rate: float
) -> Tensor:
    """The first layer (R, m, d) after one full-batch step on (1/2n) Σ (y − f)²; the readout (R, m)
    stays.
    """
    moving = weight.clone().requires_grad_()
    answer = (torch.relu(inputs @ moving.mT) @ readout[..., None])[..., 0] / weight.shape[1] ** 0.5
    loss = (answer - targets).square().sum() / (2 * inputs.shape[1])
    (gradient,) = torch.autograd.grad(loss, moving)
    return weight - rate * gradient


def spiked(weight: Tensor, readout_draws: Tensor, spike: Tensor, rate: float, count: int) -> Tensor:
    """Weights drawn as the theorem says that learned ones are: N(0, I/d + (c₁ η/(nm))² ς ςᵀ), from
    independent Gaussian numbers.

    Args:
        weight: independent weights N(0, I/d), (R, m, d).
        readout_draws: standard Gaussian numbers, (R, m).
        spike: ς = Σ y_i x_i, (R, d).
        rate: η.
        count: n.
    """
    size = SLOPE * rate / (count * weight.shape[1])
    return weight + size * readout_draws[..., None] * spike[:, None, :]


def arc_cosine(left: Tensor, right: Tensor) -> Tensor:
    """The ReLU kernel E ReLU⟨w,x⟩ ReLU⟨w,x'⟩, w ~ N(0, I), of rows (R, N, d) and (R, M, d)."""
    inner = left @ right.mT
    sizes = left.norm(dim=2)[..., None] * right.norm(dim=2)[:, None, :]
    angle = torch.acos((inner / sizes).clamp(-1, 1))
    return (sizes * torch.sin(angle) + (torch.pi - angle) * inner) / (2 * torch.pi)


def stretched(inputs: Tensor, direction: Tensor, factor: Tensor) -> Tensor:
    """Γ^{1/2} x for Γ = I + (factor² − 1) u uᵀ, u the unit vectors (R, d): rows (R, N, d)."""
    along = inputs @ direction[..., None]
    return inputs + (factor[:, None, None] - 1) * along * direction[:, None, :]


def ridge(
    kernel: Tensor, across: Tensor, targets: Tensor, wanted: Tensor, penalty: float
) -> Tensor:
    """Test error over the variance of the target, (R,), of kernel ridge with the penalty as a share
    of the kernel's mean diagonal.
    """
    count = kernel.shape[1]
    scale = kernel.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    solved = torch.linalg.solve(
        kernel + penalty * scale * torch.eye(count, dtype=kernel.dtype), targets[..., None]
    )
    return ((across @ solved)[..., 0] - wanted).square().mean(1) / wanted.var(1)


def step_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Errors of ridge readouts before and after the step, of the network's features and of kernels,
    over η₀.

    Returns:
        "network", "network, labels shuffled", "spiked sample", "kernel" and "kernel, random spike":
        (R, K) over the ``rates`` η₀, the first of which is zero. *Spiked sample*: as many weights
        drawn from the predicted law; *kernel*: its limit of infinitely many.
    """
    d, m = settings["dimension"], settings["width_ratio"] * settings["dimension"]
    n, fit = settings["step_ratio"] * d, settings["fit_ratio"] * d
    (x, y), (z, v), (test, wanted) = (
        _drawn(seeds, c, d, s) for c, s in ((n, "step"), (fit, "fit"), (settings["tests"], "test"))
    )
    y = y + settings["noise"] * normal(seeds, n, stream="noise", dtype=torch.float64)
    v = v + settings["noise"] * normal(seeds, fit, stream="fit noise", dtype=torch.float64)
    mixed = gathered(y, permutations(seeds, n, stream="shuffle"))
    weight, fresh = (
        normal(seeds, m, d, stream=s, dtype=torch.float64) / d**0.5
        for s in ("weights", "fresh weights")
    )
    readout, draws = (
        normal(seeds, m, stream=s, dtype=torch.float64) for s in ("readout", "fresh readout")
    )
    readout = readout / m**0.5
    other = normal(seeds, d, stream="random spike", dtype=torch.float64)
    found: dict[str, list[Tensor]] = {}

    def note(name: str, kernel: Tensor, across: Tensor) -> None:
        found.setdefault(name, []).append(ridge(kernel, across, v, wanted, settings["ridge"]))

    for eta in settings["rates"]:
        rate, spike = eta * d, (y[:, None, :] @ x)[:, 0]
        for name, w in (
            ("network", stepped(weight, readout, x, y, rate)),
            ("network, labels shuffled", stepped(weight, readout, x, mixed, rate)),
            ("spiked sample", spiked(fresh, draws, spike, rate, n)),
        ):
            seen, new = (torch.relu(part @ w.mT) / m**0.5 for part in (z, test))
            note(name, seen @ seen.mT, new @ seen.mT)
        factor = (1 + d * (SLOPE * rate / (n * m)) ** 2 * spike.square().sum(1)).sqrt()
        for name, line in (("kernel", spike), ("kernel, random spike", other)):
            unit = line / line.norm(dim=1, keepdim=True)
            seen, new = (stretched(part, unit, factor) / d**0.5 for part in (z, test))
            note(name, arc_cosine(seen, seen), arc_cosine(new, seen))
    return {name: rows(torch.stack(parts, 1)) for name, parts in found.items()}


def harmonic_correlation(features: Tensor, inputs: Tensor) -> Tensor:
    """|correlation| of the top eigenfunction over ‖x‖ with the quadratic harmonic ⟨w*, x⟩²/‖x‖²
    over the sample, (R,), signed by a positive mean.
    """
    left = torch.linalg.svd(features, full_matrices=False)[0][..., 0]
    shape = left / inputs.norm(dim=2)
    shape = shape * torch.sign(shape.mean(1, keepdim=True))
    harmonic = inputs[..., 0].square() / inputs.square().sum(2)
    shape, harmonic = (part - part.mean(1, keepdim=True) for part in (shape, harmonic))
    return (shape * harmonic).sum(1) / (shape.norm(dim=1) * harmonic.norm(dim=1))


def harmonic_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Correlation of the top eigenfunction of the features' kernel with the quadratic harmonic
    along w*, over the dimension.

    Returns:
        "after the step", "before the step" and "labels shuffled": (R, K) over the ``dimensions``.
    """
    found: dict[str, list[Tensor]] = {}
    for d in settings["dimensions"]:
        n, m = settings["step_ratio"] * d, settings["width_ratio"] * d
        (x, y), (points, _) = (
            _drawn(seeds, c, d, s) for c, s in ((n, "step"), (settings["points"], "points"))
        )
        y = y + settings["noise"] * normal(seeds, n, stream=f"noise {d}", dtype=torch.float64)
        weight = normal(seeds, m, d, stream=f"weights {d}", dtype=torch.float64) / d**0.5
        readout = normal(seeds, m, stream=f"readout {d}", dtype=torch.float64) / m**0.5
        mixed = gathered(y, permutations(seeds, n, stream=f"shuffle {d}"))
        for name, w in (
            ("after the step", stepped(weight, readout, x, y, settings["rate"] * d)),
            ("before the step", weight),
            ("labels shuffled", stepped(weight, readout, x, mixed, settings["rate"] * d)),
        ):
            found.setdefault(name, []).append(
                harmonic_correlation(torch.relu(points @ w.mT), points)
            )
    return {name: rows(torch.stack(parts, 1)) for name, parts in found.items()}
