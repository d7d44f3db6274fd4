"""Random expressions over matrices, rewritten by known laws or changed in one token; run on symbols
and on numbers.
"""

from dataclasses import dataclass
from random import Random

import numpy as np

from theorems.impl.symbolic import Size, identity, variable

SIZES = ("a", "b")
GATES = ("G", "H")


@dataclass(frozen=True)
class Node:
    """``op`` with its parts; a leaf has a name. ``rows`` and ``columns`` are names of sizes."""

    op: str
    parts: tuple = ()
    name: str = ""
    rows: str = ""
    columns: str = ""
    number: int = 1


def leaf(rng, rows, columns):
    pool = {("a", "a"): "SG", ("a", "b"): "AH", ("b", "a"): "BC", ("b", "b"): "TD"}
    return Node("leaf", (), rng.choice(pool[rows, columns]), rows, columns)


def drawn(rng, depth, rows=None, columns=None):
    """A random expression of a shape."""
    rows, columns = rows or rng.choice(SIZES), columns or rng.choice(SIZES)
    if depth == 0:
        return leaf(rng, rows, columns)
    op = rng.choice(("@", "@", "+", "-", "*", "T", "scale", "trace", "rows", "leaf"))
    if op == "leaf":
        return leaf(rng, rows, columns)

    def part(r, c):
        return drawn(rng, depth - 1, r, c)

    if op == "@":
        middle = rng.choice(SIZES)
        parts = (part(rows, middle), part(middle, columns))
    elif op in ("+", "-", "*"):
        parts = (part(rows, columns), part(rows, columns))
    elif op == "T":
        parts = (part(columns, rows),)
    elif op == "scale":
        return Node(op, (part(rows, columns),), "", rows, columns, rng.choice((-2, -1, 2, 3)))
    elif op == "trace":  # tr(X) Y
        size = rng.choice(SIZES)
        parts = (part(size, size), part(rows, columns))
    else:  # row sums of X times Y, entry by entry
        parts = (part(rows, rng.choice(SIZES)), part(rows, columns))
    return Node(op, parts, "", rows, columns)


def run(node, values):
    """The value of an expression, whatever the leaves are."""
    if node.op == "leaf":
        return values[node.name]
    parts = [run(part, values) for part in node.parts]
    if node.op == "@":
        return parts[0] @ parts[1]
    if node.op == "+":
        return parts[0] + parts[1]
    if node.op == "-":
        return parts[0] - parts[1]
    if node.op == "*":
        return parts[0] * parts[1]
    if node.op == "T":
        return parts[0].mT
    if node.op == "scale":
        return parts[0] * node.number
    if node.op == "trace":
        entries = (parts[0] * values["1", node.parts[0].rows]).sum(-1)[..., None]
        return parts[1] * (entries.mT @ (entries * 0 + 1))
    return parts[1] * parts[0].sum(-1)[..., None]


def symbols():
    sizes = {name: Size(name) for name in SIZES}
    shapes = {
        "S": "aa",
        "G": "aa",
        "A": "ab",
        "H": "ab",
        "B": "ba",
        "C": "ba",
        "T": "bb",
        "D": "bb",
    }
    found = {
        n: variable(n, [sizes[s] for s in shape], gate=n in GATES) for n, shape in shapes.items()
    }
    return found | {("1", name): identity(size) for name, size in sizes.items()}


def numbers(rng, a, b):
    """Whole numbers at given sizes, gates 0 or 1."""
    sizes = {"a": a, "b": b}
    shapes = {
        "S": "aa",
        "G": "aa",
        "A": "ab",
        "H": "ab",
        "B": "ba",
        "C": "ba",
        "T": "bb",
        "D": "bb",
    }

    def entry(name):
        return rng.randint(0, 1) if name in GATES else rng.randint(-(10**6), 10**6)

    found = {
        n: np.array(
            [[entry(n) for _ in range(sizes[s[1]])] for _ in range(sizes[s[0]])], dtype=object
        )
        for n, s in shapes.items()
    }
    return found | {("1", s): np.eye(n, dtype=int).astype(object) for s, n in sizes.items()}


def _with(node, parts):
    return Node(node.op, tuple(parts), node.name, node.rows, node.columns, node.number)


