"""Rules of quotients, powers, selections, projectors and twins keep the value: forms evaluated
index by index against the arrays themselves.
"""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.symbolic.test_symbolic import evaluated
from tests.symbolic.test_symbolic_relations import whole
from theorems.impl.numbers.inverses import inverse as exact_inverse
from theorems.impl.symbolic import Size, SymbolicSource, identity, scalar_symbol, variable
from theorems.impl.symbolic.exponentials import POWERS
from theorems.impl.symbolic.inverses import frame, inverse_of

SEEDS = st.integers(0, 2**32)
N, P = Size("n"), Size("p")
OPS = ("+", "-", "*", "/", "twice", "sum")


def positive(rng, *shape):
    root = whole(rng, *shape)
    return root * root + rng.randint(1, 3)


class Values(dict):
    """Entries by the name of a variable; those of quotients are found from what they are quotients
    of.
    """

    def __init__(self, plain, algebras, sizes):
        super().__init__(plain)
        self.algebras, self.sizes = algebras, sizes

    def __missing__(self, name):
        algebra = self.algebras.get(name)
        if name.startswith("1/"):
            found = Fraction(1) / np.asarray(self[name[2:]] * Fraction(1), dtype=object)
        elif algebra is POWERS:
            exponents = evaluated(POWERS.exponents[name], self, self.sizes)
            found = np.vectorize(lambda x: Fraction(2) ** int(x), otypes=[object])(exponents)
        else:
            below = evaluated(algebra.denominator, self, self.sizes)
            found = np.array(Fraction(1), dtype=object) / np.asarray(below, dtype=object)
        self[name] = np.asarray(found, dtype=object)
        return self[name]


def algebras_of(form):
    """By the names of variables, those in denominators included."""
    found = {node.name: node.algebra for term in form.terms for node, _ in term.factors}
    for algebra in list(found.values()):
        if getattr(algebra, "denominator", None) is not None:
            found = algebras_of(algebra.denominator) | found
    return found


def at(form, plain, sizes):
    algebras = algebras_of(form)
    return evaluated(form, Values(plain, algebras, sizes), sizes)


def quotient(rng, depth, leaves):
    """A random expression in (n,) arrays, as a function of them."""
    if depth == 0:
        name = rng.choice(leaves)
        return lambda v: v[name]
    op, one, two = (
        rng.choice(OPS),
        quotient(rng, depth - 1, leaves),
        quotient(rng, depth - 1, leaves),
    )
    if op == "/":
        return lambda v: one(v) / (two(v) * two(v) + v["c"])
    if op == "twice":
        return lambda v: one(v) / ((one(v) * one(v) + v["c"]) * 2)
    if op == "sum":
        return lambda v: one(v) + (two(v) / ((two(v) * two(v)).sum(-1) + v["c"])).sum(-1)
    if op == "*":
        return lambda v: one(v) * two(v)
    return (lambda v: one(v) + two(v)) if op == "+" else (lambda v: one(v) - two(v) * v["c"])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(SEEDS, st.integers(1, 3))
def test_quotients_keep_the_value(seed, n):
    rng = Random(seed)
    made = {"a": variable("a", (N,)), "b": variable("b", (N,)), "c": scalar_symbol("c")}
    plain = {"a": whole(rng, n), "b": whole(rng, n)}
    c = Fraction(rng.randint(1, 4))
    expression = quotient(rng, 2, "ab")
    form = expression(made)
    if (
        sum(2 ** len({i for _, idx in t.factors for i in idx}) * len(t.factors) for t in form.terms)
        > 2**11
    ):
        return
    told = expression(plain | {"c": c})
    assert np.all(at(form, plain, {"n": n, "c": c}) == told)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 3), st.booleans())
def test_spectral_inverses_keep_the_value(seed, n, framed):
    rng = Random(seed)
    order = np.eye(n, dtype=int).astype(object)[rng.sample(range(n), n)] * Fraction(1)
    k, c = positive(rng, n), Fraction(rng.randint(1, 4))
    q, value = frame("Q", (N, N), square=True), variable("k", (N,))
    made = (q * value) @ q.mT if framed else identity(N) * value
    plain = (order * k) @ order.mT if framed else np.diag(k)
    form = inverse_of(made * 2 + identity(N) * scalar_symbol("c"))
    told = exact_inverse(plain * 2 + np.eye(n, dtype=int).astype(object) * c)
    assert np.all(at(form, {"Q": order, "k": k}, {"n": n, "c": c}) == told)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 3))
def test_powers_of_two_keep_the_value(seed, n):
    rng = Random(seed)
    a, b = variable("a", (N,)), variable("b", (N,))
    plain = {"a": whole(rng, n), "b": whole(rng, n)}

    def expression(x, y, two):
        return (
            two(x) * two(y - x) / two(x * 2)
            + (two(y) * two(-y) * x).sum(-1)
            + (two(x) * two(-x)).sum(-1)
        )

    form = expression(a, b, lambda x: x.exp2())
    told = expression(
        plain["a"], plain["b"], np.vectorize(lambda e: Fraction(2) ** int(e), otypes=[object])
    )
    assert np.all(at(form, plain, {"n": n}) == told)


def one_hot(rng, n, p):
    out = np.zeros((n, p), dtype=int).astype(object)
    for row in range(n):
        out[row, row if row < p else rng.randrange(p)] = 1
    return out * Fraction(1)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(SEEDS, st.integers(2, 4), st.integers(1, 2))
def test_selections_keep_the_value(seed, n, p):
    rng = Random(seed)
    source = SymbolicSource()
    labels = source.selection(N, P, chosen=1)
    x, y = variable("x", (P,)), variable("y", (N,))
    plain = {"v1": one_hot(rng, n, p), "x": positive(rng, p), "y": whole(rng, n)}

    def expressions(e, u, v):
        yield e @ e.mT @ v
        yield (e.mT @ e) @ u
        yield (e * e) @ u * (e @ u)
        yield e.sum(-1) * v
        yield (1 / e.sum(0)) * u
        yield ((e * (1 / e.sum(0))) @ e.mT) @ v
        yield 1 / (e * u).sum(-1)
        yield (1 / (e * u).sum(-1)) * (e @ u)

    told = expressions(plain["v1"], plain["x"], plain["y"])
    for form, value in zip(expressions(labels, x, y), told, strict=True):
        assert np.all(at(form, plain, {"n": n, "p": p}) == value)


@pytest.mark.parametrize("span", ["all", "zero-sum"])
@pytest.mark.parametrize("sizes", [(1, 2), (2, 2), (3, 1, 1)])
def test_projectors_of_classes_are_those_of_the_arrays(span, sizes):
    from theorems.impl.numbers.linalg import project

    classes = len(sizes)
    labels = np.repeat(np.eye(classes, dtype=int), sizes, axis=0).astype(object)
    means = np.eye(classes, dtype=int).astype(object) * (1 if span == "all" else classes) - (
        span != "all"
    )
    source = SymbolicSource()
    hot, centres = source.collapsed(N, Size("k"), P, span=span)
    eye = identity(N)
    form = (hot @ centres).project(eye)
    told = project(labels @ means, np.eye(sum(sizes), dtype=int).astype(object))
    assert np.all(at(form, {"v1": labels}, {"n": sum(sizes), "k": classes}) == told)
