"""Mathematics as MathML, by the converter of the report: nothing is loaded, and a formula that
cannot be set is a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.transforms.references import Substitutions
from markupsafe import Markup
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from theorems.report.statements import formula, words

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_LOGGER = logging.getLogger(__name__)
_AS_TYPED = (
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.comment,
    nodes.title,
)


class AbsoluteValues(SphinxTransform):
    """Bars around a word are an absolute value in these docstrings, and no substitution."""

    default_priority = Substitutions.default_priority - 10

    def apply(self, **_: Any) -> None:
        """Replace the references that no definition answers."""
        for reference in list(self.document.findall(nodes.substitution_reference)):
            if reference["refname"] not in self.document.substitution_defs:
                reference.replace_self(nodes.Text(f"|{reference.astext()}|"))


class Scripts(SphinxPostTransform):
    """Indices and powers in running text, k_i, ‖W‖_F, e^{−2λt}; names in code type break after
    underscores, and nowhere else.
    """

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Set what `theorems.report.statements.words` sets in the report."""
        for text in list(self.document.findall(nodes.Text)):
            if "_" in text and isinstance(text.parent, nodes.literal):
                text.parent.replace(
                    text, nodes.raw("", str(_breakable(text.astext())), format="html")
                )
                continue
            if not any(c in text for c in "_^") or _is_typed(text):
                continue
            set_so = str(words(text.astext()))
            if "<su" in set_so:
                text.parent.replace(text, nodes.raw("", set_so, format="html"))


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _is_typed(text: nodes.Node) -> bool:
    node = text.parent
    while node is not None:
        if isinstance(node, _AS_TYPED) or type(node).__name__.startswith("desc_sig"):
            return True
        node = node.parent
    return False


def _set(node: nodes.Element, *, block: bool) -> str:
    done = formula(node.astext(), block=block)
    if "untypeset" in done:
        _LOGGER.warning(
            "this formula cannot be set as MathML: %s", node.astext(), location=node, type="mathml"
        )
    return done


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_set(node, block=False))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula" tabindex="0">{_set(node, block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Make it the renderer of mathematics."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_inline, None), block_renderers=(_block, None)
    )
    app.add_transform(AbsoluteValues)
    app.add_post_transform(Scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
