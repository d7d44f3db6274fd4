"""Random matrix formulas, ways to rewrite them that change nothing, and changes of one token that
may change something.

Written for the meta-test of soundness: formulas are judged by the suite, and apart from it in
fractions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

SIZES = {"n": 3, "p": 2, "q": 4}
LEAVES = {
    "a": ("n", "p"), "b": ("n", "p"), "c": ("p", "n"), "s": ("n", "n"), "t": ("n", "n"),
    "u": ("p", "p"), "v": ("p", "p"), "w": ("q", "n"), "x": ("n", "q"),
}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """A formula: a leaf, or ``kind`` of ``parts``; ``number`` is the factor of a multiple."""

    kind: str
    parts: tuple[Node, ...] = ()
    name: str = ""
    number: int = 0

    @property
    def shape(self) -> tuple[str, str]:
        """Rows and columns by the names of their sizes."""
        if self.kind == "leaf":
            return LEAVES[self.name]
        first = self.parts[0].shape
        if self.kind == "transpose":
            return first[::-1]
        return (first[0], self.parts[1].shape[1]) if self.kind == "product" else first

    def run(self, values):
        """The formula on matrices by name, with the operators that every kind of number has."""
        if self.kind == "leaf":
            return values[self.name]
        some = [part.run(values) for part in self.parts]
        match self.kind:
            case "transpose":
                return some[0].mT
            case "product":
                return some[0] @ some[1]
            case "sum":
                return some[0] + some[1]
            case "difference":
                return some[0] - some[1]
            case "entrywise":
                return some[0] * some[1]
        return self.number * some[0]

    def __str__(self) -> str:
        """As one would write it."""
        if self.kind == "leaf":
            return self.name
        if self.kind == "transpose":
            return f"{self.parts[0]}.mT"
        if self.kind == "multiple":
            return f"({self.number} * {self.parts[0]})"
        sign = {"product": "@", "sum": "+", "difference": "-", "entrywise": "*"}[self.kind]
        return f"({self.parts[0]} {sign} {self.parts[1]})"


def leaf(name: str) -> Node:
    """The matrix of that name."""
    return Node("leaf", name=name)


def two(kind: str, left: Node, right: Node) -> Node:
    """An operation on two formulas."""
    return Node(kind, (left, right))


def transpose(node: Node) -> Node:
    """The transposed formula."""
    return Node("transpose", (node,))


def multiple(number: int, node: Node) -> Node:
    """A whole multiple."""
    return Node("multiple", (node,), number=number)


def formula(source: random.Random, shape: tuple[str, str], depth: int) -> Node:
    """A random formula of that shape."""
    fitting = [leaf(name) for name, own in LEAVES.items() if own == shape]
    fitting += [transpose(leaf(name)) for name, own in LEAVES.items() if own[::-1] == shape]
    if depth == 0 or (fitting and source.random() < 0.15):
        if fitting:
            return source.choice(fitting)
        depth = 1
    kind = source.choice(
        ["product"] * 3 + ["sum", "difference", "entrywise", "multiple", "transpose"]
    )
    if kind == "product" or depth == 1:
        inner = source.choice([size for size in SIZES if depth > 1 or _reaches(shape, size)])
        return two(
            "product",
            formula(source, (shape[0], inner), depth - 1),
            formula(source, (inner, shape[1]), depth - 1),
        )
    if kind == "transpose":
        return transpose(formula(source, shape[::-1], depth - 1))
    if kind == "multiple":
        return multiple(source.choice([-2, -1, 2, 3]), formula(source, shape, depth - 1))
    return two(kind, formula(source, shape, depth - 1), formula(source, shape, depth - 1))


def _reaches(shape: tuple[str, str], inner: str) -> bool:
    known = {*LEAVES.values(), *(own[::-1] for own in LEAVES.values())}
    return (shape[0], inner) in known and (inner, shape[1]) in known


def laws(source: random.Random, node: Node) -> list[Node]:
    """What the formula equals by one law at its root."""
    first, second = (*node.parts, None, None)[:2]
    found = [transpose(transpose(node))]
    other = formula(source, node.shape, 1)
    found += [
        two("difference", two("sum", node, other), other),
        two("sum", other, two("difference", node, other)),
    ]
    match node.kind:
        case "product":
            found.append(transpose(two("product", transpose(second), transpose(first))))
            if first.kind == "product":
                found.append(two("product", first.parts[0], two("product", first.parts[1], second)))
            if second.kind == "product":
                found.append(
                    two("product", two("product", first, second.parts[0]), second.parts[1])
                )
            if first.kind in ("sum", "difference"):
                found.append(
                    two(first.kind, *(two("product", part, second) for part in first.parts))
                )
            if second.kind in ("sum", "difference"):
                found.append(
                    two(second.kind, *(two("product", first, part) for part in second.parts))
                )
        case "sum" | "entrywise":
            found.append(two(node.kind, second, first))
            if node.kind == "entrywise" and first.kind in ("sum", "difference"):
                found.append(
                    two(first.kind, *(two("entrywise", part, second) for part in first.parts))
                )
        case "difference":
            found.append(two("sum", first, multiple(-1, second)))
        case "multiple":
            if node.number > 0:
                found.append(two("sum", multiple(node.number - 1, first), first))
            if first.kind == "product":
                found.append(two("product", multiple(node.number, first.parts[0]), first.parts[1]))
        case "transpose":
            if first.kind in ("sum", "difference", "entrywise"):
                found.append(two(first.kind, *(transpose(part) for part in first.parts)))
            if first.kind == "product":
                found.append(two("product", transpose(first.parts[1]), transpose(first.parts[0])))
    return found


def places(node: Node) -> Iterator[tuple[int, ...]]:
    """Where the formula has parts, itself first."""
    yield ()
    for at, part in enumerate(node.parts):
        for place in places(part):
            yield (at, *place)


def at(node: Node, place: tuple[int, ...]) -> Node:
    """The part at a place."""
    return node if not place else at(node.parts[place[0]], place[1:])


def put(node: Node, place: tuple[int, ...], part: Node) -> Node:
    """The formula with another part at a place."""
    if not place:
        return part
    parts = tuple(put(p, place[1:], part) if k == place[0] else p for k, p in enumerate(node.parts))
    return Node(node.kind, parts, node.name, node.number)


def rewritten(source: random.Random, node: Node, times: int) -> Node:
    """An equal formula: laws applied at random places."""
    for _ in range(times):
        place = source.choice(list(places(node)))
        node = put(node, place, source.choice(laws(source, at(node, place))))
    return node


def changed(source: random.Random, node: Node) -> Node:
    """One token of the formula changed: a name, a sign, a number, an operator, a transposition."""
    place = source.choice(list(places(node)))
    part = at(node, place)
    options = [multiple(2, part)]
    if part.kind == "leaf":
        options += [leaf(n) for n, own in LEAVES.items() if own == part.shape and n != part.name]
    elif part.kind == "multiple":
        options += [multiple(part.number + 1, part.parts[0]), multiple(-part.number, part.parts[0])]
    elif part.kind in ("sum", "difference", "entrywise"):
        options += [
            Node(k, part.parts) for k in ("sum", "difference", "entrywise") if k != part.kind
        ]
        options += list(part.parts)
    if part.shape[0] == part.shape[1]:
        options.append(part.parts[0] if part.kind == "transpose" else transpose(part))
    return put(node, place, source.choice(options))


def in_fractions(node: Node, values: dict[str, np.ndarray]) -> np.ndarray:
    """The formula on exact numbers, by plain loops over lists: no code of the suite."""
    exact = {
        name: _Plain([[Fraction(entry) for entry in row] for row in value])
        for name, value in values.items()
    }
    return np.array(node.run(exact).rows, dtype=object)


class _Plain:
    """A matrix as lists of fractions."""

    def __init__(self, rows):
        self.rows = rows

    @property
    def mT(self):
        return _Plain([list(column) for column in zip(*self.rows, strict=True)])

    def __matmul__(self, other):
        columns = other.mT.rows
        return _Plain(
            [
                [sum(x * y for x, y in zip(row, column, strict=True)) for column in columns]
                for row in self.rows
            ]
        )

    def _with(self, other, operation):
        pairs = zip(self.rows, other.rows, strict=True)
        return _Plain(
            [[operation(x, y) for x, y in zip(left, right, strict=True)] for left, right in pairs]
        )

    def __add__(self, other):
        return self._with(other, lambda x, y: x + y)

    def __sub__(self, other):
        return self._with(other, lambda x, y: x - y)

    def __mul__(self, other):
        return self._with(other, lambda x, y: x * y)

    def __rmul__(self, number):
        return _Plain([[number * x for x in row] for row in self.rows])
