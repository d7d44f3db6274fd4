"""Every change of one token in the body of a function, by rule."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.MatMult: ("@", "*"),
    ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "cos": "sin", "sin": "cos"}
_TERMS = (ast.Add, ast.Sub, ast.Mult)


@dataclass(frozen=True)
class Change:
    """One token of a file replaced (a dropped term takes its operator with it).

    Args:
        path: the file.
        line: 1, 2, …
        start: offset in the file's text at which ``old`` stands.
        old: what stands there.
        new: what is written instead.
        rule: the kind of change.
    """

    path: str
    line: int
    start: int
    old: str
    new: str
    rule: str

    def __str__(self) -> str:
        """For a table: rule, place, and the line before and after."""
        text = source(self.path)
        first = text.rfind("\n", 0, self.start) + 1
        last = text.find("\n", self.start + len(self.old))
        line = text[first:last]
        at = self.start - first
        after = line[:at] + self.new + line[at + len(self.old) :]
        return f"{' '.join(line.split())}  →  {' '.join(after.split())}"

    @property
    def position(self) -> tuple[int, int]:
        """Line and column in bytes, as code objects count them."""
        text = source(self.path)
        return self.line, len(text[text.rfind("\n", 0, self.start) + 1 : self.start].encode())

    def apply(self) -> str:
        """The file's text with the change made."""
        text = source(self.path)
        if text[self.start : self.start + len(self.old)] != self.old:
            raise ValueError(
                f"expected {self.old!r} at {self.path}:{self.line}, the file has changed"
            )
        return text[: self.start] + self.new + text[self.start + len(self.old) :]


@lru_cache
def source(path: str) -> str:
    """The text of a file."""
    return Path(path).read_text(encoding="utf-8")


class _Text:
    """Offsets in a file's text of what the syntax tree and the tokens say in lines and columns."""

    def __init__(self, path: str) -> None:
        self.path, self.text = path, source(path)
        self.lines = self.text.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.tokens = [
            (self.starts[t.start[0] - 1] + t.start[1], t.string)
            for t in tokenize.generate_tokens(io.StringIO(self.text).readline)
        ]
        self.tree = ast.parse(self.text)

    def begin(self, node: Any) -> int:
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: Any) -> int:
        return self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def token(self, string: str, low: int, high: int) -> int:
        return next(at for at, text in self.tokens if low <= at < high and text == string)

    def closing(self, node: Any, high: int) -> int:
        """Where an operand ends with the parentheses around it, none of which encloses offsets
        before ``high``.
        """
        end, depth = self.end(node), 0
        low = self.begin(node)
        for at, text in self.tokens:
            if high <= at < low and text == "(":
                depth += 1
            if at >= end and depth:
                if text != ")":
                    continue
                depth -= 1
                end = at + 1
        return end


@lru_cache
def _read(path: str) -> _Text:
    return _Text(path)


def changes(path: str, low: int, high: int, twins: Mapping[str, str]) -> Iterator[Change]:
    """Every single-token change of the code in lines ``low`` … ``high`` of a file, in the order of
    the file.

    Signs and operators, comparisons, integers by one either way, floats doubled, truth values,
    transposes left out, an operand's last term or factor left out, ``min`` for ``max``, and an
    attribute for its twin. What a function refuses (``raise``, ``assert``), docstrings,
    annotations, decorators and defaults are left alone: they predict nothing.

    Args:
        path: the file.
        low: first line.
        high: last line.
        twins: attributes by the attribute that is written in their place: fields of one type.
    """
    text = _read(path)
    found: list[Change] = []

    def note(start: int, old: str, new: str, rule: str) -> None:
        if not text.text.startswith(old, start):
            raise ValueError(f"expected {old!r} at offset {start} of {path}")
        line = text.text.count("\n", 0, start) + 1
        found.append(Change(path, line, start, old, new, rule))

    for node in _predicting(text.tree):
        if low <= getattr(node, "lineno", 0) <= high:
            _of_node(node, text, note, twins)
    return iter(sorted(set(found), key=lambda c: (c.start, c.rule, c.new)))


def _predicting(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that predict nothing."""
    if isinstance(
        node, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom | ast.arguments | ast.JoinedStr
    ):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("decorator_list", "annotation", "returns", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _predicting(child)


def _of_node(node: Any, text: _Text, note: Any, twins: Mapping[str, str]) -> None:
    if isinstance(node, ast.BinOp):
        old, new = _OPERATORS.get(type(node.op), ("", ""))
        if old:
            at = text.token(old, text.end(node.left), text.begin(node.right))
            note(at, old, new, f"{old} → {new}")
            if isinstance(node.op, _TERMS):
                last = text.closing(node.right, at)
                rule = "factor left out" if isinstance(node.op, ast.Mult) else "term left out"
                note(at, text.text[at:last], "", rule)
    elif isinstance(node, ast.BoolOp) or (isinstance(node, ast.Compare) and len(node.ops) == 1):
        _of_comparison(node, text, note)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        old = "-" if isinstance(node.op, ast.USub) else "not"
        note(text.begin(node), old, "", "sign" if old == "-" else "not left out")
    elif isinstance(node, ast.Constant):
        _of_constant(node, text, note)
    elif isinstance(node, ast.Attribute):
        end = text.end(node)
        if node.attr in ("mT", "T"):
            note(end - len(node.attr) - 1, f".{node.attr}", "", "transpose left out")
        elif node.attr in twins and isinstance(node.value, ast.Name):
            note(end - len(node.attr), node.attr, twins[node.attr], "another field")
        elif node.attr in _NAMES:
            note(
                end - len(node.attr),
                node.attr,
                _NAMES[node.attr],
                f"{node.attr} → {_NAMES[node.attr]}",
            )
    elif isinstance(node, ast.Name) and node.id in _NAMES:
        note(text.begin(node), node.id, _NAMES[node.id], f"{node.id} → {_NAMES[node.id]}")


def _of_comparison(node: Any, text: _Text, note: Any) -> None:
    if isinstance(node, ast.BoolOp):
        pairs = [(node.op, a, b) for a, b in zip(node.values, node.values[1:], strict=False)]
    else:
        pairs = [(node.ops[0], node.left, node.comparators[0])]
    for operator, left, right in pairs:
        old, new = _OPERATORS.get(type(operator), ("", ""))
        if old:
            note(text.token(old, text.end(left), text.begin(right)), old, new, f"{old} → {new}")


def _of_constant(node: ast.Constant, text: _Text, note: Any) -> None:
    written = text.text[text.begin(node) : text.end(node)]
    if isinstance(node.value, bool):
        note(text.begin(node), written, str(not node.value), "truth value")
    elif isinstance(node.value, int):
        note(text.begin(node), written, str(node.value + 1), "n → n + 1")
        if node.value > 0:
            note(text.begin(node), written, str(node.value - 1), "n → n − 1")
    elif isinstance(node.value, float):
        note(
            text.begin(node),
            written,
            repr(2 * node.value) if node.value else "1.0",
            "number doubled",
        )
