"""The picture of a watched training: a panel per quantity, a line per layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorems.pictures.style import footer, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from theorems.own.monitor import History

_TITLES = {
    "kernel_rank": ("Rank of the features' kernel", "numerical rank of HHᵀ"),
    "kernel_tail": ("What is left beyond rank C", r"$\sigma_{C+1}\,/\,\sigma_1$ of HHᵀ"),
    "noise_rank": ("Rank of the gradient noise", "rank of centred ∂L/∂h"),
    "gram_virtual_cosine": ("Weights follow virtual features", "cos(ΔG, ΔV) since last record"),
    "target_linearity": ("Target linearity", "share of targets explained"),
}


def figure(history: History, layers: Sequence[str]) -> Figure:
    """Every quantity along the steps, for these layers from light (first) to dark (last)."""
    import matplotlib as mpl

    bounded = [name for name in layers if any(np.isfinite(history.series(name, "decay_bound")[1]))]
    made, axes = grid(2, 3, (13.5 if bounded else 11.5, 6.4))
    shades = mpl.colormaps["viridis_r"](np.linspace(0.12, 0.95, len(layers)))
    for axis, (quantity, (title, label)) in zip(axes, _TITLES.items(), strict=False):
        for colour, name in zip(shades, layers, strict=True):
            steps, values = history.series(name, quantity)
            axis.plot(steps, values, color=colour, label=name, marker="o", markersize=2.5)
        axis.set(title=title, ylabel=label, xlabel="step")
        if quantity == "kernel_tail" and any(
            v > 0 for name in layers for v in history.series(name, quantity)[1]
        ):
            axis.set_yscale("log")
        if quantity == "gram_virtual_cosine":
            axis.set_ylim(-1.05, 1.05)
        elif quantity == "target_linearity":
            axis.set_ylim(-0.02, 1.02)
        elif quantity.endswith("rank"):
            axis.set_ylim(bottom=0)
    handles, names = axes[0].get_legend_handles_labels()
    legend: dict[str, Any] = {
        "title": "features read by layer",
        "frameon": False,
        "ncols": 1 + len(names[:24]) // 13,
    }
    if bounded:
        _decay(
            axes[5],
            history,
            {name: shade for name, shade in zip(layers, shades, strict=True) if name in bounded},
        )
        made.legend(handles[:24], names[:24], loc="outside right upper", **legend)
    else:
        axes[5].axis("off")
        axes[5].legend(handles[:24], names[:24], loc="center left", **legend)
    seen = [history.series(name, "kernel_rank")[0] for name in layers]
    footer(made, f"{max(map(len, seen))} records", f"{len(layers)} layers")
    return made


def _decay(axis: Axes, history: History, colours: Mapping[str, Any]) -> None:
    """σ_{C+1} of the weights under decay, and its bound."""
    positive = False
    for name, colour in colours.items():
        for quantity, style in (("weight_tail", "-"), ("decay_bound", "--")):
            steps, values = history.series(name, quantity)
            axis.plot(
                steps,
                values,
                style,
                color=colour,
                marker="o" if style == "-" else None,
                markersize=2.5,
            )
            positive = positive or any(value > 0 for value in values)
    label = r"$\sigma_{C+1}(W)$; dashed: its bound $\|\nabla_W J\|/\lambda$"
    axis.set(title="What decay leaves beyond rank C", ylabel=label, xlabel="step")
    if positive:
        axis.set_yscale("log")
