"""Pictures: a function each, which runs what it shows (a few seconds) from a seed and returns a
matplotlib figure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from theorems.pictures import (
    feature_learning,
    function_space,
    gram_hierarchy,
    kernel_flow,
    preconditioning,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BY_PAPER: dict[str, dict[str, Callable[[int], Figure]]] = {
    "2601.00276": kernel_flow.PICTURES,
    "2509.25637": preconditioning.PICTURES,
    "2605.17718": function_space.PICTURES,
    "2605.06258": feature_learning.PICTURES,
    "2606.09744": gram_hierarchy.PICTURES,
}
"""arXiv id to the pictures of that paper, by the name that the command line knows them by."""

PICTURES: dict[str, Callable[[int], Figure]] = {
    name: draw for some in BY_PAPER.values() for name, draw in some.items()
}
"""Every picture by its name."""
