"""What a symbolic array is asked for besides arithmetic: functions of entries, inverses,
projections, ranks, bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theorems.impl.symbolic.axes import Axes
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.relations import note_used


def _entrywise(function: str) -> Callable[[Any], Any]:
    """A function of every entry: a variable that stands for its values, one for each argument."""

    def values(self: Any) -> Any:
        return self.fresh(f"{function}({self.label()})")

    values.__doc__ = f"The function {function} of every entry, whatever its values."
    return values


class Functions(Axes):
    """Functions of an array; each is in a room of its own."""

    tanh = _entrywise("tanh")
    exp = _entrywise("exp")
    sin = _entrywise("sin")
    cos = _entrywise("cos")
    erf = _entrywise("erf")
    sign = _entrywise("sign")

    def exp2(self: Any) -> Any:
        """2^x of every entry."""
        from theorems.impl.symbolic.exponentials import power_of_two

        return power_of_two(self)

    def clamp(self: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002
        """The positive part, of what is known to have switches of its own that are the same for all
        rows.
        """
        known = {
            node.algebra: None
            for term in self.terms
            for node, _ in term.factors
            if node.algebra is not None
        }
        for algebra in known:
            found = algebra.positive_parts.get(frozenset(self.terms.items()))
            if found is not None and max is None and type(min) is int and min == 0:
                note_used(algebra.name)
                return found
        raise NotOfThisFormError("the function clamp of variables")

    def least_squares(self: Any, targets: Any) -> Any:
        """H⁺Y: H⁺ a variable with H⁺H = I where the columns of H are known to be independent."""
        from theorems.impl.symbolic.inverses import pseudo_inverse

        return pseudo_inverse(self) @ targets

    def gradients(self: Any, function: Callable[..., Any], at: Sequence[Any]) -> tuple[Any, ...]:
        """The gradient of a number by each operand of ``at``, exactly."""
        from theorems.impl.symbolic.derivatives import gradients

        return gradients(function, at)

    def differentiating(self: Any) -> Any:
        """A context of one derivative, within which no other one may be taken."""
        from theorems.impl.symbolic.derivatives import differentiating

        return differentiating()

    def project(self: Any, targets: Any) -> Any:
        """The columns of ``targets`` projected on the columns of this matrix, whatever its rank."""
        from theorems.impl.symbolic.inverses import projector

        return projector(self) @ targets

    def unexplained(self: Any, targets: Any) -> Any:
        """‖(I − P)Y‖² for the projector P on the columns of this matrix."""
        left = targets - self.project(targets)
        return (left * left).sum(-1).sum(-1)

    def vanishes(self: Any) -> Any:
        """1 where an entry is zero, else 0: a variable by the name of what is left without factors
        that are not zero.
        """
        from theorems.impl.symbolic.quotients import numerator

        left = numerator(self)
        return left.fresh(f"1[{left.label()} = 0]")

    def smaller(self: Any, other: Any) -> Any:
        """The smaller of two numbers, as a bound."""
        from theorems.impl.symbolic.ranks import Least

        return Least((self, self.lifted(other)))

    def rank(self: Any) -> Any:
        """The rank of a matrix, to compare it with that of another."""
        from theorems.impl.symbolic.equal_ranks import RankOf

        return RankOf(self)

    def inverse(self: Any) -> Any:
        """The inverse of a square matrix wherever there is one: a node of its own with its
        relations.
        """
        from theorems.impl.symbolic.inverses import inverse_of

        return inverse_of(self)
