"""Trainings on digits under weight decay, and a self-supervised one: how many directions the kernel
of the features has, and which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from theorems.impl.experiments.data import CLASSES_OF, digit_split, onehot, shuffled, split
from theorems.impl.experiments.replicas import accuracy, layers, normal, source, train
from theorems.impl.experiments.runs import Array, Settings, rows

Features = Callable[[Sequence[Tensor], Tensor], Tensor]
Look = Callable[[list[Tensor]], None]
"""Called with the weights along a training."""


def _finite(features: Tensor) -> tuple[Tensor, Tensor]:
    """Features with zeros for what diverged, and a factor (R,) that is one, or NaN where something
    did.
    """
    fine = features.isfinite().all(2).all(1)
    return features.double().nan_to_num(0.0, 0.0, 0.0), torch.where(fine, 1.0, torch.nan).double()


def directions(features: Tensor, share: float) -> Tensor:
    """How many eigenvalues of the kernel ΦΦᵀ are larger than ``share`` of the largest one, (R,);
    NaN where a training diverged.
    """
    clean, factor = _finite(features)
    values = torch.linalg.svdvals(clean).square()
    return (values > share * values[:, :1]).sum(1) * factor


def alignment(features: Tensor, targets: Tensor, count: int) -> Tensor:
    """The share of the centred targets in the span of the kernel's ``count`` leading eigenvectors,
    (R,); NaN where a training diverged.
    """
    clean, factor = _finite(features)
    leading = torch.linalg.svd(clean, full_matrices=False)[0][..., :count]
    centred = targets.double() - targets.double().mean(1, keepdim=True)
    return (leading.mT @ centred).square().sum((1, 2)) / centred.square().sum((1, 2)) * factor


def _free(weights: Sequence[Tensor], _: Tensor) -> Tensor:
    return weights[0]


def _linear(weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
    return torch.bmm(torch.bmm(inputs, weights[0].mT), weights[1].mT)


def penultimate(weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """What a hidden ReLU layer and a linear one after it make of the inputs."""
    return torch.bmm(torch.relu(torch.bmm(inputs, weights[0].mT)), weights[1].mT)


def _plain(weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
    return torch.relu(penultimate(weights, inputs))


ARMS: dict[str, Features] = {
    "free features": _free,
    "deep linear": _linear,
    "linear penultimate": penultimate,
    "plain ReLU": _plain,
}
"""What the readout reads, by arm."""


def start(
    arm: str, seeds: Sequence[int], settings: Settings, inputs: int, classes: int
) -> list[Tensor]:
    """The weights of an arm before any training; of free features the features come first."""
    width = settings["width"]
    if arm == "free features":
        return [
            normal(seeds, settings["samples"], width, stream="features") / width**0.5,
            *layers(seeds, (width, classes)),
        ]
    gain = 1.0 if arm == "deep linear" else 2.0
    return layers(seeds, (inputs, width, width, classes), gain=gain)


def supervised(
    arm: str, seeds: Sequence[int], settings: Settings, inputs: Tensor, targets: Tensor, *, decay: float, look: Look  # noqa: E501
) -> list[Tensor]:  # fmt: skip
    """Full-batch training on ½ mean square error with decay λ/2 ‖·‖² on every parameter.

    Args:
        arm: of `ARMS`.
        seeds: of the weights.
        settings: ``samples``, ``width``, ``rate``, ``steps``, ``looks``.
        inputs: (R, N, d).
        targets: (R, N, C).
        decay: λ.
        look: called with the weights along the way.
    """
    features = ARMS[arm]
    weights = start(arm, seeds, settings, inputs.shape[2], targets.shape[2])
    # a free feature is one sample's alone: its gradient has the factor 1/N, and so must its decay
    # for the same balance
    scale = settings["samples"] if arm == "free features" else 1
    groups = lambda parameters: torch.optim.SGD(  # noqa: E731
        [
            {
                "params": [w],
                "lr": settings["rate"] * (scale if at == 0 else 1),
                "weight_decay": decay / (scale if at == 0 else 1),
            }
            for at, w in enumerate(parameters)
        ],
        momentum=0.9,
    )
    steps, looks = settings["steps"], settings["looks"]
    train(
        weights,
        lambda _: (
            (torch.bmm(features(weights, inputs), weights[-1].mT) - targets).square().sum((1, 2))
            / (2 * settings["samples"])
        ),
        groups,
        steps=steps,
        look=lambda _: look(weights),
        at=[round(steps * k / looks) for k in range(looks + 1)],
    )
    return weights


def rank_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Rank of the kernel and alignment of its leading eigenvectors with the labels, along
    supervised training on the ``data`` (digits where the settings name none).

    Returns:
        "directions, ARM", (R, K), also with ", no decay"; "alignment, ARM", (R, K), also with ",
        labels shuffled"; "accuracy, ARM", (R,), on the test.
    """
    data = settings.get("data", "digits")
    classes = CLASSES_OF[data]
    (inputs, labels), (test, test_labels) = split(
        data, seeds, settings["samples"], settings["tests"]
    )
    targets, found = onehot(labels, classes), {}
    variants = {
        "": (labels, settings["decay"]),
        ", no decay": (labels, 0.0),
        ", labels shuffled": (shuffled(labels, seeds), settings["decay"]),
    }
    for arm, features_of in ARMS.items():
        for suffix, (seen, decay) in variants.items():
            if arm == "free features" and suffix == ", labels shuffled":
                continue  # it has no inputs: shuffled labels are as good as others
            ranks: list[Tensor] = []
            aligned: list[Tensor] = []

            def look(
                weights: list[Tensor], of: Features = features_of, ranks: list[Tensor] = ranks, aligned: list[Tensor] = aligned  # noqa: E501
            ) -> None:  # fmt: skip
                features = of(weights, inputs)
                ranks.append(directions(features, settings["share"]))
                aligned.append(alignment(features, targets, classes))

            weights = supervised(
                arm, seeds, settings, inputs, onehot(seen, classes), decay=decay, look=look
            )
            found[f"directions, {arm}{suffix}"] = rows(torch.stack(ranks, 1))
            found[f"alignment, {arm}{suffix}"] = rows(torch.stack(aligned, 1))
            if arm != "free features":
                answer = torch.bmm(features_of(weights, test), weights[-1].mT)
                found[f"accuracy, {arm}{suffix}"] = rows(accuracy(answer, test_labels))
    return found


