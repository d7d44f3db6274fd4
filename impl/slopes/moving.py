"""Handles of a network that move together along one line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from torch import Tensor

from theorems.impl.errors import InputError
from theorems.impl.networks.running import undisturbed
from theorems.impl.slopes.directions import share
from theorems.impl.slopes.handles import Handle, passing

if TYPE_CHECKING:
    from theorems.impl.slopes.lines import Lines

EVEN = 2.0**6
"""By how much a module moves more or less than another, so that the loss depends on all alike."""


class Moving:
    """Handles of a network that move together, at different speeds."""

    def __init__(self, lines: Lines, chosen: Sequence[Handle], weights: Sequence[float]) -> None:
        """Add up what autograd says of their slopes."""
        self.lines, self.chosen, self.weights = lines, chosen, weights
        self.speeds: dict[int, float] = {}
        self.parameters: list[Tensor] = []
        slope = squares = terms = 0.0
        for handle, weight in zip(chosen, weights, strict=True):
            for p in handle.parameters:
                if id(p) not in self.speeds:  # a tied parameter moves once
                    self.speeds[id(p)] = weight
                    self.parameters.append(p)
                    a, b, c = lines.shares[id(p)]
                    slope, squares, terms = (
                        slope + weight * a,
                        squares + weight**2 * b,
                        terms + weight * c,
                    )
            if handle.event is not None:
                slope, squares = slope + weight * handle.slope, squares + weight**2 * handle.squares
                terms += weight * handle.terms
        self.slope, self.spread, self.terms = (
            slope,
            math.sqrt(squares) if squares >= 0 else squares,
            terms,
        )
        lines.pushed = frozenset(self.speeds)

    def __call__(self, step: float) -> float:
        """The loss at a step."""
        self.lines.put(
            self.parameters,
            lambda p, at: at.add_(self.lines.along_parameter(p), alpha=step * self.speeds[id(p)]),
        )
        pushes = {
            h.event: self._push(h.event, step * weight)
            for h, weight in zip(self.chosen, self.weights, strict=True)
            if h.event is not None
        }
        try:
            return self.lines.evaluate(pushes)
        except InputError:
            return math.nan  # the line leaves where the network is defined

    def _push(self, event: int, step: float) -> Any:
        return lambda tensor: (
            tensor
            + (step * self.lines.along_event(event, tensor.detach()).double()).to(tensor.dtype)
        )

    def again(self) -> tuple[float, float]:
        """Loss and autograd's slope at the present parameters."""
        lines = self.lines
        events = {
            h.event: w
            for h, w in zip(self.chosen, self.weights, strict=True)
            if h.event is not None
        }
        watched: Any = passing(lines.model, keep=True) if events else nullcontext()
        with undisturbed(lines.model, lines.seed, parameters=False):
            with watched as seen:
                value, _ = lines.loss_and_outputs()
            found = lines.gradients(value, [*self.parameters, *(seen.kept[e] for e in events)])
        along = [(self.speeds[id(p)], lines.along_parameter(p)) for p in self.parameters]
        along += [(w, lines.along_event(e, seen.kept[e].detach())) for e, w in events.items()]
        slopes = (w * share(g, v)[0] for g, (w, v) in zip(found, along, strict=True))
        return float(value.detach()), sum(slopes)


def speeds_of(chosen: Sequence[Handle]) -> list[float]:
    """How fast each handle moves, so that the loss depends on all alike."""
    sizes = [math.sqrt(h.squares) if math.isfinite(h.squares) else 0.0 for h in chosen]
    middle = sorted(sizes)[len(sizes) // 2] or max(sizes, default=0.0)
    return [
        min(EVEN, max(1 / EVEN, middle / size)) if size > 0 and middle > 0 else 1.0
        for size in sizes
    ]
