"""The graph of claims, laid out in layers from left to right: what is used stands left of what uses
it.

A layered drawing after Sugiyama: longest paths give the columns, long edges get a bend in every
column they cross, sweeps of means order the columns, and a relaxation places the rows.
Deterministic; nothing is drawn by the browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

WIDTH, GAP_X, GAP_Y, LINE, PAD, MARGIN = 170, 36, 12, 14, 12, 8
_LETTERS = 22
_LEFT_TO_RIGHT = {"special case of": False}  # the general statement stands on the left


@dataclass(eq=False)
class Box:
    """A claim in the drawing, or (without a name) a bend of an edge."""

    name: str = ""
    guest: bool = False
    column: int = 0
    y: float = 0.0
    lines: tuple[str, ...] = ()
    neighbours: list[Box] = field(default_factory=list, repr=False)

    @property
    def x(self) -> float:
        """Left side."""
        return MARGIN + self.column * (WIDTH + GAP_X)

    @property
    def height(self) -> float:
        """Of the box; a bend needs little."""
        return LINE * len(self.lines) + PAD if self.name else 4

    @property
    def middle(self) -> float:
        """Half-way down."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Edge:
    """A drawn relation."""

    subject: str
    kind: str
    other: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """What the template draws."""

    width: float
    height: float
    boxes: Sequence[Box]
    edges: Sequence[Edge]


def wrap(name: str) -> tuple[str, ...]:
    """A name broken after underscores into lines that fit a box."""
    lines = [""]
    for part in name.replace("_", "_ ").split():
        if lines[-1] and len(lines[-1]) + len(part) > _LETTERS:
            lines.append("")
        lines[-1] += part
    return tuple(line if len(line) <= _LETTERS + 2 else line[:_LETTERS] + "…" for line in lines)


def draw(names: Iterable[str], relations: Iterable[tuple[str, str, str]]) -> Drawing:
    """Lay out claims and the relations that touch them; a claim from elsewhere appears as a
    guest.
    """
    boxes = {name: Box(name, lines=wrap(name)) for name in names}
    touching = [r for r in relations if r[0] in boxes or r[2] in boxes]
    for subject, _, other in touching:
        for name in (subject, other):
            boxes.setdefault(name, Box(name, guest=True, lines=wrap(name)))
    _assign_columns(boxes, touching)
    linked = [box for box in boxes.values() if any(box.name in (s, o) for s, _, o in touching)]
    alone = [box for box in boxes.values() if box not in linked]
    columns: list[list[Box]] = [[] for _ in range(max((b.column for b in linked), default=-1) + 1)]
    for box in linked:
        columns[box.column].append(box)
    chains = [
        (relation, _chain(boxes[relation[0]], boxes[relation[2]], columns)) for relation in touching
    ]
    _order(columns)
    _place(columns)
    floor = max((b.y + b.height for column in columns for b in column), default=float(MARGIN))
    _shelve(alone, max(len(columns), 4), floor + (2 * GAP_Y if columns else 0))
    edges = [Edge(*relation, _path(relation[1], chain)) for relation, chain in chains]
    shown = list(boxes.values())
    right = max((b.x for b in shown), default=0.0) + WIDTH + MARGIN
    loops = any(chain[0].column == chain[-1].column == len(columns) - 1 for _, chain in chains)
    low = max((b.y + b.height for b in shown), default=0.0) + MARGIN
    return Drawing(right + (26 if loops else 0), low, shown, edges)


def _assign_columns(boxes: dict[str, Box], relations: Sequence[tuple[str, str, str]]) -> None:
    """Columns by longest path over directed relations; an edge that would close a circle does not
    count.
    """
    after: dict[str, list[str]] = {name: [] for name in boxes}
    for subject, kind, other in relations:
        left, right = (subject, other) if _LEFT_TO_RIGHT.get(kind, True) else (other, subject)
        if kind != "contrasted with" and not _reaches(after, right, left):
            after[left].append(right)
    for _ in boxes:  # at most as many rounds as a path is long
        for name, box in boxes.items():
            for following in after[name]:
                boxes[following].column = max(boxes[following].column, box.column + 1)
    before = {following for all_following in after.values() for following in all_following}
    for name, box in boxes.items():
        if name not in before and after[name]:
            box.column = min(boxes[following].column for following in after[name]) - 1
    for (
        subject,
        kind,
        other,
    ) in relations:  # a claim that is only contrasted stands beside what it is contrasted with
        if kind == "contrasted with":
            for name, partner in ((subject, other), (other, subject)):
                if name not in before and not after[name]:
                    boxes[name].column = boxes[partner].column


