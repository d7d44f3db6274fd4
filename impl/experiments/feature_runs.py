"""Target linearity along trainings, updates of the weight Gram matrix alone, and a staircase target
at several widths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from theorems.impl.experiments.data import (
    CLASSES,
    CLASSES_OF,
    digit_split,
    onehot,
    shuffled,
    split,
    staircase,
    swiss_roll,
)
from theorems.impl.experiments.replicas import (
    accuracy,
    cross_entropy,
    features,
    layers,
    mean_square,
    normal,
    outputs,
    train,
)
from theorems.impl.experiments.runs import Array, Settings, rows
from theorems.impl.feature_learning.features import target_linearity
from theorems.impl.feature_learning.polar_errors import polar
from theorems.impl.feature_learning.whitening import newton_schulz

HIDDEN = 3


def looks(settings: Settings) -> list[int]:
    """The steps at which a training is looked at, first and last included."""
    return [round(settings["steps"] * k / settings["looks"]) for k in range(settings["looks"] + 1)]


def linearity(targets: Tensor, seen: Tensor) -> Tensor:
    """TL(Y, H) of every replica, (R,), of the directions of H above a millionth of the largest.

    Directions below are rounding: a linear layer of width 32 on three inputs has 29 of them, and
    each would explain 1/N of anything.
    """
    left, values, _ = torch.linalg.svd(seen.double(), full_matrices=False)
    basis = left * (values > _ROUNDING * values[:, :1])[:, None, :]
    found: Tensor = target_linearity(targets.double(), basis)
    return found


_ROUNDING = 1e-6


def _with_one(inputs: Tensor) -> Tensor:
    """Inputs with a last coordinate of one, in place of a bias."""
    return torch.cat([inputs, torch.ones_like(inputs[..., :1])], -1)


def linearity_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Target linearity on held-out samples, by layer and along training, on digits and on a Swiss
    roll.

    Three hidden layers of one width, full batch: cross-entropy under SGD with momentum on digits,
    mean square error under Adam on the roll.

    Returns:
        "DATA" and, with ", labels shuffled" and ", linear network", its controls: (R, K, 4), at
        each look the inputs and the hidden layers.
    """
    count = settings["samples"]
    (x, labels), (test, test_labels) = digit_split(seeds, count, count)
    points, along = swiss_roll(seeds, 2 * count)
    points = _with_one(2 * points - 1)
    tasks: dict[str, tuple[Tensor, Tensor, Tensor, Tensor, int]] = {
        "digits": (x, labels, test, onehot(test_labels), CLASSES),
        "Swiss roll": (points[:, :count], along[:, :count], points[:, count:], along[:, count:], 1),
    }
    found: dict[str, Array] = {}
    for name, (inputs, targets, others, wanted, outs) in tasks.items():
        width = settings["width"] if outs > 1 else settings["roll width"]
        for suffix in ("", ", labels shuffled", ", linear network"):
            activation: Callable[[Tensor], Tensor] = (
                (lambda z: z) if suffix == ", linear network" else torch.relu
            )
            seen = shuffled(targets, seeds) if suffix == ", labels shuffled" else targets
            weights = layers(
                seeds,
                (inputs.shape[2], *[width] * HIDDEN, outs),
                gain=1.0 if suffix == ", linear network" else 2.0,
            )
            kept: list[Tensor] = []

            def loss(
                _: int, w: list[Tensor] = weights, x: Tensor = inputs, y: Tensor = seen, act: Callable[[Tensor], Tensor] = activation, classes: bool = outs > 1  # noqa: E501
            ) -> Tensor:  # fmt: skip
                answer = outputs(w, x, act)
                return cross_entropy(answer, y) if classes else mean_square(answer, y)

            def look(
                _: int, w: list[Tensor] = weights, x: Tensor = others, y: Tensor = wanted, act: Callable[[Tensor], Tensor] = activation, kept: list[Tensor] = kept  # noqa: E501
            ) -> None:  # fmt: skip
                kept.append(torch.stack([linearity(y, part) for part in features(w, x, act)], 1))

            if outs > 1:
                train(
                    weights,
                    loss,
                    lambda p: torch.optim.SGD(p, lr=settings["rate"], momentum=0.9),
                    steps=settings["steps"],
                    look=look,
                    at=looks(settings),
                )
            else:
                train(
                    weights,
                    loss,
                    lambda p: torch.optim.Adam(p, lr=settings["adam"]),
                    steps=settings["steps"],
                    look=look,
                    at=looks(settings),
                )
            found[f"{name}{suffix}"] = rows(torch.stack(kept, 1))
    return found


