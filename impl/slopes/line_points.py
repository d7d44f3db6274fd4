"""A point of parameter space and the directions that lead from it: where lines through the loss of
a network start.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.networks.double import in_double
from theorems.impl.slopes.directions import (
    as_it_is,
    direction,
    is_tiny,
    moves,
    root_mean_square,
    share,
)
from theorems.impl.slopes.loss_lines import BESIDE, GROWN

DRAWS = 4
"""Directions of one parameter among which one is chosen along which the loss has a slope."""


class Point:
    """The parameters of a network, or a point beside them, and a random direction for each.

    Args:
        model: any module.
        seed: of the directions.
        beside: the point is all parameters moved by a random 1/256 of their size.
        grown: at the point, tiny parameters are of size `GROWN`.
        wide: in float64; False keeps the network's own format.
    """

    def __init__(
        self, model: nn.Module, *, seed: int, beside: bool, grown: bool, wide: bool
    ) -> None:
        """Nothing is drawn yet."""
        self.model, self.seed, self.beside, self.grown, self.wide = model, seed, beside, grown, wide
        self._directions: dict[int, Tensor] = {}
        self._drawn: dict[int, tuple[int, float]] = {}
        self._numbers = {id(p): i for i, p in enumerate(model.parameters())}
        self._originals: Any = {}
        self._room: dict[int, Tensor] = {}
        self._lengths: dict[int, float] = {}
        self._written: set[int] = set()
        self.pushed: frozenset[int] = frozenset()

    @contextmanager
    def _here(self) -> Iterator[None]:
        with in_double(self.model) if self.wide else as_it_is(self.model) as originals:
            self._originals, self.pushed = originals, frozenset()
            self._room = {
                id(p): p.data
                for p in self.model.parameters()
                if p.dtype in (torch.float64, torch.complex128)
            }
            self.put(
                [p for p in self.model.parameters() if self._moves(p)]
                if self.beside or self.grown
                else []
            )
            yield
        self._originals, self._room = {}, {}

    def _moves(self, p: Tensor) -> bool:
        return p.requires_grad and moves(p)

    def _base(self, p: Tensor) -> Tensor:
        """The parameter at the point, in float64."""
        data = self._originals[id(p)]
        return self._aside(
            p, data.to(torch.complex128 if data.is_complex() else torch.float64, copy=True)
        )

    def _at(self, p: Tensor) -> Tensor:
        """The parameter at the point: where nothing is moved, as the network holds it."""
        return self._base(p) if self.beside or self.grown else self._originals[id(p)]

    def _aside(self, p: Tensor, data: Tensor) -> Tensor:
        """The same numbers, moved to where the point is beside those of the parameters."""
        seed = self.seed - 1 - self._numbers[id(p)]
        if self.beside and self._moves(p):
            data.add_(direction(data, seed), alpha=BESIDE)
        if self.grown and self._moves(p) and is_tiny(data):
            data.copy_(direction(torch.full_like(data, GROWN), seed))
        return data

    def put(self, parameters: Sequence[Tensor], change: Any = None) -> None:
        """Set parameters: to the point, or to what ``change`` makes of each there, in place."""
        for p in parameters:
            # written over each time: large networks have no room for one more copy
            room = self._room.get(id(p))
            at = (
                self._base(p)
                if room is None
                else self._aside(p, room.copy_(self._originals[id(p)]))
            )
            if change is not None:
                change(p, at)
            p.data = at if room is not None else at.to(p.dtype)

    def along_parameter(self, p: Tensor) -> Tensor:
        """The direction of a parameter; in float32, which is as random and takes half the room."""
        if id(p) not in self._directions:
            again, sign = self._drawn.get(id(p), (0, 1.0))
            at = self._base(p) if self.grown else self._originals[id(p)]
            self._directions[id(p)] = direction(
                at, self.seed + self._numbers[id(p)] + 104729 * again
            ).mul_(sign)
        return self._directions[id(p)]

    def _share(self, p: Tensor, gradient: Tensor | None) -> tuple[float, float, float]:
        """What autograd says along the direction of a parameter: one along which the loss rises, by
        no small chance.

        Where all slopes have one sign, no two errors of one kind cancel.
        """
        found = (0.0, 0.0, 0.0)
        for again in range(DRAWS):
            self._directions.pop(id(p), None)
            self._drawn[id(p)] = again, 1.0
            found = share(gradient, self.along_parameter(p))
            if not math.isfinite(found[2]) or abs(found[0]) >= math.sqrt(found[1]) / 2:
                break
        if found[0] < 0:
            self._directions[id(p)].neg_()
            self._drawn[id(p)] = self._drawn[id(p)][0], -1.0
        return abs(found[0]), found[1], found[2]

    def to_reset(self, but: Collection[int]) -> list[Tensor]:
        """What the forward pass writes into, and nobody sets."""
        return [p for p in self.model.parameters() if id(p) in self._written and id(p) not in but]

    def along_event(self, event: int, tensor: Tensor) -> Tensor:
        """The direction of what passes between two modules: as long as that is at the point,
        wherever it has been pushed to since.
        """
        if event not in self._lengths:
            self._lengths[event] = root_mean_square(tensor) if tensor.numel() else 0.0
        return direction(tensor, self.seed + 7919 * (event + 1), self._lengths[event])
