"""The symbolic operand: forms that agree with exact evaluation, laws that are proved, changes that
are not.
"""

from fractions import Fraction
from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.symbolic_expressions import changed, drawn, numbers, pair, rewritten, run, symbols
from theorems.impl.numbers.duals import Dual
from theorems.impl.symbolic import (
    NotOfThisFormError,
    Size,
    identity,
    number,
    scalar_symbol,
    variable,
)
from theorems.impl.symbolic.inverses import frame, inverse_of, unit_vector
from theorems.impl.symbolic.labelling import canonical
from theorems.impl.symbolic.monomials import Monomial, Node

N, M, C = Size("n"), Size("m"), Size("C")
VALUES = symbols()
SEEDS = st.integers(0, 2**32)


def same(one, other):
    return not (one - other).terms


def equal(one, other):
    return bool(np.all(one == other))


# -- laws and changes ------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(SEEDS)
def test_what_known_laws_rewrite_is_proved(seed):
    rng, expression = pair(seed)
    assert same(run(expression, VALUES), run(rewritten(rng, expression), VALUES))


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(SEEDS)
def test_one_token_changed_is_proved_only_where_it_changes_nothing(seed):
    rng, expression = pair(seed)
    other = changed(rng, rewritten(rng, expression, 1))
    proved = same(run(expression, VALUES), run(other, VALUES))
    # as many rows and columns as a monomial has indices, entries from 2·10^6 values: equal by
    # chance with probability below 10^-4
    at = [numbers(rng, 6, 6) for _ in range(2)]
    assert proved == all(equal(run(expression, values), run(other, values)) for values in at)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 4))
def test_equal_forms_are_equal_at_every_small_size(seed, a, b):
    rng, expression = pair(seed, depth=3)
    other = rewritten(rng, expression)
    values = numbers(rng, a, b)
    assert same(run(expression, VALUES), run(other, VALUES))
    assert equal(run(expression, values), run(other, values))


def evaluated(value, at, sizes):
    """A normal form at given entries, by its definition: a sum over all values of all indices."""
    out = np.zeros([sizes[s.name] if isinstance(s, Size) else 1 for s in value.shape], dtype=object)
    for term, c in value.terms.items():
        inside = {i for _, idx in term.factors for i in idx} | {
            i for i in term.out if i is not None
        }
        free = sorted(i for i in inside if i[1] >= 0)
        for chosen in np.ndindex(*(sizes[kind] for kind, _ in free)):
            place = dict(zip(free, chosen, strict=True))
            factor = c
            for name, power in term.scalars:
                factor *= Fraction(sizes[name]) ** power
            for node, idx in term.factors:
                factor *= at[node.name][tuple(place[i] for i in idx)]
            out[tuple(0 if i is None else place[i] for i in term.out)] += factor
    return out


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(1, 3))
def test_a_form_means_what_the_arrays_are(seed, a, b):
    rng, expression = pair(seed)
    at = numbers(rng, a, b)
    form = run(expression, VALUES)
    if sum(len(t.factors) for t in form.terms) > 40:
        return
    assert equal(evaluated(form, at, {"a": a, "b": b}), run(expression, at))


def test_forms_agree_with_full_expansion_by_flint():
    flint = pytest.importorskip("flint")
    a = b = 3  # no monomial of these has more indices of a kind than that
    names = [f"{x}{i}{j}" for x in "SGAHBCTD" for i in range(3) for j in range(3)]
    ring = flint.fmpz_mpoly_ctx.get(names, flint.Ordering.lex)
    gens = dict(zip(names, ring.gens(), strict=True))
    at = {x: np.empty((3, 3), dtype=object) for x in "SGAHBCTD"}
    for x, array in at.items():
        for i, j in np.ndindex(3, 3):
            array[i, j] = gens[f"{x}{i}{j}"]
    at |= {("1", s): np.eye(n, dtype=int).astype(object) for s, n in (("a", a), ("b", b))}
    rng, agreed = Random(5), [0, 0]

    def expanded(node):
        return [_once(p, ring, names) for p in run(node, at).flat]

    for _ in range(120):
        one = drawn(rng, 1)
        other = changed(rng, one) if rng.random() < 0.5 else rewritten(rng, one, 2)
        proved = same(run(one, VALUES), run(other, VALUES))
        assert proved == (expanded(one) == expanded(other))
        agreed[proved] += 1
    assert min(agreed) > 20


