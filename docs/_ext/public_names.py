"""Names: the directive ``public-names``, and names in single backticks found wherever they are
documented.

``public-names:: impl`` documents what the package exports, module by module. The names are exported
lazily, so that autodoc has to be told of each: it sees functions and classes under the module that
they are imported from.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from theorems.claim import Claim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


class PublicNames(SphinxDirective):
    """What a package exports, by the module that makes it; claims have pages of their own."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A section per module."""
        package = importlib.import_module(self.arguments[0])
        out: list[nodes.Node] = []
        for module, names in sorted(_by_module(package).items()):
            short = module.removeprefix(f"{package.__name__}.")
            section = nodes.section(
                "", nodes.title("", short.replace("_", " ")), ids=[short], names=[short]
            )
            lines = [line for name in names for line in _documented(self.arguments[0], name)]
            text = (inspect.getdoc(importlib.import_module(module)) or "").splitlines()
            section += self._parsed([*text, "", *lines], module)
            out.append(section)
        return out

    def _parsed(self, lines: list[str], source: str) -> list[nodes.Node]:
        where = nodes.Element()
        self.state.nested_parse(
            StringList(lines, items=[(source, i) for i in range(len(lines))]), 0, where
        )
        return where.children


def _by_module(package: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in package.__all__:
        value = getattr(package, name)
        if isinstance(value, Claim) or name.startswith("__"):
            continue
        module = getattr(value, "__module__", None) or ""
        if not module.startswith(package.__name__):
            module = _HOME.get(name, package.__name__)
        found.setdefault(module, []).append(name)
    return found


_HOME = {"CLAIMS": "theorems.catalogue", "PAPERS": "theorems.papers"}
"""Values do not know where they are made."""


def _documented(package: str, name: str) -> Iterator[str]:
    value = getattr(importlib.import_module(package), name)
    if inspect.isclass(value):
        yield from (f".. autoclass:: {package}.{name}", "   :members:", "")
    elif callable(value):
        yield from (f".. autofunction:: {package}.{name}", "")
    else:
        kind = (
            f"{type(value).__name__} of {len(value)}"
            if isinstance(value, tuple)
            else type(value).__name__
        )
        yield from (f".. py:data:: {package}.{name}", f"   :type: {kind}", "")


def _found(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Node | None:
    """A name without its module, or with the module that it is made in: the one documented object
    that ends like it.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].removesuffix("()")
    objects = env.get_domain("py").objects
    last = target.rpartition(".")[2]
    names = [f"theorems.{target}", f"impl.{target}", target]
    if target.startswith(("theorems.", "impl.")):
        names.append(f"{target.split('.')[0]}.{last}")
    at = next((name for name in names if name in objects), None)
    if at is None:
        some = [name for name in objects if name.endswith(f".{target}")]
        at = some[0] if len(some) == 1 else None
    if at is None:
        return content if _exists(target, node.get("py:module"), node.get("py:class")) else None
    entry = objects[at]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, at)


def _exists(target: str, module: str | None, cls: str | None) -> bool:
    """Whether a name without a page is one: dotted from a package, or seen from the class or module
    whose docstring has it.
    """
    roots = [importlib.import_module(module)] if module else []
    if roots and cls:
        of_class = getattr(roots[0], cls.split(".")[0], None)
        home = [sys.modules[of_class.__module__]] if inspect.isclass(of_class) else []
        roots = [of_class, *home, *roots]
    if any(_within(root, target.split(".")) for root in roots):
        return True
    parts = target.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        return _within(found, parts[cut:])
    return False


def _within(root: Any, parts: list[str]) -> bool:
    for part in parts:
        if part in getattr(root, "__dataclass_fields__", {}):
            return True
        if not hasattr(root, part):
            return False
        root = getattr(root, part)
    return True


def _signature(
    _app: Sphinx,
    what: str,
    _name: str,
    value: Any,
    _options: Any,
    signature: str | None,
    returned: str | None,
) -> tuple[str, str | None] | None:
    """Default factories as an ellipsis, which parses; protocols are not called."""
    if signature is None:
        return None
    if what == "class" and getattr(value, "_is_protocol", False):
        return "", None
    return signature.replace("<factory>", "..."), returned


def setup(app: Sphinx) -> dict[str, Any]:
    """Make directive and resolver known."""
    app.add_directive("public-names", PublicNames)
    app.connect("missing-reference", _found)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
