"""Pictures of the weight Gram matrix and feature learning (arXiv:2605.06258): a function each,
which returns the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from theorems.feature_learning import (
    gram_follows_virtual_covariance,
    neural_collapse_implies_target_linearity,
    simplex_target_linearity,
    stationary_gram_is_feature_correlation,
    virtual_step_raises_target_linearity,
)
from theorems.impl.feature_learning.features import FeatureSet, centred, feature_set
from theorems.impl.networks.layers import LayerTrace
from theorems.impl.numbers.linalg import least_squares, squared_norm
from theorems.pictures.feature_learning_runs import (
    decayed_layer,
    linearity_run,
    simplex,
    skip_traces,
    spread_simplex,
)
from theorems.pictures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, below, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from theorems.claim import Claim

_DASHED: Any = (0, (4, 3))


def _number(value: Any) -> float:
    return float(value)


# -- target linearity ------------------------------------------------------------------------------


def gains(
    claim: Claim, features: FeatureSet, rates: Sequence[float], head: Tensor
) -> dict[str, np.ndarray]:
    """Both sides of the claim about a virtual step, over ‖Y‖_F² and the rate η·λ_max(AAᵀ) of its
    head A, (d, C).
    """
    size: Any = squared_norm(centred(features.targets))
    largest = torch.linalg.matrix_norm(head, 2) ** 2
    found: dict[str, list[float]] = {"observed": [], "promised": []}
    for rate in rates:
        stepped = replace(features, relative_rate=rate * squared_norm(head) / largest)
        sides: dict[str, Any] = {
            "observed": claim.observe(stepped),
            "promised": claim.predict(stepped),
        }
        for name, side in sides.items():
            found[name].append(float(side["raised by"] / size) / rate)
    return {name: np.array(values) for name, values in found.items()}


def _through_the_layers(axis: Axes, values: dict[int, list[float]]) -> None:
    place = np.arange(len(next(iter(values.values()))))
    for (step, path), shade in zip(
        values.items(), ("#b9c7da", "#7fa3cc", "#3d7fbd", "#083b66"), strict=True
    ):
        # the linear map from an even place to an odd one, the ReLU from there to the next
        for i in place[:-1]:
            axis.plot(
                place[i : i + 2],
                path[i : i + 2],
                color=shade,
                linestyle=_DASHED if i % 2 == 0 else "-",
            )
        label = "at the start" if step == 0 else f"{step} steps"
        axis.plot(place, path, "o", color=shade, markersize=5, label=label)
    axis.plot([], [], color=GREY, linestyle=_DASHED, label="linear map")
    axis.plot([], [], color=GREY, label="ReLU")
    axis.set_xticks(place, ["$x$", *(f"${'hz'[i % 2]}^{(i + 1) // 2}$" for i in place[1:])])
    axis.set(xlabel="features, from the pixels up", ylabel=r"target linearity $\mathrm{TL}(Y, H)$")
    axis.set_title("Linear maps never raise it; trained ReLUs can")
    below(axis, columns=3)


@styled("400 digits, widths 64, 40, 32, 24, 10")
def linearity(seed: int) -> Figure:
    """Target linearity through the layers of a network in training on digits, and what a virtual
    step gains: least-squares heads keep their promise, others none.
    """
    run = linearity_run((0, 30, 100, 400), seed=seed)
    figure, (left, right) = canvas(2, (10.4, 4.8))
    _through_the_layers(left, run.values)

    alive, odd = (run.features > 0).sum(0).argsort(descending=True)[:10], run.labels % 2
    features = feature_set(run.features[:, alive], odd, seed=seed)
    rates = np.geomspace(0.01, 2.9, 20).tolist()
    claim = virtual_step_raises_target_linearity
    for i in range(12):
        drawn: Any = feature_set(run.features[:, alive], odd, seed=seed + i + 1)
        # the head it takes
        path = gains(claim.mutants["with any head"], drawn, rates, drawn.head * len(odd) + 1)
        label = "12 random heads" if i == 0 else None
        right.plot(rates, path["observed"], color=RED, linewidth=0.9, alpha=0.7, label=label)
    best: Any = least_squares(features.features, centred(features.targets))
    law = gains(claim, features, rates, best)
    right.plot(rates, law["observed"], "o", color=BLUE, markersize=4, label="least-squares head")
    right.plot(rates, law["promised"], color=BLUE, label="promised at least")
    right.axhline(0, color="#2b2e34", linewidth=0.9)
    right.axvline(2, color=GREY, linewidth=1.1, linestyle=(0, (2, 3)))
    right.annotate(
        r"$\eta=2/\lambda_{\max}$",
        (2, 0.98),
        xycoords=("data", "axes fraction"),
        xytext=(-5, 0),
        va="top",
        textcoords="offset points",
        color="#5d626b",
        ha="right",
    )
    right.set(xscale="log", xlabel=r"rate of the virtual step, $\eta\,\lambda_{\max}(AA^\top)$")
    right.set(
        ylabel="gain of target linearity, over the rate",
        title="A virtual step raises it if the head is fitted",
    )
    below(right, columns=2)
    return figure


# -- Gram matrix and virtual covariance ------------------------------------------------------------


def remainders(layer: LayerTrace, rates: Sequence[float]) -> dict[str, np.ndarray]:
    """‖ΔG − ΔV‖_F over ‖ΔG‖_F of one step at each rate, observed and predicted."""
    weight, slope = layer.weight, layer.weight_grad
    claim = gram_follows_virtual_covariance
    found: dict[str, list[float]] = {"observed": [], "predicted": []}
    for rate in rates:
        stepped: Any = weight - rate * slope
        moved = (stepped.mT @ stepped - weight.mT @ weight).norm()
        taken = replace(layer, rate=torch.tensor(rate, dtype=torch.float64))
        sides: dict[str, Any] = {
            "observed": claim.observe(taken),
            "predicted": claim.predict(taken),
        }
        for name, side in sides.items():
            found[name].append(float(side.norm() / moved))
    return {name: np.array(values) for name, values in found.items()}


def gram_and_correlation(layer: LayerTrace) -> tuple[np.ndarray, np.ndarray]:
    """Entries of WᵀW and of −(1/λ)(∇_H)ᵀH, whose difference, times λ, is what the claim about rest
    observes.
    """
    weight: Any = layer.weight
    observed: Any = stationary_gram_is_feature_correlation.observe(layer)
    gram = weight.mT @ weight
    return gram.numpy().ravel(), (gram - observed / layer.decay).numpy().ravel()


@styled("100 digits, widths 64, 16, 16, 10 with a skip; 64, 16, 12, 10")
def virtual_covariance(seed: int) -> Figure:
    """A step moves the Gram matrix as it moves the virtual covariance, up to a predicted remainder
    of order η; at rest under weight decay it is the features' correlation with their descent.
    """
    figure, (left, right) = canvas(2, (10.4, 4.8))
    own, total = skip_traces(seed=seed)
    rates = np.geomspace(1e-4, 1e1, 16).tolist()
    left.plot(
        rates,
        remainders(own, rates)["observed"],
        "o",
        color=BLUE,
        markersize=5,
        label=r"$\nabla_H$ through the layer",
    )
    formula = r"predicted, $\eta^2(\nabla_W^\top\nabla_W-\nabla_H^\top\nabla_H)$"
    left.plot(rates, remainders(own, rates)["predicted"], color=BLUE, label=formula)
    left.plot(
        rates,
        remainders(total, rates)["observed"],
        "x",
        color=RED,
        markersize=6,
        label=r"total $\nabla_H$, skip included",
    )
    left.set(xscale="log", yscale="log", xlabel=r"learning rate $\eta$")
    left.set(
        ylabel=r"$\|\Delta G-\Delta V\|_F\,/\,\|\Delta G\|_F$",
        title="One step: Gram follows virtual features",
    )
    below(left, columns=1)

    decay, grams = 5e-3, []
    for trained, steps, colour, mark, name in (
        (0.0, 600, ORANGE, "s", r"trained without, the same $\lambda$ assumed"),
        (decay, 1500, BLUE, "o", r"trained under decay $\lambda$, near rest"),
    ):
        layer = decayed_layer(trained, steps, assumed=decay, seed=seed)
        gram, correlation = gram_and_correlation(layer)
        right.plot(correlation, gram, mark, color=colour, markersize=3.6, alpha=0.75, label=name)
        grams.append(gram)
    ends = np.array([min(g.min() for g in grams), max(g.max() for g in grams)])
    right.plot(
        ends, ends, color="#2b2e34", linewidth=1, linestyle=_DASHED, label="equal", zorder=1.5
    )
    right.set(xlabel=r"entries of $-(\nabla_H L)^\top H/\lambda$", ylabel=r"entries of $W^\top W$")
    right.set_title("At rest under decay: equal, entry by entry")
    below(right, columns=1)
    return figure


# -- neural collapse -------------------------------------------------------------------------------


@styled("30 (lines) or 12 (dots) samples in each of the other classes; right: 12")
def collapse(seed: int) -> Figure:
    """Target linearity of the labels at neural collapse on a simplex: complete for equal classes
    alone, else as in closed form; and how collapsing classes get there.
    """
    figure, (left, right) = canvas(2, (10.4, 4.7))
    claim, complete = (
        simplex_target_linearity,
        simplex_target_linearity.mutants["complete whatever the sizes"],
    )
    few, many = (2, 4, 8, 12, 18, 36, 72), np.unique(np.geomspace(5, 180, 40).round().astype(int))
    for k, colour, mark in ((2, PURPLE, "o"), (3, GREEN, "s"), (5, BLUE, "^"), (10, ORANGE, "D")):
        law = [_number(claim.predict(simplex((int(n), *[30] * (k - 1))))) for n in many]
        left.plot(many / 30, law, color=colour, linewidth=1.4)
        seen = [_number(claim.observe(simplex((n, *[12] * (k - 1))))) for n in few]
        left.plot(
            np.array(few) / 12, seen, mark, color=colour, markersize=5, label=f"$K={k}$ classes"
        )
    wrong = [_number(complete.predict(simplex((n, 12)))) for n in few]
    left.plot(
        np.array(few) / 12,
        wrong,
        color=RED,
        linewidth=1.2,
        linestyle=_DASHED,
        label="if sizes did not matter",
    )
    left.set(
        xscale="log",
        xlabel="size of one class over that of the others",
        ylabel=r"target linearity $\mathrm{TL}(E, H)$",
    )
    left.set_xticks((1 / 6, 1 / 3, 1, 3, 6), ["1/6", "1/3", "1", "3", "6"])
    left.set_xticks([], minor=True)
    left.set_title("Collapsed on a simplex: complete if balanced")
    below(left, columns=2)

    spreads = np.geomspace(1e-5, 1, 16)
    for sizes, colour, mark, name, line in (
        ((12,) * 5, BLUE, "o", "5 equal classes", "falls as the square"),
        ((48, 12, 12, 12, 12), ORANGE, "s", "one 4 times as large", "ends at the closed form"),
    ):
        gaps = np.array(
            [1 - _number(claim.observe(spread_simplex(sizes, e, seed=seed))) for e in spreads]
        )
        right.plot(spreads, gaps, mark, color=colour, markersize=5, label=name)
        limit = 1 - _number(claim.predict(simplex(sizes)))
        path = np.full(16, limit) if limit else gaps[0] * (spreads / spreads[0]) ** 2
        right.plot(spreads[:13], path[:13], color=colour, linewidth=1.3, label=line)
    loose = spread_simplex((12,) * 5, 1.0, seed=seed)
    wide: Any = replace(
        loose,
        features=torch.cat([torch.as_tensor(part) for part in (loose.features, loose.labels)], 1),
    )
    gap = abs(1 - _number(neural_collapse_implies_target_linearity.observe(wide)))
    right.plot(
        1,
        max(gap, 1e-16),
        "D",
        color=RED,
        markersize=6,
        clip_on=False,
        label="complete, yet no collapse: $(H, E)$",
    )
    right.set(
        xscale="log",
        yscale="log",
        xlabel="spread within classes over the means' length",
        ylabel=r"$1-\mathrm{TL}(E, H)$",
    )
    right.set_title("Collapsing: only equal classes get to one")
    below(right, columns=2)
    return figure


PICTURES: dict[str, Callable[[int], Figure]] = {
    "target-linearity": linearity,
    "virtual-covariance": virtual_covariance,
    "collapse": collapse,
}
"""Every picture by the name that the command line knows it by."""
