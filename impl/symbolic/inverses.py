"""Inverses and frames: variables that satisfy relations.

What is said of an inverse is said wherever there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from theorems.impl.symbolic.arrays import Symbolic, identity, variable
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.exponentials import Exponentials
from theorems.impl.symbolic.labelling import canonical
from theorems.impl.symbolic.monomials import Monomial, Node, renamed
from theorems.impl.symbolic.quotients import diagonal_inverse
from theorems.impl.symbolic.relations import Algebra, Rule, note_used
from theorems.impl.symbolic.sizes import Size, same_shape
from theorems.impl.symbolic.sums import collected


def inverse_of(matrix: Symbolic) -> Symbolic:
    """The inverse of a square matrix.

    Of a multiple of the identity the multiple of the inverse number; of a Gram matrix plus one,
    seen from its other side where that comes first by name; of anything else a variable R with R
    M = M R = I.

    Raises:
        NotOfThisFormError: for a stack of matrices, or one that is not square.
    """
    if matrix.ndim != 2 or not same_shape(matrix.shape[:1], matrix.shape[1:]):
        raise NotOfThisFormError(f"the inverse of an array of shape {matrix.shape}")
    if not isinstance(matrix.shape[0], Size):
        return 1 / matrix[0, 0] + matrix * 0
    return _inverse(matrix.shape[0].name, frozenset(matrix.terms.items()))


@lru_cache(maxsize=1000)
def _inverse(size: str, terms: frozenset[tuple[Monomial, Fraction]]) -> Symbolic:
    matrix = Symbolic((Size(size), Size(size)), dict(terms))
    eye = identity(Size(size))
    unit = next(iter(eye.terms))
    multiple = Symbolic(
        (),
        {
            Monomial(t.scalars, (), ()): c
            for t, c in matrix.terms.items()
            if t._replace(scalars=()) == unit
        },
    )
    rest = matrix - eye * multiple
    if not rest.terms:
        return eye / multiple
    other = diagonal_inverse(rest, multiple)
    other = _from_the_other_side(rest, multiple, size) if other is None else other
    return _named(matrix) if other is None else other


def _from_the_other_side(gram: Symbolic, multiple: Symbolic, size: str) -> Symbolic | None:
    """(aXXᵀ + b)⁻¹ = (1 − aX(aXᵀX + b)⁻¹Xᵀ)/b, if b is a number and the size of XᵀX comes first."""
    if len(gram.terms) != 1 or len(multiple.terms) != 1:
        return None
    ((term, c),) = gram.terms.items()
    if len(term.factors) != 2 or term.factors[0][0] != term.factors[1][0]:
        return None
    (node, one), (_, two) = term.factors
    if any(index[1] < 0 for index in (*one, *two)):
        return None
    if len(one) != 2 or not {one[0], two[0]} <= {*term.out} or one[1] != two[1] or one[0] == two[0]:
        if len(one) != 2 or one[0] != two[0] or {one[1], two[1]} != {*term.out}:
            return None
        across, flipped = one[0][0], True
    else:
        across, flipped = one[1][0], False
    if across >= size:
        return None
    rows, columns = (across, size) if flipped else (size, across)
    bare = Monomial((), ((node, ((rows, 0), (columns, 1))),), ((rows, 0), (columns, 1)))
    x = Symbolic((Size(rows), Size(columns)), {canonical(bare): Fraction(1)})
    x = x.mT if flipped else x
    scale = Symbolic((), {Monomial(term.scalars, (), ()): c})
    inner = (x.mT @ x) * scale + identity(Size(across)) * multiple
    return (identity(Size(size)) - x @ inverse_of(inner) @ x.mT * scale) / multiple


def _named(matrix: Symbolic) -> Symbolic:
    """A variable R, and the rule that takes the longest monomial of M away beside it."""
    text = matrix.label()
    algebra = Algebra("R M = M R = I for an inverse R of M", invertible=True, inverse_of=matrix)
    symmetric = not (matrix - matrix.mT).terms
    inverse = variable(f"inv({text})", matrix.shape, symmetric=symmetric, algebra=algebra)
    longest = max(len(t.factors) for t in matrix.terms)
    leads = [t for t in matrix.terms if len(t.factors) == longest]
    if len(leads) == 1 and longest and all(node.algebra is None for node, _ in leads[0].factors):
        lead = leads[0]
        head = Symbolic(matrix.shape, {lead._replace(scalars=()): Fraction(1)})
        scale = Symbolic((), {Monomial(lead.scalars, (), ()): matrix.terms[lead]})
        tail = matrix - head * scale
        eye = identity(matrix.shape[0])
        for product, value in (
            (inverse @ head, (eye - inverse @ tail) / scale),
            (head @ inverse, (eye - tail @ inverse) / scale),
        ):
            ((pattern, _),) = product.terms.items()
            algebra.rules.append(Rule(pattern, value.terms))
    return inverse


def frame(name: str, shape: Sequence[Any], *, square: bool = False) -> Symbolic:
    """Q with orthonormal columns, QᵀQ = I; if ``square`` QQᵀ = I too."""
    algebra = Algebra("QᵀQ = QQᵀ = I" if square else "QᵀQ = I", invertible=square, frame=square)
    found = variable(name, shape, algebra=algebra)
    sides = [found.mT, found] if square else [found.mT]
    for side in sides:
        pattern = _pattern(name, shape, algebra, transposed=side is not found)
        algebra.rules.append(Rule(pattern, identity(side.shape[0]).terms))
    return found


def _pattern(name: str, shape: Sequence[Any], algebra: Algebra, *, transposed: bool) -> Monomial:
    """QᵀQ (or QQᵀ) as a monomial that no rule has seen yet."""
    node = Node(name, algebra=algebra)
    rows, columns = (size.name for size in shape)
    if transposed:
        one, two = ((rows, 2), (columns, 0)), ((rows, 2), (columns, 1))
        return Monomial((), ((node, one), (node, two)), ((columns, 0), (columns, 1)))
    one, two = ((rows, 0), (columns, 2)), ((rows, 1), (columns, 2))
    return Monomial((), ((node, one), (node, two)), ((rows, 0), (rows, 1)))


def unit_vector(name: str, size: Any) -> Symbolic:
    """A vector w with wᵀw = 1."""
    algebra = Algebra("wᵀw = 1")
    found = variable(name, (size,), algebra=algebra)
    node = Node(name, algebra=algebra)
    index = ((size.name, 0),)
    pattern = Monomial((), ((node, index), (node, index)), ())
    algebra.rules.append(Rule(pattern, {Monomial((), (), ()): Fraction(1)}))
    return found


def balanced(names: Sequence[str], widths: Sequence[Any]) -> tuple[Symbolic, ...]:
    """Weights W₁ … W_L with W_(l+1)ᵀW_(l+1) = W_l W_lᵀ: the rule writes every such product with
    lower layers.
    """
    algebra = Algebra("W_(l+1)ᵀW_(l+1) = W_l W_lᵀ")
    weights = tuple(
        variable(name, (n, m), algebra=algebra)
        for name, m, n in zip(names, widths, widths[1:], strict=False)
    )
    for below, name, shape in zip(
        weights, names[1:], zip(widths[2:], widths[1:], strict=False), strict=False
    ):
        pattern = _pattern(name, shape, algebra, transposed=True)
        algebra.rules.append(Rule(pattern, (below @ below.mT).terms))
    return weights


def horizontal(names: tuple[str, str, str], shape: Sequence[Any]) -> tuple[Symbolic, Symbolic]:
    """W, and H with H Wᵀ symmetric: the rule gives that product a name of its own."""
    algebra = Algebra("H Wᵀ = W Hᵀ")
    weight, motion = (variable(name, shape, algebra=algebra) for name in names[:2])
    product = variable(names[2], (shape[0], shape[0]), symmetric=True)
    rows, columns = (size.name for size in shape)
    one, two = ((rows, 0), (columns, 2)), ((rows, 1), (columns, 2))
    factors = ((Node(names[1], algebra=algebra), one), (Node(names[0], algebra=algebra), two))
    algebra.rules.append(Rule(Monomial((), factors, ((rows, 0), (rows, 1))), product.terms))
    return weight, motion


def projector(matrix: Symbolic) -> Symbolic:
    """The orthogonal projector P on the columns of a matrix F of any rank: P = Pᵀ, P P = P and P F
    = F.
    """
    if matrix.ndim != 2:
        raise NotOfThisFormError(f"the projector on an array of shape {matrix.shape}")
    from theorems.impl.symbolic.structured import class_projector

    found = class_projector(matrix)
    if found is not None:
        return found
    matrix = without_invertible(matrix)
    if not isinstance(matrix.shape[0], Size):
        raise NotOfThisFormError(f"the projector on an array of shape {matrix.shape}")
    return _projector(
        tuple(getattr(s, "name", "") for s in matrix.shape),
        frozenset(matrix.terms.items()),
        matrix.label(),
    )


def _axis(name: str) -> Any:
    return Size(name) if name else 1


@lru_cache(maxsize=1000)
def _projector(
    sizes: tuple[str, str], terms: frozenset[tuple[Monomial, Fraction]], text: str
) -> Symbolic:
    size = Size(sizes[0])
    algebra = Algebra("P = Pᵀ = P P and P F = F for the projector P on the columns of F")
    name = f"proj({text})"
    found = variable(name, (size, size), symmetric=True, algebra=algebra)
    algebra.projector = found
    algebra.columns = Symbolic((size, _axis(sizes[1])), dict(terms))
    node = Node(name, symmetric=True, algebra=algebra)
    i, j, k = (sizes[0], 0), (sizes[0], 1), (sizes[0], 2)
    algebra.rules.append(Rule(Monomial((), ((node, (i, k)), (node, (k, j))), (i, j)), found.terms))
    if len(terms) == 1:
        ((term, _),) = terms
        row, column = term.out
        free = not any(n.algebra for n, _ in term.factors)
        if (
            row is not None
            and row != column
            and free
            and any(row in idx for _, idx in term.factors)
        ):
            moved = renamed(term, lambda index: (row[0], 90) if index == row else index)
            factors = ((node, (row, (row[0], 90))), *moved.factors)
            pattern = Monomial(term.scalars, factors, (row, column))
            algebra.rules.append(
                Rule(pattern._replace(scalars=()), {term._replace(scalars=()): Fraction(1)})
            )
    return found


def without_invertible(matrix: Symbolic) -> Symbolic:
    """F for F A with A invertible, which has the same columns' span; anything else as it is."""
    if len(matrix.terms) != 1 or None in next(iter(matrix.terms)).out:
        return matrix
    ((term, c),) = matrix.terms.items()
    row, column = term.out
    for place, (node, indices) in enumerate(term.factors):
        if not getattr(node.algebra, "invertible", False) or indices[-1] != column:
            continue
        if indices[0] in term.out or indices[0][1] < 0:  # one row of A has no inverse
            continue
        rest = term.factors[:place] + term.factors[place + 1 :]
        inside = [i for _, idx in rest for i in idx]
        if column in inside or row == column or inside.count(indices[0]) != 1:
            continue
        note_used("F A spans what F spans for invertible A")
        moved = term._replace(factors=rest, out=(row, indices[0]))
        return without_invertible(Symbolic(matrix.shape, collected([(moved, c)])))
    return matrix