def _once(polynomial, ring, names):
    """A polynomial in which the entries of gates are their own squares."""
    if not hasattr(polynomial, "to_dict"):
        return ring.from_dict({(0,) * len(names): int(polynomial)} if polynomial else {})
    gates = [name[0] in "GH" for name in names]
    found = {}
    for powers, c in polynomial.to_dict().items():
        key = tuple(min(p, 1) if gate else p for p, gate in zip(powers, gates, strict=True))
        found[key] = found.get(key, 0) + c
    return ring.from_dict({key: c for key, c in found.items() if c})


# -- canonical labelling ---------------------------------------------------------------------------


def monomial(edges, *, out=(), symmetric=False):
    node = Node("W", symmetric)
    factors = tuple((node, (("n", i), ("n", j))) for i, j in edges)
    return Monomial((), factors, tuple(("n", i) for i in out))


def brute_force(term):
    """The least of all relabellings of the bound indices."""
    bound = sorted({i for _, idx in term.factors for i in idx if i not in term.out})
    found = []
    for order in permutations(range(len(bound))):
        name = {i: ("n", 100 + k) for i, k in zip(bound, order, strict=True)}
        edges = [[name.get(i, i) for i in idx] for _, idx in term.factors]
        found.append(
            tuple(sorted(tuple(sorted(e) if term.factors[0][0].symmetric else e) for e in edges))
        )
    return min(found)


def lcf(jumps):
    """A cubic graph by its Hamiltonian cycle and the jumps from it."""
    k = len(jumps)
    edges = {frozenset((i, (i + step) % k)) for i, jump in enumerate(jumps) for step in (1, jump)}
    return [tuple(sorted(edge)) for edge in edges]


def cycle(k, start=0):
    return [(start + i, start + (i + 1) % k) for i in range(k)]


