"""The part of a Python file that one name needs: what a counterexample quotes, so that it runs
without the file.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

PLAIN = {
    "torch": "import torch",
    "np": "import numpy as np",
    "numpy": "import numpy",
    "math": "import math",
}
"""Modules that a formula without this library may use, by the name it gives them."""


def slice_of(file: str, names: Iterable[str]) -> str:
    """The top-level statements of ``file`` that bind ``names`` and whatever these use, in their
    order and wording.

    Raises:
        KeyError: for a name that no top-level statement binds.
    """
    source = Path(file).read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = source.splitlines()
    binders: dict[str, list[int]] = {}
    for position, node in enumerate(tree.body):
        for name in _bound(node):
            binders.setdefault(name, []).append(position)
    wanted = {
        i
        for i, node in enumerate(tree.body)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    }
    queue = list(names)
    for name in queue:
        if name not in binders:
            raise KeyError(name)
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        for position in binders.get(name, ()):
            if position not in wanted:
                wanted.add(position)
                queue += _used(tree.body[position])
    return "\n".join(_text(tree.body[i], lines, seen) for i in sorted(wanted))


def _text(node: ast.stmt, lines: list[str], used: set[str]) -> str:
    """A statement in its own words; of an import, the names that are used."""
    if isinstance(node, ast.ImportFrom) and node.module != "__future__":
        kept = [alias for alias in node.names if (alias.asname or alias.name) in used]
        return ast.unparse(ast.ImportFrom(node.module, kept, node.level))
    if isinstance(node, ast.Import):
        return ast.unparse(
            ast.Import([a for a in node.names if (a.asname or a.name.split(".")[0]) in used])
        )
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    text = "\n".join(lines[first - 1 : node.end_lineno])
    return f"\n\n{text}\n" if isinstance(node, ast.FunctionDef | ast.ClassDef) else text


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _used(node: ast.AST) -> list[str]:
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]


# -- one function, free of this library ------------------------------------------------------------


class PlainFormulaError(Exception):
    """A function needs more than torch, numpy and other plain functions."""


def plain_functions(functions: Mapping[str, Callable[..., Any]]) -> tuple[list[str], set[str]]:
    """Definitions of ``functions`` under these names, with the functions that they call before
    them, and the imports.

    Annotations and docstrings are left out.

    Raises:
        PlainFormulaError: if they need this library, a class or a closure.
    """
    written: dict[str, tuple[Any, str]] = {}
    imports: set[str] = set()

    def write(name: str, function: Callable[..., Any]) -> None:
        if name in written:
            if written[name][0] is not function:
                raise PlainFormulaError(f"two functions are called {name}")
            return
        written[name] = (function, "")
        text, used = _plain(name, function)
        for other in sorted(used):
            value = function.__globals__.get(other)
            if (
                isinstance(value, ModuleType)
                and other in PLAIN
                and PLAIN[other].split()[1] == value.__name__
            ):
                imports.add(PLAIN[other])
            elif isinstance(value, bool | int | float | str):
                definitions.append(f"{other} = {value!r}")
            elif (home := _home(other, value)) is not None:
                imports.add(f"from {home} import {other}")
            elif isinstance(value, FunctionType):
                write(other, value)
            else:
                raise PlainFormulaError(f"{name} uses {other}")
        definitions.append(text)

    definitions: list[str] = []
    for name, function in functions.items():
        write(name, function)
    return definitions, imports


def _home(name: str, value: Any) -> str | None:
    """The public module, not of this library, from which ``value`` is imported under this name."""
    for module in ("torch", "numpy", "fractions", "math"):
        if getattr(sys.modules[module], name, None) is value:
            return module
    return None


def _plain(name: str, function: Callable[..., Any]) -> tuple[str, set[str]]:
    """The function as ``def name(…)``, and the global names that it uses."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_freevars:
        raise PlainFormulaError(f"{name} is a closure")
    try:
        tree = ast.parse(Path(code.co_filename).read_text(encoding="utf-8"))
    except (OSError, SyntaxError) as error:
        raise PlainFormulaError(f"the source of {name} is not to be had") from error
    node = _find(tree, code)
    if node is None or node.args.kwonlyargs or node.args.vararg or node.args.kwarg:
        raise PlainFormulaError(f"the source of {name} is not found")
    names = [a.arg for a in node.args.args]
    arguments = ast.arguments(
        [], [ast.arg(a) for a in names], None, [], [], None, node.args.defaults
    )
    if isinstance(node, ast.Lambda):
        body: list[ast.stmt] = [ast.Return(node.body)]
    else:
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    stripped = ast.fix_missing_locations(ast.FunctionDef(name, arguments, body, [], lineno=1))
    if any(
        isinstance(n, ast.Import | ast.ImportFrom | ast.FunctionDef)
        for part in body
        for n in ast.walk(part)
    ):
        raise PlainFormulaError(f"{name} imports or defines something")
    local = {
        n.id for n in ast.walk(stripped) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    local |= {a.arg for n in ast.walk(stripped) if isinstance(n, ast.Lambda) for a in n.args.args}
    free = {n for n in _used(stripped) if n not in local and n not in names}
    return ast.unparse(stripped), {
        n for n in free if n in function.__globals__ or not hasattr(builtins, n)
    }


def _find(tree: ast.Module, code: Any) -> ast.FunctionDef | ast.Lambda | None:
    """The definition that was compiled to ``code``: of lambdas on one line, the one that spans its
    instructions.
    """
    spans = [(a, c, b, d) for a, b, c, d in code.co_positions() if None not in (a, b, c, d) and d]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            if min([node.lineno, *(d.lineno for d in node.decorator_list)]) == code.co_firstlineno:
                return node
        elif (
            isinstance(node, ast.Lambda)
            and code.co_name == "<lambda>"
            and node.lineno <= code.co_firstlineno
        ):
            inside = [(row, column) for row, column, _, _ in spans if row >= node.lineno]
            ends = {(row, column) for _, _, row, column in spans}
            starts_here = bool(inside) and min(inside) >= (node.lineno, node.col_offset)
            if starts_here and max(ends) == (node.body.end_lineno, node.body.end_col_offset):
                return node
    return None
