"""Pictures of the task-driven kernel flow (arXiv:2601.00276): a function each, which returns the
figure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from theorems.impl.networks.data import digits
from theorems.pictures import kernel_flow_runs as exhibits
from theorems.pictures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _mark(
    axis: Axes, index: float, text: str, *, height: float = 0.97, top: float = 1.0, color: str = RED
) -> None:
    """A vertical line between ranks ``index`` and ``index`` + 1, up to a share ``top`` of the
    height, with its name.
    """
    axis.axvline(
        index + 0.5, ymax=top, color=color, linewidth=1.3, linestyle=(0, (4, 3)), zorder=1.5
    )
    place: Any = {
        "xytext": (5, 0),
        "textcoords": "offset points",
        "xycoords": ("data", "axes fraction"),
    }
    axis.annotate(text, (index + 0.5, height), color=color, va="top", **place)


@styled("24 samples, 24 features, 5 modes of the labels, λ = μ = 0.5")
def water_filling(seed: int) -> Figure:
    """Eigenvalue paths of the kernel ODE filling to the water level, and the level as a picture of
    the labels' spectrum.
    """
    values, ridge, decay = (3.0, 2.2, 1.5, 0.95, 0.35), 0.5, 0.5
    run = exhibits.kernel_paths(
        values, samples=24, ridge=ridge, decay=decay, until=24.0, size=0.12, seed=seed
    )
    figure, (left, right) = canvas(2, (10.4, 4.3), width_ratios=[1.9, 1])
    active = int((run.levels > 0).sum())
    colours = [BLUE, GREEN, ORANGE, PURPLE]
    left.plot(run.times[1:], run.eigenvalues[1:, active:], color=GREY, linewidth=0.9, alpha=0.55)
    for i in reversed(range(active)):
        left.plot(run.times[1:], run.eigenvalues[1:, i], color=colours[i])
        left.axhline(
            run.levels[i], color=colours[i], linestyle=(0, (2, 3)), linewidth=1.1, zorder=1.4
        )
        left.annotate(
            f"$k_{i + 1}={run.levels[i]:.2f}$",
            (1.01, run.levels[i]),
            xycoords=("axes fraction", "data"),
            color=colours[i],
            va="center",
        )
    left.annotate(
        "all others drain away",
        (0.985, 0.055),
        xycoords="axes fraction",
        color="#5d626b",
        ha="right",
    )
    left.set(
        xscale="log",
        xlabel="time $t$",
        ylabel="eigenvalues of $K(t)$",
        title="The kernel ODE fills to the water level",
    )
    left.set_xlim(run.times[1], run.times[-1])
    left.set_ylim(bottom=-0.04)

    place, heights = np.arange(1, len(values) + 1), run.label_values * (ridge / decay) ** 0.5
    shades = [*colours, GREY]
    right.bar(place, np.minimum(heights, ridge), color="#d9dde3", width=0.62)
    right.bar(place, np.maximum(heights - ridge, 0), bottom=ridge, color=shades, width=0.62)
    right.axhline(ridge, color=RED, linewidth=1.3, linestyle=(0, (4, 3)))
    right.text(5.45, ridge + 0.05, r"level $\lambda$", color=RED, ha="right", va="bottom")
    for i in range(active):
        right.text(
            place[i], heights[i] + 0.04, f"$k_{i + 1}$", color=colours[i], ha="center", va="bottom"
        )
    right.text(5.45, 2.74, r"$k_i=(s_i\sqrt{\lambda/\mu}-\lambda)_+$", ha="right", va="center")
    right.set(
        xlabel="mode of the labels",
        ylabel=r"$s_i\,\sqrt{\lambda/\mu}$",
        title="Kept: above the level",
    )
    right.set_xticks(place)
    right.set_ylim(top=1.09 * float(heights.max()))
    right.grid(visible=False, axis="x")
    return figure


@styled("120 digits, widths 64, 24, 24, 10, weight decay λ = 0.01, rate 0.2")
def trained_spectrum(seed: int) -> Figure:
    """Singular values of a linear layer trained on digits under weight decay, with the number of
    classes and the bound marked.
    """
    run = exhibits.trained_spectra(
        (0, 300, 1_000, 3_000), decay=1e-2, rate=0.2, width=24, samples=120, seed=seed
    )
    figure, (axis,) = canvas(1, (7.6, 4.6))
    shades = ["#b9c7da", "#7fa3cc", "#3d7fbd", "#083b66"]
    rank = np.arange(1, len(run.values[0]) + 1)
    for step, values, bound, shade in zip(run.steps, run.values, run.bounds, shades, strict=True):
        label = "at the start" if step == 0 else f"after {step:,} steps"
        axis.plot(rank, values, "o-", color=shade, markersize=4.4, linewidth=1.3, label=label)
        if step > 0:
            last = step == run.steps[-1]
            note = r"bound on its $\sigma_{C+1}$: $\|\nabla_W J\|/\lambda$" if last else None
            axis.plot(
                run.classes + 1,
                bound,
                "D",
                color=shade,
                markeredgecolor=ORANGE,
                markeredgewidth=1.6,
                label=note,
            )
    _mark(axis, run.classes, f"$C={run.classes}$ classes", height=0.09)
    axis.set(yscale="log", xlabel="$k$", ylabel=r"singular values $\sigma_k(W)$")
    axis.set_title("Weight decay leaves as many directions as classes")
    axis.set_xlim(0.4, rank[-1] + 0.6)
    axis.legend(
        loc="lower left", title=f"digits, accuracy {run.accuracy:.0%} in the end", alignment="left"
    )
    return figure


@styled("40 samples, 30 features, 4 classes, 12 batches of each size b")
def minibatch_noise(seed: int) -> Figure:
    """Singular values of minibatch noise in the kernel with 2C marked, beside those of single
    batches and of the average.
    """
    classes, samples = 4, 40
    run = exhibits.noise_spectra(
        (1, 2, 3, 8), samples=samples, width=30, classes=classes, draws=12, seed=seed
    )
    figure, (left, right) = canvas(2, (10.4, 4.3), sharey=True)
    colours = dict(zip(run.centred, [ORANGE, GREEN, PURPLE, BLUE], strict=True))
    marks = dict(zip(run.centred, "os^D", strict=True))
    rank = np.arange(1, samples + 1)
    floor = 1e-17 * float(run.averaged[0])
    for axis, spectra in ((left, run.centred), (right, run.plain)):
        for batch, values in spectra.items():
            clipped = np.maximum(values, floor)
            axis.plot(rank, clipped.T, color=colours[batch], linewidth=0.8, alpha=0.35)
            look: Any = {
                "marker": marks[batch],
                "markersize": 4,
                "markevery": 4,
                "label": f"$b={batch}$",
            }
            axis.plot(rank, np.exp(np.log(clipped).mean(0)), color=colours[batch], **look)
    left.plot(
        rank, np.maximum(run.averaged, floor), color="#2b2e34", linestyle=(0, (5, 2)), linewidth=1.6
    )
    left.text(
        rank[-1],
        run.averaged[len(rank) // 2] * 6,
        r"$(\mathbb{E}\,\xi^2)^{1/2}$: the average is not low-rank",
        ha="right",
        va="bottom",
    )
    _mark(left, 2 * classes, f"$2C={2 * classes}$")
    for batch in (1, 2, 3):
        right.axvline(2 * batch + 0.5, color=colours[batch], linewidth=1.0, linestyle=(0, (2, 3)))
    _mark(right, 2 * classes, f"$2C={2 * classes}$")
    left.set(
        yscale="log",
        xlabel="$k$",
        ylabel=r"singular values $\sigma_k(\xi)$",
        title=r"Noise: every realisation has rank $\leq 2C$",
    )
    right.set(xlabel="$k$", title=r"One batch alone: rank $\leq 2\min(b, C)$")
    left.set_xlim(0.4, samples + 0.6)
    right.set_xlim(0.4, samples + 0.6)
    right.legend(
        loc="upper right", bbox_to_anchor=(1.0, 0.86), title="batch size", alignment="left"
    )
    left.annotate("rounding", (0.97, 0.13), xycoords="axes fraction", color="#5d626b", ha="right")
    return figure


@styled(
    "80 digits; supervised: λ = 0.5, μ = 0.25; graph of 6 neighbours: μ = 0.1, β = 0.5, ε = 0.4"
)
def supervised_or_not(seed: int) -> Figure:
    """The spectrum that labels leave, of rank at most C, against the one that a graph Laplacian
    leaves, on the same digits.
    """
    samples, classes = 80, 10
    _, labels = digits(samples)
    targets = torch.nn.functional.one_hot(labels, classes).double()
    taught, law = exhibits.supervised_spectrum(targets, ridge=0.5, decay=0.25, seed=seed)
    graph = exhibits.neighbour_laplacian(samples, 6)
    alone, filter_law = exhibits.self_supervised_spectrum(
        graph, decay=0.1, pull=0.5, floor=0.4, seed=seed
    )
    figure, (axis,) = canvas(1, (7.6, 4.6))
    rank = np.arange(1, samples + 1)
    floor = 1e-4  # what is below has decayed: it is drawn on the lower edge
    axis.plot(
        rank,
        np.maximum(alone, floor),
        "o",
        color=GREEN,
        markersize=4,
        label="self-supervised flow, graph Laplacian",
    )
    axis.plot(
        rank,
        np.maximum(filter_law, floor),
        color=GREEN,
        linewidth=1.3,
        label=r"$(\beta/(\ell_i+\mu)-\varepsilon)_+$",
    )
    axis.plot(
        rank,
        np.maximum(taught, floor),
        "s",
        color=BLUE,
        markersize=4,
        label="supervised flow, one-hot labels",
    )
    axis.plot(
        rank,
        np.maximum(law, floor),
        color=BLUE,
        linewidth=1.3,
        label=r"$(s_i\sqrt{\lambda/\mu}-\lambda)_+$",
    )
    _mark(axis, classes, f"$C={classes}$")
    full = int((filter_law > 0).sum())
    _mark(axis, full, f"rank {full}, set by the graph", height=0.52, top=0.66, color="#00795a")
    axis.set(
        xlabel="$k$",
        ylabel="eigenvalues of the kernel at rest",
        title="Labels compress; a similarity graph does not",
    )
    axis.set_xlim(0, samples + 1)
    axis.set(yscale="log", ylim=(0.7 * floor, 14))
    axis.annotate(
        "below $10^{-4}$: drawn on the edge",
        (0.985, 0.06),
        xycoords="axes fraction",
        color="#5d626b",
        ha="right",
    )
    axis.legend(loc="upper right")
    return figure


PICTURES: dict[str, Callable[[int], Figure]] = {
    "water-filling": water_filling,
    "trained-spectrum": trained_spectrum,
    "minibatch-noise": minibatch_noise,
    "supervised-or-not": supervised_or_not,
}
"""Every picture by the name that the command line knows it by."""