def gram_error(weight: Tensor, wanted: Tensor) -> Tensor:
    """‖WᵀW − VᵀV‖_F/‖VᵀV‖_F, (R,)."""
    gram, goal = weight.mT @ weight, wanted.mT @ wanted
    return (gram - goal).norm(dim=(1, 2)) / goal.norm(dim=(1, 2))


RULES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "plain": lambda _, after: after,
    "Gram only": lambda before, after: polar(before @ after.mT) @ after,
    "Newton-Schulz": lambda before, after: newton_schulz(before @ after.mT) @ after,
    "rotation only": lambda before, after: polar(after @ before.mT) @ before,
}
"""What becomes of a hidden weight matrix before and after an optimiser's step: with the Gram matrix
of the step and the frame from before; the same with ten Newton–Schulz steps in place of the polar
factor; or the other way round, the Gram matrix from before."""


def gram_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Test accuracy on digits where the optimiser's steps on the hidden layers keep their Gram
    matrix alone.

    Two hidden layers, cross-entropy, full batch, SGD without momentum and with 0.85; the readout is
    trained as it is.

    Returns:
        "accuracy, RULE, OPTIMISER", (R, K), for the `RULES`, and "accuracy, Gram only, OPTIMISER,
        labels shuffled"; "Gram error, RULE, OPTIMISER", (R,): the largest one of a step, of the
        rules that keep the step's Gram matrix.
    """
    (x, labels), (test, test_labels) = digit_split(seeds, settings["samples"], settings["tests"])
    width, found = settings["width"], {}
    optimisers = {"plain SGD": (settings["rate"] / 0.15, 0.0), "momentum": (settings["rate"], 0.85)}
    for optimiser, (rate, momentum) in optimisers.items():
        for rule, project in RULES.items():
            for suffix in ("", ", labels shuffled") if rule == "Gram only" else ("",):
                seen = shuffled(labels, seeds) if suffix else labels
                weights = layers(seeds, (64, width, width, CLASSES), gain=2.0)
                kept: list[Tensor] = []
                worst = torch.zeros(len(seeds))
                before = [weight.clone() for weight in weights[:-1]]

                def after(
                    _: int, w: list[Tensor] = weights, b: list[Tensor] = before, p: Callable[[Tensor, Tensor], Tensor] = project, e: Tensor = worst  # noqa: E501
                ) -> None:  # fmt: skip
                    for weight, old in zip(w, b, strict=False):
                        new = p(old, weight.detach())
                        e.copy_(torch.maximum(e, gram_error(new, weight.detach())))
                        weight.copy_(new)
                        old.copy_(new)

                train(
                    weights,
                    lambda _, w=weights, y=seen: cross_entropy(outputs(w, x), y),  # type: ignore[misc]
                    lambda p, lr=rate, m=momentum: torch.optim.SGD(p, lr=lr, momentum=m),  # type: ignore[misc]
                    steps=settings["steps"],
                    look=lambda _, w=weights, k=kept: k.append(
                        accuracy(outputs(w, test), test_labels)
                    ),  # type: ignore[misc]
                    at=looks(settings),
                    after=None if rule == "plain" else after,
                )
                found[f"accuracy, {rule}, {optimiser}{suffix}"] = rows(torch.stack(kept, 1))
                if rule in ("Gram only", "Newton-Schulz") and not suffix:
                    found[f"Gram error, {rule}, {optimiser}"] = rows(worst)
    return found


def staircase_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Losses and movement of networks of several widths on the staircase target, by the protocol of
    the released notebook.

    Ten Gaussian inputs, two hidden ReLU layers, weights N(0, 1/fan-in), output over √width, mean
    square error, full-batch SGD at one rate.

    Returns:
        "LOSS loss", (R, W) over the ``widths``, LOSS "training" and "test", and "movement": ‖W −
        W(0)‖/‖W(0)‖ of the second layer; all with ", labels shuffled" too, (R, 1), of the
        narrowest.
    """
    count = settings["samples"]
    drawn = normal(seeds, 2 * count, 10, stream="inputs")
    inputs, test = drawn[:, :count], drawn[:, count:]
    found: dict[str, list[Tensor]] = {}
    for suffix, targets in (
        ("", staircase(inputs)),
        (", labels shuffled", shuffled(staircase(inputs), seeds)),
    ):
        for width in settings["widths"][:1] if suffix else settings["widths"]:
            weights = layers(seeds, (10, width, width, 1), stream=f"width {width}")
            start = weights[1].clone()

            def loss(
                _: int, w: list[Tensor] = weights, y: Tensor = targets, scale: float = width**-0.5
            ) -> Tensor:
                return mean_square(scale * outputs(w, inputs), y)

            train(
                weights,
                loss,
                lambda p: torch.optim.SGD(p, lr=settings["rate"]),
                steps=settings["steps"],
            )
            found.setdefault(f"training loss{suffix}", []).append(loss(0))
            found.setdefault(f"test loss{suffix}", []).append(
                mean_square(width**-0.5 * outputs(weights, test), staircase(test))
            )
            moved = (weights[1] - start).norm(dim=(1, 2)) / start.norm(dim=(1, 2))
            found.setdefault(f"movement{suffix}", []).append(moved)
    return {name: rows(torch.stack(parts, 1)) for name, parts in found.items()}