def views(inputs: Tensor, sources: Sequence[torch.Generator], noise: float) -> Tensor:
    """Inputs with a fifth of their pixels left out and Gaussian noise on all of them, drawn from
    the source of each seed.
    """
    kept = torch.stack([torch.rand(inputs.shape[1:], generator=s) for s in sources]) > 0.2
    added = torch.stack([torch.randn(inputs.shape[1:], generator=s) for s in sources])
    return inputs * kept + noise * added


def redundancy_loss(one: Tensor, other: Tensor, weight: float) -> Tensor:
    """Barlow Twins' loss of two views' features (R, N, P): the cross-correlation should be the
    identity, (R,).
    """
    first, second = (
        (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + 1e-4) for z in (one, other)
    )
    cross = first.mT @ second / one.shape[1]
    diagonal = cross.diagonal(dim1=1, dim2=2)
    off = cross.square().sum((1, 2)) - diagonal.square().sum(1)
    return (1 - diagonal).square().sum(1) + weight * off


def contrast_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """One encoder, 64 → width ReLU → width, trained on labels with decay, and without labels on two
    views.

    Returns:
        "directions, ARM" of the centred features, (R, K), for "supervised", "self-supervised" and
        "no redundancy term".
    """
    (inputs, labels), _ = digit_split(seeds, settings["samples"], 0)
    steps, looks, found = settings["steps"], settings["looks"], {}
    at = [round(steps * k / looks) for k in range(looks + 1)]

    def counted(features: Tensor) -> Tensor:
        return directions(features - features.mean(1, keepdim=True), settings["share"])

    ranks: list[Tensor] = []
    supervised(
        "linear penultimate",
        seeds,
        settings,
        inputs,
        onehot(labels),
        decay=settings["decay"],
        look=lambda weights: ranks.append(counted(penultimate(weights, inputs))),
    )
    found["directions, supervised"] = rows(torch.stack(ranks, 1))
    for arm, weight in (("self-supervised", settings["redundancy"]), ("no redundancy term", 0.0)):
        weights = layers(seeds, (64, settings["width"], settings["width"]), gain=2.0)
        sources = [source(seed, "views") for seed in seeds]
        seen: list[Tensor] = []

        def loss(
            _: int,
            weights: list[Tensor] = weights,
            weight: float = weight,
            sources: list[torch.Generator] = sources,
        ) -> Tensor:
            one, other = (
                penultimate(weights, views(inputs, sources, settings["noise"])) for _ in range(2)
            )
            return redundancy_loss(one, other, weight)

        train(
            weights,
            loss,
            lambda parameters: torch.optim.Adam(parameters, lr=settings["adam"]),
            steps=steps,
            look=lambda _, w=weights, s=seen: s.append(counted(penultimate(w, inputs))),  # type: ignore[misc]
            at=at,
        )
        found[f"directions, {arm}"] = rows(torch.stack(seen, 1))
    return found
