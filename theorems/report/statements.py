"""Statements as HTML: reStructuredText by docutils, formulas as MathML.

The words of a claim may be anybody's, so only the elements listed here come out: no raw HTML, no
included files, no images.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

from markupsafe import Markup, escape

from theorems.report.broken import pieces

_TAGS = {
    "paragraph": "p",
    "emphasis": "em",
    "strong": "strong",
    "literal": "code",
    "literal_block": "pre",
    "bullet_list": "ul",
    "enumerated_list": "ol",
    "list_item": "li",
    "block_quote": "blockquote",
    "definition_list": "dl",
    "term": "dt",
    "definition": "dd",
    "subscript": "sub",
    "superscript": "sup",
}
_SILENT = {
    "system_message",
    "comment",
    "image",
    "raw",
    "substitution_definition",
    "target",
    "pending",
}
_SIZED = re.compile(r"\\[Bb]igg?([lr]?)(?![A-Za-z])")
_OPENING = {
    "(": ")",
    "[": "]",
    r"\{": r"\}",
    r"\langle": r"\rangle",
    r"\lVert": r"\rVert",
    r"\lfloor": r"\rfloor",
}

_MARKS = {"_": "sub", "^": "sup"}
_ONE = r"(?:in|out|max|min)(?![A-Za-z])|[A-Za-z](?![A-Za-z](?![_^]))|[-−]?[0-9]+(?:\.[0-9]+)?|[^\W0-9_A-Za-z]|[∞½¼¾⊤⊥*†]"  # noqa: E501
_ENCLOSED = r"\{(?:[^{}]|\{[^{}]*\})*\}|\((?:[^()]|\([^()]*\))*\)"
_PIECE = rf"[_^](?:{_ENCLOSED}|{_ONE})"
_CLOSING = r"[∇‖)\]}∂₀-₉\u0300-\u036f]"
_BEFORE = rf"[^\W_]|{_CLOSING}"
_CHAIN = re.compile(
    rf"(?:(?<![A-Za-z_])[^\W_]|{_CLOSING})(?:{_PIECE})+(?:(?:{_BEFORE})(?:{_PIECE})+)*"
)
_BASE = re.compile(rf"({_BEFORE})((?:{_PIECE})+)")
_SCRIPT = re.compile(rf"([_^])({_ENCLOSED}|{_ONE})")


@dataclass(frozen=True)
class Statement:
    """A statement in two parts: the sentence that says it, and the rest."""

    lead: Markup
    body: Markup


@lru_cache(maxsize=1024)
def statement(text: str, names: Collection[str] = frozenset()) -> Statement:
    """A docstring as HTML; the names of claims among ``names`` become links to their cards, except
    in the lead.
    """
    document = parsed(text)
    parts = [node for node in document.children if node.tagname not in _SILENT]
    lead, rest = "", parts
    if parts and parts[0].tagname == "paragraph":
        lead, rest = "".join(_html(child, ()) for child in parts[0].children), parts[1:]
    return Statement(Markup(lead), Markup("\n".join(_html(node, names) for node in rest)))  # noqa: S704


def formula(latex: str, *, block: bool) -> str:
    """A formula as MathML; one that cannot be converted is shown as it was typed, and says so."""
    from math_core import LatexError

    try:
        return _converter().convert_with_local_state(_fenced(latex), displaystyle=block)
    except LatexError:
        return (
            '<code class="untypeset" title="this formula could not be '
            f'typeset">{escape(latex)}</code>'
        )


@cache
def _converter() -> Any:
    from math_core import LatexToMathML

    return LatexToMathML(fancy_error=False)


def _fenced(latex: str) -> str:
    r"""Pairs of sized delimiters as ``\left`` and ``\right``: a browser sizes those to what they
    enclose, the others badly.
    """
    pieces = _SIZED.split(latex)
    fenced, closing = pieces[0], []
    for side, after in zip(pieces[1::2], pieces[2::2], strict=True):
        token = re.match(r"\s*(\\[A-Za-z]+|\\.|.)", after, re.DOTALL)
        if token is None:
            return latex
        if side != "r" and token[1] in _OPENING:
            closing.append(_OPENING[token[1]])
            fenced += r"\left" + after
        elif closing and token[1] == closing[-1]:
            closing.pop()
            fenced += r"\right" + after
        else:
            return latex
    return latex if closing else fenced


def parsed(text: str) -> Any:
    """A docstring as a docutils document; what is wrong with it is among its nodes."""
    from docutils.parsers.rst import Parser
    from docutils.utils import new_document

    document = new_document("<statement>", _settings().copy())
    Parser().parse(text, document)
    return document


@cache
def _settings() -> Any:
    from docutils.frontend import get_default_settings
    from docutils.parsers.rst import Parser

    settings = get_default_settings(Parser)
    settings.file_insertion_enabled = settings.raw_enabled = False
    settings.report_level = settings.halt_level = 5
    return settings


def _html(node: Any, names: Collection[str]) -> str:
    name, text = node.tagname, node.astext()
    if name in _SILENT:
        return ""
    if name in _LEAVES:
        return str(_LEAVES[name](text))
    if name == "title_reference" or (name == "literal" and text in names):
        return code(text, names)
    inner = "".join(_html(child, names) for child in node.children)
    if name == "reference" and names and re.match(r"https?://", node.get("refuri", "")):
        return f'<a href="{escape(node["refuri"])}" rel="noreferrer">{inner}</a>'
    tag = _TAGS.get(name)
    return f"<{tag}>{inner}</{tag}>" if tag else inner


def _scripts(text: str) -> str:
    """Text with its mathematics' sub- and superscripts set as such: k_i, d_out, ‖W‖_F, e^{−2λt}.
    Other underscores stay.
    """
    done, at = "", 0
    for chain in _CHAIN.finditer(text):
        done += str(escape(text[at : chain.start()]))
        for base, scripts in _BASE.findall(chain[0]):
            done += str(escape(base))
            for mark, script in _SCRIPT.findall(scripts):
                inner = script[1:-1] if script[0] in "{(" else script
                # a script may have its own
                done += f"<{_MARKS[mark]}>{_scripts(inner)}</{_MARKS[mark]}>"
        at = chain.end()
    return done + str(escape(text[at:]))


def words(text: str) -> Markup:
    """A plain sentence, its powers and indices set as such."""
    return Markup(_scripts(text))  # noqa: S704


def code(name: str, names: Collection[str] = ()) -> Markup:
    """A name in code type that may break after its underscores; a link if there is a card of that
    name.
    """
    broken = Markup("_<wbr>").join(name.split("_"))
    if name in names:
        return Markup('<a href="#claim-{}"><code>{}</code></a>').format(name, broken)
    return Markup("<code>{}</code>").format(broken)


def _line(latex: str) -> str:
    return formula(latex, block=True)


_LEAVES: dict[str, Callable[[str], str]] = {
    "#text": _scripts,
    # bars around a word are an absolute value here
    "substitution_reference": lambda text: f"|{_scripts(text)}|",
    "math": partial(formula, block=False),
    "math_block": lambda text: (
        f'<div class="formula scroll">{"".join(map(_line, pieces(text)))}</div>'
    ),
}
