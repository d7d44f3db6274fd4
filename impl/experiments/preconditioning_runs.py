"""Networks with a preconditioned first layer on a single-index teacher: noise, a cue that shifts,
and transfer.

Inputs have the covariance Σ = diag(λ), λ geometric from 1 to 0.01; a teacher reads one eigenvector
of it. Two layers, m ReLU units, squared loss, full batch, W ← W − ηm ∇_W L · Σ^p and plain descent
on the readout, whose entries start at N(0, 1)/m and move at the rate η/m: the mean-field scaling,
in which features move by as much at every width. Two arms for the rate at each p: *fixed*, one η
for all p, and *rescaled*, η d/tr Σ^{p+1}, since at a fixed rate a change of p is a change of speed
too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from theorems.impl.experiments.replicas import gathered, normal, permutations
from theorems.impl.experiments.runs import Array, Settings, rows

DIMENSION = 10
HIGH, LOW = 0, DIMENSION - 1
"""The eigenvectors of the largest and of the smallest variance."""
EXPONENTS = (-1, 1)
RATES = ("fixed", "rescaled")
_SHARP = 10.0  # of the link log(1 + e^{10z})


def variances() -> Tensor:
    """λ, (d,), the largest first."""
    return torch.logspace(0, -2, DIMENSION)


def standardised(score: Tensor) -> Tensor:
    """g(z) = log(1 + e^{10z}) less its mean over z ~ N(0, 1), over its standard deviation there."""
    grid = torch.linspace(-8, 8, 20_001, dtype=torch.float64)
    weight = torch.exp(-grid.square() / 2)
    link = softplus(_SHARP * grid)
    mean = float((weight * link).sum() / weight.sum())
    deviation = float((weight * (link - mean).square()).sum() / weight.sum()) ** 0.5
    return (softplus(_SHARP * score) - mean) / deviation


@dataclass(frozen=True)
class Trained:
    """Where the trainings of one exponent and rate have come to.

    Args:
        errors: test error along the way, (R, K).
        weights: of the first layer, (R, m, d).
        start: of the first layer before the training, (R, m, d).
    """

    errors: Tensor
    weights: Tensor
    start: Tensor


def descend(
    inputs: Tensor, targets: Tensor, test: tuple[Tensor, Tensor], exponent: float, rate: str, *, seeds: Sequence[int], settings: Settings  # noqa: E501
) -> Trained:  # fmt: skip
    """Train one network for every seed.

    Args:
        inputs: (R, N, d).
        targets: (R, N).
        test: inputs and targets of the same shapes, on which the error is taken.
        exponent: p.
        rate: "fixed" or "rescaled".
        seeds: of the initial weights, which depend on nothing else.
        settings: ``width``, ``rate``, ``steps``, ``looks``.
    """
    width, eta, steps = settings["width"], settings["rate"], settings["steps"]
    weight = normal(seeds, width, DIMENSION, stream="first layer") / DIMENSION**0.5
    readout = normal(seeds, width, 1, stream="readout") / width
    start, power = weight.clone(), variances() ** exponent
    first = eta * width * speed(exponent, rate)
    count, errors = inputs.shape[1], []
    looks = {round(steps * k / settings["looks"]) for k in range(settings["looks"] + 1)}
    for step in range(steps + 1):
        if step in looks:
            answer = (torch.relu(test[0] @ weight.mT) @ readout)[..., 0]
            errors.append((answer - test[1]).square().mean(1))
        if step == steps:
            break
        # the gradient of ½ mean square error by hand: half the time of autograd at this size
        hidden = torch.relu(inputs @ weight.mT)
        residual = ((hidden @ readout)[..., 0] - targets)[..., None] / count
        slope = (hidden > 0) * (residual * readout.mT)
        readout = readout - eta / width * (hidden.mT @ residual)
        weight = weight - first * (slope.mT @ inputs) * power
    return Trained(torch.stack(errors, 1), weight, start)


def speed(exponent: float, rate: str) -> float:
    """By what the rate of the first layer is multiplied: one for p = −1, which both arms share."""
    total = float((variances().double() ** (exponent + 1)).sum())
    return round(DIMENSION / total, 6) if rate == "rescaled" else 1.0


def by_rate(
    inputs: Tensor, targets: Tensor, test: tuple[Tensor, Tensor], exponent: float, *, seeds: Sequence[int], settings: Settings  # noqa: E501
) -> dict[str, Trained]:  # fmt: skip
    """`descend` at every rate of `RATES`; what two of them share is trained once."""
    speeds = {rate: speed(exponent, rate) for rate in RATES}
    first = {value: rate for rate, value in reversed(speeds.items())}
    runs = {
        value: descend(inputs, targets, test, exponent, rate, seeds=seeds, settings=settings)
        for value, rate in first.items()
    }
    return {rate: runs[value] for rate, value in speeds.items()}


def _inputs(seeds: Sequence[int], count: int, stream: str) -> tuple[Tensor, Tensor]:
    """White coordinates ζ (R, N, d) and the inputs that they make."""
    white = normal(seeds, count, DIMENSION, stream=stream)
    return white, white * variances().sqrt()


def noise_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Test error (without noise) of networks trained on noisy targets, signal to noise 1, with the
    teacher on top or at the bottom.

    Returns:
        "CASE, p = P, RATE": error along the way over the variance of the target, (R, K); the same
        with ", labels shuffled".
    """
    white, inputs = _inputs(seeds, settings["samples"], "train")
    test_white, test_inputs = _inputs(seeds, settings["tests"], "test")
    noise = normal(seeds, settings["samples"], stream="noise") / settings["signal_to_noise"] ** 0.5
    order = permutations(seeds, settings["samples"], stream="shuffle")
    found: dict[str, Array] = {}
    for case, axis in (("high", HIGH), ("low", LOW)):
        targets = standardised(white[..., axis]) + noise
        test = test_inputs, standardised(test_white[..., axis])
        for suffix, seen in (("", targets), (", labels shuffled", gathered(targets, order))):
            for p in EXPONENTS if suffix else settings["exponents"]:
                for rate, run in by_rate(
                    inputs, seen, test, p, seeds=seeds, settings=settings
                ).items():
                    found[f"{case}, p = {p}, {rate}{suffix}"] = rows(run.errors)
    return found