def pseudo_inverse(matrix: Symbolic) -> Symbolic:
    """H⁺ (d, N) of H (N, d); if H is Q diag(2^x) Zᵀ with Q orthogonal and the rows of Z
    independent, so are its columns, and H⁺H = I.
    """
    if matrix.ndim != 2 or len(matrix.terms) != 1:
        raise NotOfThisFormError(f"the pseudo-inverse of an array of shape {matrix.shape}")
    ((term, _),) = matrix.terms.items()
    return _pseudo_inverse(tuple(size.name for size in matrix.shape), term, matrix.terms[term])


@lru_cache(maxsize=1000)
def _pseudo_inverse(sizes: tuple[str, str], term: Monomial, c: Fraction) -> Symbolic:
    shape = [Size(name) for name in sizes]
    matrix = Symbolic(shape, {term: c})
    algebra = Algebra("H⁺H = I for independent columns of H")
    inverse = variable(f"pinv({matrix.label()})", shape[::-1], algebra=algebra)
    if _independent_columns(term):
        ((pattern, factor),) = (inverse @ matrix).terms.items()
        divided = identity(shape[1]) / Symbolic((), {Monomial((), (), ()): factor})
        algebra.rules.append(Rule(pattern, divided.terms))
    return inverse


def _independent_columns(term: Monomial) -> bool:
    """Whether a matrix is Zᵀ with independent rows of Z, behind invertible and positive diagonal
    matrices.
    """
    row, column = term.out
    factors, left = list(term.factors), row
    while len(factors) > 1:
        for place, (node, indices) in enumerate(factors):
            positive = isinstance(node.algebra, Exponentials) and indices == (left,)
            square = (
                getattr(node.algebra, "invertible", False) and len(indices) == 2 and left in indices
            )
            if not (positive or square):
                continue
            after = left if positive else indices[1] if indices[0] == left else indices[0]
            others = [i for at, (_, idx) in enumerate(factors) if at != place for i in idx]
            if (
                after is None
                or after == column
                or after[1] < 0
                or after not in others
                or (square and (left in others or after == left))
            ):
                continue
            left = after
            del factors[place]
            break
        else:
            return False
    node, indices = factors[0]
    axis = getattr(node.algebra, "independent", None)
    return (
        axis is not None
        and row != column
        and set(indices) == {left, column}
        and indices[axis] == column
    )
