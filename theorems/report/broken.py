"""Where a displayed formula may be broken into lines: a browser breaks between elements, never
within one.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
_OPENS = {"(", "[", r"\{", r"\langle", r"\lfloor", r"\lVert"}
_CLOSES = {")", "]", r"\}", r"\rangle", r"\rfloor", r"\rVert"}
_GROUPS = {"{": 1, "}": -1, r"\left": 1, r"\right": -1, r"\begin": 1, r"\end": -1}
_SPACES = {r"\quad", r"\qquad"}
_RELATIONS = {"=", "<", ">"} | {
    "\\" + name
    for name in [
        "le",
        "ge",
        "leq",
        "geq",
        "to",
        "sim",
        "propto",
        "implies",
        "iff",
        "succeq",
        "preceq",
        "approx",
        "leftarrow",
        "rightarrow",
        "mid",
        "in",
    ]
}
_SIGNS = {"+", "-"}
_THIN = {r"\,", r"\!", r"\;", r"\ "}
_LEADING = {"", "_", "^", r"\left", r"\right"} | _RELATIONS | _SIGNS | _OPENS | _SPACES
"""After one of these a sign is no operator between two terms."""
SHORT = 24
"""A piece with fewer characters of LaTeX is not broken off by itself: it fits everywhere."""


def pieces(latex: str) -> list[str]:
    r"""A formula in pieces that read as before in a row: broken after ``\quad`` and before
    relations and signs.

    Nothing within braces, brackets, norms, ``\left … \right`` or an environment is broken.
    """
    tokens = _TOKEN.findall(latex)
    found, current = [], ""
    depth, norm = 0, False
    before = ""
    for symbol in tokens:
        inside = depth > 0 or norm
        if (
            not inside
            and symbol in _RELATIONS | _SIGNS
            and len(current) >= SHORT
            and before not in _LEADING
        ):
            found.append(current)
            current = "{}"  # an infix operator at the start of a row would lose its space
        current += symbol
        depth += _GROUPS.get(symbol, 0) + (symbol in _OPENS) - (symbol in _CLOSES)
        norm ^= symbol == r"\|"
        if not inside and symbol in _SPACES:
            found.append(current)
            current = ""
        if symbol.strip() and symbol not in _THIN:
            before = symbol
    return [piece for piece in [*found, current] if piece.strip()]
