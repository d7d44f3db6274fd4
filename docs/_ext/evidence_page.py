"""The directive ``evidence-fields``: every field of the evidence file, made of its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

SCHEMA = Path(__file__).parent.parent.parent / "theorems" / "evidence" / "schema.json"


class EvidenceFields(SphinxDirective):
    """One table: field, kind, whether it is always there, meaning."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        self.env.note_dependency(str(SCHEMA))
        head = ("field", "kind", "always", "meaning")
        group = nodes.tgroup("", *(nodes.colspec(colwidth=w) for w in (26, 14, 6, 54)), cols=4)
        group += nodes.thead("", _row(head, plain=True))
        group += nodes.tbody("", *map(_row, fields()))
        return [nodes.table("", group)]


def fields() -> list[tuple[str, str, str, str]]:
    """(path, kind, yes or nothing, meaning) of every field."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return list(_fields(schema, schema, ""))


def _fields(
    whole: dict[str, Any], part: dict[str, Any], above: str
) -> Iterator[tuple[str, str, str, str]]:
    for name, field in part.get("properties", {}).items():
        found = _resolved(whole, field)
        path = f"{above}{name}"
        always = "yes" if name in part.get("required", ()) else ""
        yield path, _kind(whole, found), always, found.get("description", "")
        yield from _fields(whole, found, f"{path}.")
        if isinstance(found.get("items"), dict):
            yield from _fields(whole, _resolved(whole, found["items"]), f"{path}[].")


def _resolved(whole: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    reference = field.get("$ref")
    if reference is None:
        return field
    found: Any = whole
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return {**found, **{k: v for k, v in field.items() if k != "$ref"}}


def _kind(whole: dict[str, Any], field: dict[str, Any]) -> str:
    if "const" in field:
        return json.dumps(field["const"])
    if "enum" in field:
        return ", ".join("null" if value is None else str(value) for value in field["enum"])
    kinds = field.get("type", "any")
    names = [kinds] if isinstance(kinds, str) else kinds
    items = field.get("items")
    if "array" in names and isinstance(items, dict):
        inner = _kind(whole, _resolved(whole, items))
        names = [f"array of {inner}" if name == "array" else name for name in names]
    return " or ".join(names)


def _row(cells: tuple[str, ...], *, plain: bool = False) -> nodes.row:
    first, *rest = cells
    name = nodes.Text(first) if plain else nodes.literal("", first)
    entries = [nodes.entry("", nodes.paragraph("", "", name))]
    return nodes.row("", *entries, *(nodes.entry("", nodes.paragraph("", text)) for text in rest))


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("evidence-fields", EvidenceFields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
