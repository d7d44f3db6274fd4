"""The figure of an experiment, made of its entry in the evidence file and nothing else."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from theorems.impl.errors import InputError
from theorems.pictures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, canvas, footer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# told apart without colour too: by dashes and by marks
_LOOKS = tuple(
    zip(
        (BLUE, ORANGE, GREEN, PURPLE, RED, GREY),
        ("-", "--", "-.", ":", "-", "--"),
        "os^Dvx",
        strict=True,
    )
)


def figure(entry: Mapping[str, Any]) -> Figure:
    """Draw an experiment: its arms along the training or over a size, and the effect of every seed
    beside the margin.

    Args:
        entry: the claim's entry in the evidence file, with its ``experiment``.

    Raises:
        InputError: for an entry that is no experiment's; if matplotlib is not installed.
    """
    told = entry.get("experiment")
    if not told:
        raise InputError(
            f"expected the entry of an experiment, got that of {entry.get('name')}; "
            "`theorems experiment --json` writes one"
        )
    curves = told.get("curves")
    if curves:
        drawn, (left, right) = canvas(2, (11.2, 4.6), width_ratios=[1.15, 1])
        _draw_curves(left, curves, told)
    else:
        drawn, (right,) = canvas(1, (7.2, 4.4))
    _draw_effects(right, told)
    drawn.suptitle(
        f"{entry['name'].replace('_', ' ')}: {entry['outcome'] or 'not run'}",
        x=0.01,
        ha="left",
        fontweight="bold",
    )
    first, last = told["seeds"]
    footer(
        drawn,
        f"scale {told['scale']}",
        f"{told['replicates']} seeds, {first} … {last}",
        f"bars: {told['confidence']:.0%} intervals of the median",
    )
    return drawn


def _draw_curves(axis: Axes, curves: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    for line, (colour, dashes, mark) in zip(curves["lines"], itertools.cycle(_LOOKS), strict=False):
        at = curves["at"]
        every = max(1, len(at) // 8)
        axis.plot(
            at,
            line["median"],
            color=colour,
            linestyle=dashes,
            marker=mark,
            markevery=every,
            markersize=4.5,
            label=line["label"],
        )
        if None not in (*line["low"], *line["high"]):
            axis.fill_between(at, line["low"], line["high"], color=colour, alpha=0.16, linewidth=0)
    axis.set(xlabel=curves["x"], ylabel=curves["y"])
    if "x" in curves["log"]:
        axis.set_xscale("log")
    if "y" in curves["log"]:
        axis.set_yscale("log")
    axis.set_title(f"Median of {told['replicates']} seeds")
    axis.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)


def _draw_effects(axis: Axes, told: Mapping[str, Any]) -> None:
    effects = told["effects"]
    for place, effect in enumerate(reversed(effects)):
        values = effect["values"]
        spread = [place + 0.26 * ((7 * k) % 11 / 10 - 0.5) for k in range(len(values))]
        axis.plot(
            values,
            spread,
            "o",
            color=GREY,
            markersize=3,
            alpha=0.6,
            label="a seed" if place == 0 else None,
        )
        low, high = effect["low"], effect["high"]
        if low is not None and high is not None:
            axis.plot([low, high], [place, place], color=BLUE, linewidth=3.2, solid_capstyle="butt")
        axis.plot(
            effect["median"],
            place,
            "D",
            color=BLUE,
            markersize=6,
            label="median" if place == 0 else None,
        )
        label = "margin" if place == 0 else None
        axis.plot(
            [effect["margin"]] * 2,
            [place - 0.36, place + 0.36],
            color=RED,
            linestyle=(0, (3, 2)),
            linewidth=1.6,
            label=label,
        )
    axis.axvline(0, color="#50545c", linewidth=0.9)
    axis.set_yticks(range(len(effects)), [effect["part"] for effect in reversed(effects)])
    axis.set(xlabel=f"effect, {told['unit']}", ylim=(-0.6, len(effects) - 0.4))
    axis.set_title("Claimed: right of the margin, in most seeds")
    axis.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)


def rendered(entry: Mapping[str, Any], kind: str = "svg") -> bytes:
    """The figure as a file: "svg" or "png"; equal entries give equal files.

    Raises:
        InputError: as `figure`.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputError(
            "the figures are drawn with matplotlib: pip install 'theorems[experiments]'"
        ) from error
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": entry["name"], "svg.fonttype": "path"}):
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
        figure(entry).savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()
