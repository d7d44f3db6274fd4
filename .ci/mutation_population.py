"""Which mutants count: what no test of behaviour can or should see is left out, by these rules and
no others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cosmic_ray.work_item import WorkItem

LOOKS = (
    "theorems/pictures/",
    "theorems/report/",
    "theorems/evidence/tables.py",
    "theorems/evidence/audit_tables.py",
)
RULES = {
    "annotations": "types, in signatures, aliases and `TYPE_CHECKING` blocks: nothing computes "
    "with them",
    "wrong on purpose": "the wrong formulas of a claim's mutants and functions that only these "
    "call: another wrong formula is wrong too",
    "words": "the words of an error and of `__repr__`",
    "looks": "how pictures, the pages of the report and tables look: "
    f"{', '.join(f'`{p}`' for p in LOOKS)}",
    "draws": "numbers in `impl/strategies/`: how large, how many and how often instances are "
    "drawn; every instance drawn is one that a claim must hold on",
}

Span = tuple[int, int, int, int]


def _span(node: ast.AST) -> Span:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def _annotations(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        yield from (
            n
            for name in ("annotation", "returns")
            if isinstance(n := getattr(node, name, None), ast.expr)
        )
        if (isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation)) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ):
            yield node
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("TypeVar", "cast"):
            yield node.args[0]


def _words(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from node.exc.args
        elif isinstance(node, ast.FunctionDef) and node.name == "__repr__":
            yield node
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "require",
            "typer.Option",
            "typer.Argument",
        ):
            yield from [*node.args[1:], *(k.value for k in node.keywords if k.arg == "help")]


def _wrong(tree: ast.Module) -> Iterator[ast.AST]:
    yield from (
        n.value for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg == "mutants"
    )


def wrong_functions() -> dict[str, list[tuple[int, int]]]:
    """File and lines of the functions that the mutants of claims reach and nothing else of a claim
    does.
    """
    from theorems import CLAIMS
    from theorems.planting.plant import nested
    from theorems.planting.reach import Reach

    wrong = Reach(*[dict(claim.changes) for claim in CLAIMS])
    right = Reach(
        *[
            (c.predict, c.observe, c.instances, c.generic, c.relation, dict(c.hypotheses))
            for c in CLAIMS
        ]
    ).codes
    used = {code for top in right for code in nested(top)}
    found: dict[str, list[tuple[int, int]]] = {}
    for code in {code for top in wrong.codes for code in nested(top)} - used:
        lines = [line for _, _, line in code.co_lines() if line]
        if code.co_name != "<lambda>" and lines and "theorems/theorems/" in code.co_filename:
            path = code.co_filename.split("theorems/theorems/", 1)[1]
            found.setdefault(f"theorems/{path}", []).append((min(lines), max(lines)))
    return found


@cache
def _spans(path: str) -> dict[str, list[Span]]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    kinds = {"annotations": _annotations, "words": _words, "wrong on purpose": _wrong}
    return {name: [_span(node) for node in kind(tree)] for name, kind in kinds.items()}


def left_out(item: WorkItem, wrong: dict[str, list[tuple[int, int]]]) -> str | None:
    """The rule by which a mutant does not count; None if it does."""
    m = item.mutations[0]
    path = str(m.module_path)
    if path.startswith(LOOKS):
        return "looks"
    for rule, spans in _spans(path).items():
        if any((a, b) <= m.start_pos and m.end_pos <= (c, d) for a, b, c, d in spans):
            return rule
    if any(low <= m.start_pos[0] <= high for low, high in wrong.get(path, [])):
        return "wrong on purpose"
    if path.startswith("impl/strategies/") and "NumberReplacer" in m.operator_name:
        return "draws"
    return None
