"""The gradient of a number: its derivative along a direction of free entries, read off entry by
entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theorems.impl.numbers.duals import Dual
from theorems.impl.symbolic.arrays import Symbolic, variable
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.monomials import Index, Monomial
from theorems.impl.symbolic.sizes import Size
from theorems.impl.symbolic.sums import collected

_DIRECTION = "a direction"


def gradients(function: Callable[..., Any], at: Sequence[Symbolic]) -> tuple[Symbolic, ...]:
    """∇f by each argument: ⟨∇f, v⟩ is linear in a free v, and its coefficients are the gradient.

    Raises:
        NotOfThisFormError: if ``function`` does not return one number.
    """
    found = []
    for which, value in enumerate(at):
        along = variable(_DIRECTION, value.shape)
        duals = [Dual(x, along if i == which else Symbolic(x.shape, {})) for i, x in enumerate(at)]
        result = function(*duals)
        slope = result.tangent if isinstance(result, Dual) else result * 0
        if slope.ndim:
            raise NotOfThisFormError(f"the gradient of an array of shape {slope.shape}")
        terms = [(_without(term, value.shape), c) for term, c in slope.terms.items()]
        found.append(Symbolic(value.shape, collected(terms)))
    return tuple(found)


def _without(term: Monomial, shape: Sequence[Any]) -> Monomial:
    """The coefficient of the direction: its factor taken out, its indices those of the output."""
    at = [i for i, (node, _) in enumerate(term.factors) if node.name == _DIRECTION]
    (place,) = at  # linear, since a dual number is
    indices = iter(term.factors[place][1])
    out: list[Index | None] = [next(indices) if isinstance(size, Size) else None for size in shape]
    rest = term.factors[:place] + term.factors[place + 1 :]
    return Monomial(term.scalars, rest, tuple(out))
