"""The gradient of a number: its derivative along a direction of free entries, read off entry by
entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from theorems.impl.numbers.duals import Dual
from theorems.impl.symbolic.arrays import Symbolic, variable
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.monomials import Index, Monomial
from theorems.impl.symbolic.sizes import Size
from theorems.impl.symbolic.sums import collected

_DIRECTION = "a direction"
_ACTIVE: ContextVar[bool] = ContextVar("differentiating", default=False)


@contextmanager
def differentiating() -> Iterator[None]:
    """One derivative at a time: dual numbers have no levels, so that one within another would take
    the directions of both for one.

    Raises:
        NotOfThisFormError: within another derivative.
    """
    if _ACTIVE.get():
        raise NotOfThisFormError("a derivative within a derivative")
    token = _ACTIVE.set(True)
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def gradients(function: Callable[..., Any], at: Sequence[Symbolic]) -> tuple[Symbolic, ...]:
    """∇f by each argument: ⟨∇f, v⟩ is linear in a free v, and its coefficients are the gradient.

    Raises:
        NotOfThisFormError: if ``function`` does not return one number.
    """
    found = []
    for which, value in enumerate(at):
        along = variable(_DIRECTION, value.shape)
        duals = [Dual(x, along if i == which else Symbolic(x.shape, {})) for i, x in enumerate(at)]
        with differentiating():
            result = function(*duals)
        slope = result.tangent if isinstance(result, Dual) else value.lifted(result) * 0
        if any(isinstance(size, Size) for size in slope.shape):
            raise NotOfThisFormError(f"the gradient of an array of shape {slope.shape}")
        terms = [(_without(term, value.shape), c) for term, c in slope.terms.items()]
        found.append(Symbolic(value.shape, collected(terms)))
    return tuple(found)


def _without(term: Monomial, shape: Sequence[Any]) -> Monomial:
    """The coefficient of the direction: its factor taken out, its indices those of the output.

    Raises:
        NotOfThisFormError: for an entry at a fixed place, whose gradient is zero everywhere else.
    """
    at = [i for i, (node, _) in enumerate(term.factors) if node.name == _DIRECTION]
    (place,) = at  # linear, since a dual number is
    if any(number < 0 for _, number in term.factors[place][1]):
        raise NotOfThisFormError("the gradient of entries at a fixed place")
    indices = iter(term.factors[place][1])
    out: list[Index | None] = [next(indices) if isinstance(size, Size) else None for size in shape]
    rest = term.factors[:place] + term.factors[place + 1 :]
    return Monomial(term.scalars, rest, tuple(out))
