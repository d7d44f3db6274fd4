"""How every picture looks, and the canvas it is drawn on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theorems.impl.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, RED, GREY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#9467bd",
    "#c8391c",
    "#8a8f98",
)
_STYLE: Any = {
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "figure.facecolor": "white",
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#50545c",
    "axes.labelcolor": "#2b2e34",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e8ec",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.9,
    "xtick.color": "#50545c",
    "ytick.color": "#50545c",
    "mathtext.fontset": "dejavusans",
}


def canvas(panels: int, size: tuple[float, float], **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure that needs no display, with its axes; the style holds while it is made.

    Raises:
        InputError: if matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "the pictures are drawn with matplotlib: pip install 'theorems[report]'"
        ) from error
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, panels, **options)
    return figure, list(np.atleast_1d(axes))


def grid(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """`canvas` with several rows: the axes row by row.

    Raises:
        InputError: if matplotlib is not installed.
    """
    made, _ = canvas(1, size)
    made.clear()
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        axes = made.subplots(rows, columns)
    return made, list(np.atleast_1d(axes).flat)


def styled(
    sizes: str, *, random: bool = True
) -> Callable[[Callable[[int], Figure]], Callable[[int], Figure]]:
    """Draw under the pictures' style, whatever the user's is, with a footer: the seed, the sizes,
    the version.

    Args:
        sizes: what was run: samples, widths, rates.
        random: whether anything depends on the seed.
    """

    def decorate(draw: Callable[[int], Figure]) -> Callable[[int], Figure]:
        def framed(seed: int = 0) -> Figure:
            try:
                import matplotlib as mpl
            except ImportError as error:
                raise InputError(
                    "the pictures are drawn with matplotlib: pip install 'theorems[report]'"
                ) from error
            with mpl.rc_context(_STYLE):
                figure = draw(seed)
                footer(figure, f"seed {seed}" if random else "nothing random", sizes)
            return figure

        framed.__doc__, framed.__name__ = draw.__doc__, draw.__name__
        framed.sizes = sizes  # type: ignore[attr-defined]
        return framed

    return decorate


def footer(figure: Figure, *parts: str) -> None:
    """Small print at the lower edge: how the picture can be had again, and the version that drew
    it.
    """
    from theorems import __version__

    said = " · ".join((*parts, f"theorems {__version__}"))
    figure.supxlabel(said, x=0.01, ha="left", fontsize=8, color="#5d626b")


def below(axis: Axes, *, columns: int) -> None:
    """The legend below an axis, where every place inside is crossed by a line."""
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=columns)


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Heights for names beside these values: as near as can be, and at least ``gap`` apart."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    found = [float(value) for value in values]
    for before, after in itertools.pairwise(order):
        found[after] = max(found[after], found[before] + gap)
    return found