SYMMETRIC = {
    "trace of W^6": monomial(cycle(6)),
    "trace of (WWᵀ)^3": monomial([(0, 1), (2, 1), (2, 3), (4, 3), (4, 5), (0, 5)]),
    "complete graph on 5": monomial([(i, j) for i in range(5) for j in range(i)], symmetric=True),
    "complete directed graph on 4": monomial(
        [(i, j) for i in range(4) for j in range(4) if i != j]
    ),
    "two triangles": monomial(cycle(3) + cycle(3, 3)),
    "three pairs": monomial(cycle(2) + cycle(2, 2) + cycle(2, 4)),
    "prism": monomial(cycle(3) + cycle(3, 3) + [(0, 3), (1, 4), (2, 5)], symmetric=True),
    "K33": monomial([(i, j) for i in range(3) for j in range(3, 6)], symmetric=True),
    "path with ends fixed": monomial([(0, 1), (1, 2), (2, 3), (3, 4)], out=(0, 4)),
    "cubic without symmetry (Frucht)": monomial(
        lcf([-5, -2, -4, 2, 5, -2, 2, 5, -2, -5, 4, 2]), symmetric=True
    ),
    "star": monomial([(0, i) for i in range(1, 6)]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SYMMETRIC)
def test_every_relabelling_has_one_name(name):
    term, rng = SYMMETRIC[name], Random(name)
    bound = sorted({i for _, idx in term.factors for i in idx if i not in term.out})
    for _ in range(40):
        places = rng.sample(range(10, 30), len(bound))
        names = {i: ("n", k) for i, k in zip(bound, places, strict=True)}
        factors = [(node, tuple(names.get(i, i) for i in idx)) for node, idx in term.factors]
        rng.shuffle(factors)
        assert canonical(Monomial((), tuple(factors), term.out)) == canonical(term)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_labels_are_equal_exactly_where_some_relabelling_is(data):
    size = data.draw(st.integers(2, 5))
    edge = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    edges = data.draw(st.lists(edge, min_size=size, max_size=6))
    if data.draw(st.booleans()):
        order = data.draw(st.permutations(range(size)))
        other = [(order[i], order[j]) for i, j in edges]
    else:
        other = data.draw(st.lists(edge, min_size=len(edges), max_size=len(edges)))
    symmetric = data.draw(st.booleans())
    one, two = monomial(edges, symmetric=symmetric), monomial(other, symmetric=symmetric)
    assert (canonical(one) == canonical(two)) == (brute_force(one) == brute_force(two))


def test_prism_and_k33_are_told_apart():
    assert canonical(SYMMETRIC["prism"]) != canonical(SYMMETRIC["K33"])


def test_a_monomial_too_symmetric_to_label_is_refused(monkeypatch):
    def cube(d):
        edges = [(i, j) for i in range(2**d) for j in range(i) if (i ^ j).bit_count() == 1]
        return monomial(edges, symmetric=True)

    assert canonical(cube(3))
    monkeypatch.setattr("theorems.impl.symbolic.labelling.LEAVES", 5)
    with pytest.raises(NotOfThisFormError, match="too many symmetries"):
        canonical.__wrapped__(cube(4))


# -- what operators mean ---------------------------------------------------------------------------


def test_broadcasting_identities_and_sizes():
    a, x = variable("A", (N, M)), variable("x", (M,))
    eye = identity(N)
    assert same(eye @ a, a)
    assert same(a @ identity(M), a)
    assert same(eye.sum((-2, -1)), N.number())
    assert same(a.mean(-1), a.sum(-1) / M)
    assert same((a * 0 + 1).sum(), N * M)
    assert same(a * x, a @ (identity(M) * x))
    assert same((a @ x[..., None])[..., 0], (a * x).sum(-1))
    assert same((a @ a.mT).trace(), (a * a).sum())
    assert same(1 / N * N, number(1))


def test_gates_are_their_own_squares_and_nothing_else_is():
    g, x = variable("g", (N,), gate=True), variable("x", (N,))
    assert same(g * g * x, g * x)
    assert not same(x * x * g, x * g)
    assert not same(g.sum(-1) * g.sum(-1), g.sum(-1))  # of one entry each, not of sums
    assert not same((g[..., None] * g).sum((-2, -1)), g.sum(-1))


def test_symmetric_variables_have_unordered_indices():
    p, q = variable("P", (N, N), symmetric=True), variable("Q", (N, N))
    assert same(p.mT, p)
    assert not same(q.mT, q)
    assert same((p @ p).mT, p @ p)
    assert not same((p @ q).mT, p @ q)


def test_first_and_last_entries_are_places_of_their_own():
    a = variable("A", (N, M))
    assert same(a[0] * 2, a[0] + a[..., :1, :][..., 0, :])
    assert not same(a[0], a[-1])
    assert not same(a[..., 0].sum(-1), a.sum((-2, -1)))


def test_gradients_are_those_of_the_product_rule():
    w, h = variable("W", (N, M)), variable("H", (C, M))
    by_w, by_h = w.gradients(lambda a, b: ((b @ a.mT) * (b @ a.mT)).sum(), (w, h))
    assert same(by_w, (h @ w.mT).mT @ h * 2)
    assert same(by_h, h @ w.mT @ w * 2)
    assert same(Dual(w, w).mT.tangent, w.mT)


# -- relations -------------------------------------------------------------------------------------


def test_resolvents_from_both_sides():
    f, lam = variable("F", (N, M)), scalar_symbol("λ")
    k, g = f @ f.mT, f.mT @ f
    r, s = inverse_of(k + identity(N) * lam), inverse_of(g + identity(M) * lam)
    assert same(r @ k, identity(N) - r * lam)
    assert same(k @ r, r @ k)
    assert same(s @ g + s * lam, identity(M))
    assert same(r @ f, f @ s)
    assert same(r.mT, r)
    assert not same(r @ k, identity(N))
    assert not same(r @ r, r)


def test_an_inverse_of_any_other_matrix():
    m, x = variable("M", (N, N)), variable("X", (N, N))
    inverse = inverse_of(m)
    assert same(inverse @ m @ x, x)
    assert same(m @ inverse, identity(N))
    assert not same(inverse.mT, inverse)
    assert same(inverse_of(identity(N) * 2), identity(N) / 2)
    twice = inverse_of(m @ x)
    assert same(twice @ m @ x, identity(N))


def test_frames_and_unit_vectors():
    q, o, w = frame("Q", (N, M)), frame("O", (N, N), square=True), unit_vector("w", N)
    assert same(q.mT @ q, identity(M))
    assert not same(q @ q.mT, identity(N))
    assert same(q @ q.mT @ q, q)
    assert same((q * q).sum(), M.number())
    assert same(o @ o.mT, identity(N))
    assert same((w * w).sum(-1), number(1))
    assert not same(w * w, w)
