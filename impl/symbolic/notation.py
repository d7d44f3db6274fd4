"""Sums of monomials as mathematics to be read: index notation, and LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theorems.impl.symbolic.monomials import FIRST, Index, Monomial

_LETTERS = "ijklmpqrstuvwxyzabcdefgh"


def _letters(term: Monomial, names: dict[Index, str] | None = None) -> dict[Index, str]:
    found: dict[Index, str] = dict(names or {})
    order = [i for i in term.out if i is not None]
    order += [i for _, indices in term.factors for i in indices]
    for index in order:
        if index[1] < 0:
            found[index] = "first" if index[1] == FIRST else "last"
        elif index not in found:
            at = len(found)
            found[index] = _LETTERS[at % len(_LETTERS)] + str(at // len(_LETTERS) or "")
    return found


def written(value: Any, shown: Mapping[str, str] | None = None) -> str:
    """A value in index notation: repeated indices that the output lacks are summed.

    Args:
        value: a `Symbolic`.
        shown: names to show in place of those of the nodes.
    """
    parts = [term_text(term, c, shown or {}) for term, c in _ordered(value.terms)]
    return " + ".join(parts).replace("+ -", "- ") if parts else "0"


def latex(value: Any, shown: Mapping[str, str] | None = None) -> str:
    """The same in LaTeX."""
    parts = [_term_latex(term, c, shown or {}) for term, c in _ordered(value.terms)]
    return " + ".join(parts).replace("+ -", "- ") if parts else "0"


def _ordered(terms: Mapping[Monomial, Fraction]) -> list[tuple[Monomial, Fraction]]:
    return sorted(terms.items(), key=lambda pair: (len(pair[0].factors), str(pair[0])))


def term_text(term: Monomial, c: Fraction, shown: Mapping[str, str]) -> str:
    """One monomial in index notation."""
    letters = _letters(term)
    parts = [name + ("" if power == 1 else f"^{power}") for name, power in term.scalars]
    for node, indices in term.factors:
        name = shown.get(node.name, node.name)
        parts.append(f"{name}[{','.join(letters[i] for i in indices)}]" if indices else name)
    parts += [f"δ[{','.join(letters[i] for i in pair)}]" for pair in _repeated(term)]
    return _with_sign(c, parts, "·")


def _term_latex(term: Monomial, c: Fraction, shown: Mapping[str, str]) -> str:
    letters = _letters(term)
    parts = [_tex(name) + ("" if power == 1 else f"^{{{power}}}") for name, power in term.scalars]
    for node, indices in term.factors:
        name = _tex(shown.get(node.name, node.name))
        parts.append(f"{name}_{{{' '.join(letters[i] for i in indices)}}}" if indices else name)
    parts += [f"\\delta_{{{' '.join(letters[i] for i in pair)}}}" for pair in _repeated(term)]
    return _with_sign(c, parts, r" \, ")


def _tex(name: str) -> str:
    if len(name) == 1:
        return name
    plain = name.replace("_", r"\_").replace("∂", r"\partial ")
    return rf"\mathrm{{{plain}}}"


def _repeated(term: Monomial) -> list[tuple[Index, Index]]:
    seen: set[Index] = set()
    found = []
    for index in term.out:
        if index is None:
            continue
        if index in seen:
            found.append((index, index))
        seen.add(index)
    return found


def _with_sign(c: Fraction, parts: list[str], times: str) -> str:
    if not parts:
        return str(c)
    sign = "-" if c < 0 else ""
    size = "" if abs(c) == 1 else f"{abs(c)}{times}"
    return f"{sign}{size}{times.join(parts)}"