def _reaches(after: dict[str, list[str]], start: str, goal: str) -> bool:
    stack, seen = [start], set()
    while stack:
        name = stack.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            stack += after[name]
    return False


def _chain(one: Box, other: Box, columns: list[list[Box]]) -> list[Box]:
    """The boxes from ``one`` to ``other`` with a bend in every column between."""
    step = 1 if other.column > one.column else -1
    chain = [one]
    for column in (
        range(one.column + step, other.column, step) if one.column != other.column else ()
    ):
        bend = Box(column=column)
        columns[column].append(bend)
        chain.append(bend)
    chain.append(other)
    for a, b in zip(chain, chain[1:], strict=False):
        a.neighbours.append(b)
        b.neighbours.append(a)
    return chain


def _order(columns: list[list[Box]]) -> None:
    for column in columns:
        for index, box in enumerate(column):
            box.y = float(index)
    for sweep in range(24):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            column.sort(
                key=lambda box: fmean([n.y for n in box.neighbours]) if box.neighbours else box.y
            )
            for index, box in enumerate(column):
                box.y = index - len(column) / 2


def _place(columns: list[list[Box]]) -> None:
    """Rows: every box towards the mean of its neighbours, as far as the order and the gaps
    allow.
    """
    for column in columns:
        y = 0.0
        for box in column:
            box.y = y
            y += box.height + GAP_Y
    for sweep in range(60):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = [
                fmean([n.middle for n in box.neighbours]) - box.height / 2
                if box.neighbours
                else box.y
                for box in column
            ]
            _settle(column, wanted)
    top = min((box.y for column in columns for box in column), default=0.0)
    for column in columns:
        for box in column:
            box.y += MARGIN - top


def _settle(column: list[Box], wanted: list[float]) -> None:
    """The least-squares rows that keep the order: pool adjacent violators."""
    pools: list[tuple[list[int], float]] = []
    offsets, at = [], 0.0
    for box in column:
        offsets.append(at)
        at += box.height + GAP_Y
    for index in range(len(column)):
        members, mean = [index], wanted[index] - offsets[index]
        while pools and pools[-1][1] > mean:
            before, other = pools.pop()
            mean = (mean * len(members) + other * len(before)) / (len(members) + len(before))
            members = before + members
        pools.append((members, mean))
    for members, mean in pools:
        for index in members:
            column[index].y = mean + offsets[index]


def _shelve(alone: list[Box], across: int, top: float) -> None:
    """Claims without relations, in rows below the others."""
    y = top
    for start in range(0, len(alone), across):
        row = alone[start : start + across]
        for column, box in enumerate(row):
            box.column, box.y = column, y
        y += max(box.height for box in row) + GAP_Y


def _path(kind: str, chain: list[Box]) -> str:
    """A smooth line from box to box, or a bow at the right side within a column."""
    first, last = chain[0], chain[-1]
    if first.column == last.column:
        x = first.x + WIDTH
        bulge = min(30.0, 14 + abs(first.middle - last.middle) / 12)
        return (
            f"M{x:.1f} {first.middle:.1f}C{x + bulge:.1f} {first.middle:.1f} {x + bulge:.1f} "
            f"{last.middle:.1f} {x + 3:.1f} {last.middle:.1f}"
        )
    forward = last.column > first.column
    gap = 0 if kind == "contrasted with" else 4
    points: list[tuple[float, float]] = []
    for box in chain:
        sides = (box.x, box.x + WIDTH) if forward else (box.x + WIDTH, box.x)
        if box is first:
            points.append((sides[1], box.middle))
        elif box is last:
            points.append((sides[0] - gap if forward else sides[0] + gap, box.middle))
        else:
            points += [(side, box.middle) for side in sides]
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for index in range(1, len(points)):
        (x0, y0), (x1, y1) = points[index - 1], points[index]
        bent = index % 2 == 1  # every second stretch runs straight through a column
        half = (x0 + x1) / 2
        path += (
            f"C{half:.1f} {y0:.1f} {half:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
            if bent
            else f"L{x1:.1f} {y1:.1f}"
        )
    return path