def within_to_between(seen: Tensor, labels: Tensor) -> Tensor:
    """Variation within the classes over that between their means, of features (R, N, d) and one-hot
    labels (R, N, C): zero at collapse, (R,).
    """
    members = labels.to(seen.dtype)
    sizes = members.sum(1)[..., None].clamp(min=1)
    means = members.mT @ seen / sizes
    within = (seen - members @ means).square().sum((1, 2))
    between = (members @ means - seen.mean(1, keepdim=True)).square().sum((1, 2))
    return within / between


def collapse_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Collapse of the classes and target linearity of the last hidden layer on the training set of
    the ``data`` (digits where the settings name none), long after it is fitted.

    Returns:
        "within to between" and "linearity", (R, K), also with ", labels shuffled": trained on
        shuffled labels, measured against the true ones.
    """
    data = settings.get("data", "digits")
    classes = CLASSES_OF[data]
    (x, labels), _ = split(data, seeds, settings["samples"], 0)
    width, found = settings["width"], {}
    for suffix, seen in (("", labels), (", labels shuffled", shuffled(labels, seeds))):
        weights = layers(seeds, (x.shape[2], width, width, classes), gain=2.0)
        ratios: list[Tensor] = []
        linear: list[Tensor] = []

        def look(
            _: int, w: list[Tensor] = weights, a: list[Tensor] = ratios, b: list[Tensor] = linear
        ) -> None:
            last = features(w, x)[-1]
            members = onehot(labels, classes)
            a.append(within_to_between(last, members))
            b.append(linearity(members, last))

        train(
            weights,
            lambda _, w=weights, y=seen: cross_entropy(outputs(w, x), y),  # type: ignore[misc]
            lambda p: torch.optim.SGD(
                p, lr=settings["rate"], momentum=0.9, weight_decay=settings["decay"]
            ),
            steps=settings["steps"],
            look=look,
            at=looks(settings),
        )
        found[f"within to between{suffix}"] = rows(torch.stack(ratios, 1))
        found[f"linearity{suffix}"] = rows(torch.stack(linear, 1))
    return found