def _cued(white: Tensor, core: int, cue: int, correlation: float) -> Tensor:
    """White coordinates whose cue is correlated with what the teacher says."""
    out = white.clone()
    signal = standardised(white[..., core])
    out[..., cue] = correlation * signal + (1 - correlation**2) ** 0.5 * white[..., cue]
    return out


def cue_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Error where a cue no longer tells anything, of networks trained where it was correlated with
    the target.

    Core on top and cue at the bottom ("core high"), or the other way round ("core low").

    Returns:
        "core CASE, p = P, RATE": error along the way without the correlation, (R, K); the same with
        ", labels shuffled".
    """
    white = normal(seeds, settings["samples"], DIMENSION, stream="train")
    test_white, test_inputs = _inputs(seeds, settings["tests"], "test")
    noise = normal(seeds, settings["samples"], stream="noise") / settings["signal_to_noise"] ** 0.5
    order = permutations(seeds, settings["samples"], stream="shuffle")
    found: dict[str, Array] = {}
    for case, core, cue in (("high", HIGH, LOW), ("low", LOW, HIGH)):
        inputs = _cued(white, core, cue, settings["correlation"]) * variances().sqrt()
        targets = standardised(white[..., core]) + noise
        test = test_inputs, standardised(test_white[..., core])
        for suffix, seen in (("", targets), (", labels shuffled", gathered(targets, order))):
            for p in EXPONENTS:
                for rate, run in by_rate(
                    inputs, seen, test, p, seeds=seeds, settings=settings
                ).items():
                    found[f"core {case}, p = {p}, {rate}{suffix}"] = rows(run.errors)
    return found


def ridge_error(
    weight: Tensor, task: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], penalty: float
) -> Tensor:
    """Test error (R,) of a ridge readout, penalty λ N, on the features ReLU(W x)/√m of a frozen
    first layer, in the dual form.
    """
    seen, new = (
        (torch.relu(x @ weight.mT) / weight.shape[1] ** 0.5).double() for x in (task[0], test[0])
    )
    count = seen.shape[1]
    kernel = seen @ seen.mT + penalty * count * torch.eye(count, dtype=torch.float64)
    answer = new @ (seen.mT @ torch.linalg.solve(kernel, task[1].double()[..., None]))
    return (answer[..., 0] - test[1].double()).square().mean(1)


def transfer_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """A first layer trained on a teacher of both ends of the spectrum, frozen, then a ridge readout
    for a teacher of one end alone.

    Returns:
        "TARGET, p = P, RATE": error of the new readout, (R,), also on the first layer before
        training ("TARGET, untrained"), and with ", labels shuffled" on a first layer trained on
        shuffled targets.
    """
    white, inputs = _inputs(seeds, settings["samples"], "train")
    new_white, new_inputs = _inputs(seeds, settings["samples"], "new task")
    test_white, test_inputs = _inputs(seeds, settings["tests"], "test")
    noise = (
        normal(seeds, 2 * settings["samples"], stream="noise") / settings["signal_to_noise"] ** 0.5
    )
    order = permutations(seeds, settings["samples"], stream="shuffle")
    both = (standardised(white[..., HIGH]) + standardised(white[..., LOW])) / 2**0.5 + noise[
        :, : settings["samples"]
    ]
    found: dict[str, Array] = {}
    for suffix, seen in (("", both), (", labels shuffled", gathered(both, order))):
        for p in EXPONENTS:
            for rate, run in by_rate(
                inputs, seen, (inputs, seen), p, seeds=seeds, settings=settings
            ).items():
                for target, axis in (("high", HIGH), ("low", LOW)):
                    task = (
                        new_inputs,
                        standardised(new_white[..., axis]) + noise[:, settings["samples"] :],
                    )
                    test = test_inputs, standardised(test_white[..., axis])
                    for name, weight in (
                        (f"p = {p}, {rate}{suffix}", run.weights),
                        ("untrained", run.start),
                    ):
                        error = ridge_error(weight, task, test, settings["ridge"])
                        found[f"{target}, {name}"] = rows(error)
    return found
