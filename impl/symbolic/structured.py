"""Variables of which more is known than their shape: selections, rows that sum to zero, matrices
with an inverse.

Each relation is what a family of instances builds in, or what its name says; each is an identity
between numbers for all entries that satisfy it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from theorems.impl.symbolic.arrays import Symbolic, variable
from theorems.impl.symbolic.inverses import frame
from theorems.impl.symbolic.monomials import Index, Monomial, Node
from theorems.impl.symbolic.relations import Algebra, Rule, note_used
from theorems.impl.symbolic.sizes import Size


def _indices(shape: Sequence[Any]) -> list[Index]:
    return [(size.name, place) for place, size in enumerate(shape)]


def selection(name: str, shape: Sequence[Any], chosen: int) -> Symbolic:
    """S with entries 0 and 1, exactly one 1 along the axis ``chosen`` for each of its other
    indices.

    Rules: S[i, p] S[j, p] = δ_ij S[i, p], since two ones in one place are one; Σ_i S[i, p] = 1.
    """
    algebra = Algebra("one 1 in each selection", chosen=chosen)
    found = variable(name, shape, gate=True, algebra=algebra)
    node, one = Node(name, gate=True, algebra=algebra), _indices(shape)
    other = list(one)
    other[chosen] = (one[chosen][0], len(shape))
    rest = tuple(index for place, index in enumerate(one) if place != chosen)
    both = (*rest, one[chosen], other[chosen])
    once = Monomial((), ((node, tuple(one)),), (*rest, one[chosen], one[chosen]))
    algebra.rules += [
        Rule(Monomial((), ((node, tuple(one)), (node, tuple(other))), both), {once: Fraction(1)}),
        Rule(Monomial((), ((node, tuple(one)),), rest), {Monomial((), (), rest): Fraction(1)}),
    ]
    return found


def shiftless(name: str, shape: Sequence[Any], words: str = "G·1 = 0") -> Symbolic:
    """G whose rows sum to zero, Σ_c G[…, c] = 0: the gradient of a loss that sees no shift of all
    outputs.
    """
    algebra = Algebra(words)
    found = variable(name, shape, algebra=algebra)
    node, own = Node(name, algebra=algebra), tuple(_indices(shape))
    algebra.rules.append(Rule(Monomial((), ((node, own),), own[:-1]), {}))
    return found


def relate(algebra: Algebra, product: Symbolic, value: Symbolic) -> None:
    """Say that a product of variables of one algebra, which is one monomial, equals ``value`` of
    the same axes.

    The rule shortens: ``value`` is to have fewer of the algebra's variables, or none.
    """
    ((pattern, c),) = product.terms.items()
    assert c == 1
    algebra.rules.append(Rule(pattern, value.terms))


def white(name: str, shape: Sequence[Any], variance: Symbolic) -> Symbolic:
    """Readouts A (R, K, m) of mean zero and second moment m·v: Σ_r A_r = 0 and Σ_r A_r A_rᵀ = R m v
    I.
    """
    algebra = Algebra("Σ A = 0 and Σ A Aᵀ = R m v I over the readouts A")
    found = variable(name, shape, algebra=algebra)
    mean, second = found.sum(0), (found @ found.mT).sum(0)
    count, classes, width = shape
    relate(algebra, mean, Symbolic(mean.shape, {}))
    relate(algebra, second, found.identity(classes) * variance * (count * width))
    return found


def with_products(names: Sequence[str], shapes: Sequence[Sequence[Any]]) -> tuple[Symbolic, ...]:
    """X, H, W of which X H Xᵀ and X Wᵀ are known by names of their own: (X, H, W), the names after
    theirs.

    Args:
        names: of X, H, W, and of both products: equal names of two sets of variables say that their
            products are equal.
        shapes: (…, N, d), (…, d, d), (…, k, d).
    """
    algebra = Algebra("X P Xᵀ and X Wᵀ are equal for both data sets")
    x, h, w = (
        variable(name, shape, algebra=algebra) for name, shape in zip(names, shapes, strict=False)
    )
    gram, seen = x @ h @ x.mT, x @ w.mT
    relate(algebra, gram, variable(names[3], gram.shape))
    relate(algebra, seen, variable(names[4], seen.shape))
    return x, h, w


def modes(names: tuple[str, str], size: Any, classes: Any) -> tuple[Symbolic, Symbolic]:
    """Singular values s (N,) and right vectors V (C, N), orthonormal where s is not zero: s_i
    (VᵀV)_ij s_j = δ_ij s_i².
    """
    algebra = Algebra("s VᵀV s = s², columns of V orthonormal where s is not zero")
    values, right = (
        variable(n, sh, algebra=algebra)
        for n, sh in zip(names, ((size,), (classes, size)), strict=True)
    )
    scaled = right * values
    relate(algebra, scaled.mT @ scaled, right.identity(size) * (values * values))
    return values, right


def matched(
    names: Sequence[str], shapes: Sequence[Sequence[Any]], scale: Symbolic
) -> tuple[Symbolic, ...]:
    """X (n, d), R (d, r), S (d, m) with S Sᵀ = c R Rᵀ; X R Rᵀ Xᵀ has a name of its own, the last
    one.

    Equal names of two sets of variables say that their Gram matrices are equal.
    """
    algebra = Algebra("S Sᵀ = c R Rᵀ, and X R Rᵀ Xᵀ equal for both data sets")
    x, r, s = (
        variable(name, shape, algebra=algebra) for name, shape in zip(names, shapes, strict=False)
    )
    gram, start = x @ r @ r.mT @ x.mT, s @ s.mT
    relate(algebra, start, (r @ r.mT) * scale)
    relate(algebra, gram, variable(names[3], gram.shape, symmetric=True))
    return x, r, s


def collapsed(
    names: tuple[str, str], rows: Any, classes: Any, width: Any, *, span: str, equal: bool
) -> tuple[Symbolic, Symbolic]:
    """One-hot labels E (N, K), every class with samples, and class means M (K, d).

    Args:
        names: of E and M.
        rows: N.
        classes: K.
        width: d.
        span: of the columns of M: "all" of R^K where M has rank K; "zero-sum" where M Mᵀ ∝ K I −
            11ᵀ.
        equal: whether all classes have N/K samples.
    """
    labels = selection(names[0], (rows, classes), chosen=1)
    ((term, _),) = labels.terms.items()
    algebra = term.factors[0][0].algebra
    if equal:
        each = labels.sum(0)
        relate(algebra, each, each * 0 + rows.number() / classes)
    means = variable(names[1], (classes, width), algebra=Algebra(_MEANS[span], span=span))
    return labels, means


_MEANS = {"all": "class means of rank K", "zero-sum": "class means with M Mᵀ ∝ K I − 1 1ᵀ"}


def class_projector(matrix: Symbolic) -> Symbolic | None:
    """The projector on the columns of E M for one-hot labels E, every class with samples; None for
    another matrix.

    With EᵀE = diag(n), E diag(1/n) Eᵀ is the projector on the columns of E, which are those of E M
    if the columns of M span R^K. If they span what is orthogonal to 1, the columns of E M span all
    E v with 1ᵀv = 0, and w = E diag(1/n) 1 is what they leave: wᵀE v = 1ᵀv. So wwᵀ/wᵀw is taken
    away, and wᵀw = Σ 1/n_k.
    """
    if len(matrix.terms) != 1 or matrix.ndim != 2:
        return None
    ((term, _),) = matrix.terms.items()
    if len(term.factors) != 2 or None in term.out:
        return None
    found = {
        getattr(node.algebra, "span", "") or "labels": (node, indices)
        for node, indices in term.factors
    }
    span = next((key for key in found if key != "labels"), "")
    if len(found) != 2 or not span:
        return None
    (hot, one), (means, two) = found["labels"], found[span]
    fits = (
        len(one) == 2 and len(two) == 2 and one[0] == term.out[0] and two == (one[1], term.out[1])
    )
    if (
        not fits
        or getattr(hot.algebra, "chosen", None) != 1
        or one[1] in term.out
        or term.out[0] == term.out[1]
    ):
        return None
    note_used(means.algebra.name)
    shape = [matrix.shape[0], Size(one[1][0])]
    labels = variable(hot.name, shape, gate=True, algebra=hot.algebra)
    each = 1 / labels.sum(0)
    whole = (labels * each) @ labels.mT
    if span == "all":
        return whole
    left = labels @ each[:, None]
    return whole - (left @ left.mT) / each.sum(0)


def polar(names: Sequence[str], rows: Any, columns: Any) -> tuple[Symbolic, Symbolic, Symbolic]:
    """W₁, W₂ (n, m) and Q orthogonal with W₁W₂ᵀ = B Bᵀ Q: what the polar factor Q of W₁W₂ᵀ is, of
    any rank.

    Args:
        names: of W₁, W₂, Q and B.
        rows: n.
        columns: m.
    """
    algebra = Algebra("W₂W₁ᵀ = QᵀB Bᵀ for the polar factor Q of W₁W₂ᵀ")
    before, after = (variable(name, (rows, columns), algebra=algebra) for name in names[:2])
    turn, root = frame(names[2], (rows, rows), square=True), variable(names[3], (rows, rows))
    relate(algebra, after @ before.mT, turn.mT @ root @ root.mT)
    return before, after, turn


def shares(name: str, shape: Sequence[Any]) -> Symbolic:
    """C whose rows sum to one: Σ_i C[…, i] = 1."""
    algebra = Algebra("C·1 = 1")
    found = variable(name, shape, algebra=algebra)
    whole = found.sum(-1)
    relate(algebra, whole, whole * 0 + 1)
    return found


def switched(
    name: str,
    shape: Sequence[Any],
    gates: Symbolic,
    before: Callable[[Symbolic], Sequence[Symbolic]],
) -> Symbolic:
    """A weight whose ReLUs do not switch: the positive part of each of some outputs is that output
    times one gate for each unit.

    Args:
        name: of the weight.
        shape: (n, m).
        gates: (n,), 0 or 1.
        before: of the weight the outputs, (…, n), of which that is so.
    """
    algebra = Algebra("no ReLU switches between the codes")
    found = variable(name, shape, algebra=algebra)
    for outputs in before(found):
        algebra.positive_parts[frozenset(outputs.terms.items())] = outputs * gates
    return found
