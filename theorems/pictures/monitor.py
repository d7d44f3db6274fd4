"""The picture of a watched training: a panel per quantity, a line per layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from theorems.pictures.style import grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from theorems.monitor import History

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

    made, axes = grid(2, 3, (11.5, 6.4))
    shades = mpl.colormaps["viridis_r"](np.linspace(0.12, 0.95, len(layers)))
    for axis, (quantity, (title, label)) in zip(axes, _TITLES.items(), strict=False):
        for colour, name in zip(shades, layers, strict=True):
            steps, values = history.series(name, quantity)
            axis.plot(steps, values, color=colour, label=name, marker="o", markersize=2.5)
        axis.set(title=title, ylabel=label, xlabel="step")
        if quantity == "kernel_tail" and any(v > 0 for name in layers for v in history.series(name, quantity)[1]):
            axis.set_yscale("log")
        if quantity == "gram_virtual_cosine":
            axis.set_ylim(-1.05, 1.05)
        elif quantity == "target_linearity":
            axis.set_ylim(-0.02, 1.02)
        elif quantity.endswith("rank"):
            axis.set_ylim(bottom=0)
    axes[5].axis("off")
    handles, names = axes[0].get_legend_handles_labels()
    axes[5].legend(
        handles[:24], names[:24], title="features read by layer", loc="center left", ncols=1 + len(names[:24]) // 13
    )
    return made
