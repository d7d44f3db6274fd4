"""How every picture looks, and the canvas it is drawn on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from impl.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#9467bd", "#c8391c", "#8a8f98"
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
        raise InputError("the pictures are drawn with matplotlib: pip install 'theorems[report]'") from error
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


def styled(draw: Callable[[int], Figure]) -> Callable[[int], Figure]:
    """Draw under the pictures' style, whatever the user's is."""

    def framed(seed: int = 0) -> Figure:
        try:
            import matplotlib as mpl
        except ImportError as error:
            raise InputError("the pictures are drawn with matplotlib: pip install 'theorems[report]'") from error
        with mpl.rc_context(_STYLE):
            return draw(seed)

    framed.__doc__, framed.__name__ = draw.__doc__, draw.__name__
    return framed


def below(axis: Axes, *, columns: int) -> None:
    """The legend below an axis, where every place inside is crossed by a line."""
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=columns)
