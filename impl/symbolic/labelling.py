"""One name for all monomials that differ in the names of their bound indices only: a canonical
labelling.

Indices of the output keep their place. The others fall into connected components, each of which
is labelled by itself: colours are refined by what an index touches until nothing changes; where
two indices have one colour still, each is singled out in turn and the least result is taken.
Indices that can be exchanged without any change (twins) are tried once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.monomials import Factor, Index, Monomial, renamed

LEAVES = 1000
"""Labellings tried for one component before it counts as too symmetric."""

Code: TypeAlias = tuple[int, int]
Encoding: TypeAlias = tuple[tuple[str, tuple[Code, ...]], ...]


@lru_cache(maxsize=200_000)
def canonical(term: Monomial) -> Monomial:
    """The representative of all monomials equal to ``term`` up to the names of bound indices.

    Raises:
        NotOfThisFormError: if a component has too many symmetries to be labelled.
    """
    fixed: dict[Index, int] = {}
    for index in term.out:
        if index is not None:
            fixed.setdefault(index, len(fixed))
    term = renamed(term, lambda index: index)  # gates once, symmetric indices sorted
    count = len(fixed)
    fixed.update({i: i[1] for _, indices in term.factors for i in indices if i[1] < 0})
    parts = [_Component(factors, fixed) for factors in _components(term.factors, fixed)]
    labelled = sorted((part.least() for part in parts), key=lambda found: found[0])
    names = {index: (index[0], number) for index, number in fixed.items()}
    for _, order in labelled:
        for index in order:
            names[index] = (index[0], count)
            count += 1
    whole = renamed(term, names.__getitem__)
    factors = sorted(whole.factors, key=lambda factor: (factor[0].name, factor[1]))
    return whole._replace(factors=tuple(factors))


def _components(factors: tuple[Factor, ...], fixed: dict[Index, int]) -> list[tuple[Factor, ...]]:
    """Factors that hang together by bound indices."""
    group: dict[Index, int] = {}
    members: dict[int, list[Factor]] = {}
    for number, factor in enumerate(factors):
        bound = [i for i in factor[1] if i not in fixed]
        touched = {group[i] for i in bound if i in group}
        mine = min(touched, default=number)
        joined = members.setdefault(mine, [])
        joined.append(factor)
        for other in touched - {mine}:
            moved = members.pop(other)
            joined += moved
            group.update((i, mine) for _, idx in moved for i in idx if i not in fixed)
        group.update((i, mine) for i in bound)
    return [tuple(found) for found in members.values()]


class _Component:
    """Some factors, and the labelling of their bound indices."""

    def __init__(self, factors: tuple[Factor, ...], fixed: dict[Index, int]) -> None:
        self.factors, self.fixed, self.leaves = factors, fixed, 0
        self.bound = sorted({i for _, idx in factors for i in idx if i not in fixed})
        self.at: dict[Index, list[Factor]] = {
            b: [f for f in factors if b in f[1]] for b in self.bound
        }

    def least(self) -> tuple[tuple[tuple[str, ...], Encoding], list[Index]]:
        """The least encoding, and the bound indices in its order."""
        kinds = sorted({kind for kind, _ in self.bound})
        colours = {b: kinds.index(b[0]) for b in self.bound}
        encoding, order = self._search(colours)
        return (tuple(index[0] for index in order), encoding), order

    def _search(self, colours: dict[Index, int]) -> tuple[Encoding, list[Index]]:
        colours = self._refined(colours)
        cells: dict[int, list[Index]] = {}
        for index in self.bound:
            cells.setdefault(colours[index], []).append(index)
        open_cells = [colour for colour, cell in sorted(cells.items()) if len(cell) > 1]
        if not open_cells:
            self.leaves += 1
            if self.leaves > LEAVES:
                raise NotOfThisFormError("a monomial has too many symmetries to be labelled")
            return self._encoded(colours), sorted(self.bound, key=colours.__getitem__)
        found = []
        tried: list[Index] = []
        for index in cells[open_cells[0]]:
            if any(self._twins(index, other) for other in tried):
                continue
            tried.append(index)
            single = {i: 2 * c + 1 for i, c in colours.items()} | {index: 2 * open_cells[0]}
            found.append(self._search(single))
        return min(found, key=lambda pair: pair[0])

    def _refined(self, colours: dict[Index, int]) -> dict[Index, int]:
        while True:
            marks = {
                index: (colours[index], tuple(sorted(self._seen(f, index, colours) for f in at)))
                for index, at in self.at.items()
            }
            ranks = {mark: rank for rank, mark in enumerate(sorted(set(marks.values())))}
            finer = {index: ranks[mark] for index, mark in marks.items()}
            if len(ranks) in (len(self.bound), len(set(colours.values()))):
                return finer
            colours = finer

    def _code(self, index: Index, colours: dict[Index, int]) -> Code:
        return (0, self.fixed[index]) if index in self.fixed else (1, colours[index])

    def _seen(
        self, factor: Factor, index: Index, colours: dict[Index, int]
    ) -> tuple[str, tuple[Code, ...]]:
        """A factor as one of its indices sees it."""
        node, indices = factor
        codes = [(2, 0) if i == index else self._code(i, colours) for i in indices]
        return node.name, tuple(sorted(codes) if node.symmetric else codes)

    def _encoded(self, colours: dict[Index, int]) -> Encoding:
        found = []
        for node, indices in self.factors:
            codes = [self._code(i, colours) for i in indices]
            found.append((node.name, tuple(sorted(codes) if node.symmetric else codes)))
        return tuple(sorted(found))

    def _twins(self, one: Index, other: Index) -> bool:
        """Whether exchanging the two changes nothing."""
        swap = {one: other, other: one}
        before, after = [], []
        for node, indices in self.factors:
            swapped = [swap.get(i, i) for i in indices]
            before.append((node.name, tuple(sorted(indices) if node.symmetric else indices)))
            after.append((node.name, tuple(sorted(swapped) if node.symmetric else swapped)))
        return sorted(before) == sorted(after)