def _laws(node):
    """What one law makes of the top of an expression."""
    op, parts = node.op, node.parts
    if op == "@":
        left, right = parts
        if left.op == "@":
            x, y = left.parts
            inner = Node("@", (y, right), "", y.rows, right.columns)
            yield Node("@", (x, inner), "", node.rows, node.columns)
        for k, side in enumerate(parts):
            if side.op in ("+", "-"):
                both = [
                    Node("@", (s, right) if k == 0 else (left, s), "", node.rows, node.columns)
                    for s in side.parts
                ]
                yield Node(side.op, tuple(both), "", node.rows, node.columns)
        if left.op == "T" and right.op == "T":
            x = Node("@", (right.parts[0], left.parts[0]), "", node.columns, node.rows)
            yield Node("T", (x,), "", node.rows, node.columns)
        if left.op == "rows":  # diag(u) X Y = diag(u) (X Y)
            u, x = left.parts
            yield Node(
                "rows",
                (u, Node("@", (x, right), "", x.rows, right.columns)),
                "",
                node.rows,
                node.columns,
            )
    if op in ("+", "*"):
        yield _with(node, parts[::-1])
        if op == "*" and parts[0].op in ("+", "-"):
            both = [Node("*", (s, parts[1]), "", node.rows, node.columns) for s in parts[0].parts]
            yield Node(parts[0].op, tuple(both), "", node.rows, node.columns)
    if op == "-":
        minus = Node("scale", (parts[1],), "", node.rows, node.columns, -1)
        yield Node("+", (parts[0], minus), "", node.rows, node.columns)
    if op == "T":
        (x,) = parts
        if x.op == "@":
            y, z = x.parts
            turned = [Node("T", (s,), "", s.columns, s.rows) for s in (z, y)]
            yield Node("@", tuple(turned), "", node.rows, node.columns)
        if x.op == "T":
            yield x.parts[0]
        if x.op in ("+", "-", "*"):
            turned = [Node("T", (s,), "", s.columns, s.rows) for s in x.parts]
            yield Node(x.op, tuple(turned), "", node.rows, node.columns)
    if op == "trace" and parts[0].op == "@":
        x, y = parts[0].parts
        yield Node(
            "trace",
            (Node("@", (y, x), "", y.rows, x.columns), parts[1]),
            "",
            node.rows,
            node.columns,
        )
    if op == "trace" and parts[0].op == "T":
        yield Node("trace", (parts[0].parts[0], parts[1]), "", node.rows, node.columns)
    if op == "leaf" and node.name in GATES:
        yield Node("*", (node, node), "", node.rows, node.columns)
    yield Node("T", (Node("T", (node,), "", node.columns, node.rows),), "", node.rows, node.columns)


def _changes(node):
    """Single tokens that mean something else, shapes kept."""
    op, parts = node.op, node.parts
    square = node.rows == node.columns
    if op in ("+", "-"):
        yield Node("-" if op == "+" else "+", parts, "", node.rows, node.columns)
        yield Node("*", parts, "", node.rows, node.columns)
    if op == "*":
        yield Node("+", parts, "", node.rows, node.columns)
    if op == "*" and square:
        yield Node("@", parts, "", node.rows, node.columns)
    if op == "T" and square:
        yield parts[0]
    if op == "@" and square and parts[0].rows == parts[0].columns:
        yield _with(node, parts[::-1])
    if op == "scale":
        yield Node("scale", parts, "", node.rows, node.columns, node.number + 1)
    if op == "leaf":
        other = {"S": "G", "G": "S", "A": "H", "H": "A", "B": "C", "C": "B", "T": "D", "D": "T"}
        yield Node("leaf", (), other[node.name], node.rows, node.columns)
    if op in ("trace", "rows"):
        yield parts[1]


def somewhere(rng, node, rules):
    """One rule applied at a random place; the expression itself where none applies."""
    places = []

    def walk(n, path):
        places.append((n, path))
        for k, part in enumerate(n.parts):
            walk(part, (*path, k))

    walk(node, ())
    options = [(other, path) for n, path in places for other in rules(n)]
    if not options:
        return node
    other, path = rng.choice(options)

    def put(n, path):
        if not path:
            return other
        parts = [put(p, path[1:]) if k == path[0] else p for k, p in enumerate(n.parts)]
        return _with(n, parts)

    return put(node, path)


def rewritten(rng, node, steps=4):
    for _ in range(steps):
        node = somewhere(rng, node, _laws)
    return node


def changed(rng, node):
    return somewhere(rng, node, _changes)


def pair(seed, depth=2):
    """An expression and the source of what follows."""
    rng = Random(seed)
    return rng, drawn(rng, depth)
