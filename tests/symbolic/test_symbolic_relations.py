"""Relations are sound: what the rules make of random expressions has the value of the arrays
themselves.
"""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.symbolic.test_symbolic import evaluated, same
from theorems.impl.numbers.inverses import inverse as exact_inverse
from theorems.impl.numbers.linalg import project
from theorems.impl.symbolic import Size, identity, scalar_symbol, variable
from theorems.impl.symbolic.inverses import (
    balanced,
    frame,
    horizontal,
    inverse_of,
    projector,
    unit_vector,
)

SEEDS = st.integers(0, 2**32)
N, P = Size("n"), Size("p")


def whole(rng, *shape):
    out = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        out[place] = Fraction(rng.randint(-4, 4))
    return out


def resolvents(rng, n, p):
    """Two resolvents of one matrix, the inverse of any other, and what they are made of: symbols,
    and numbers at sizes n and p.
    """
    f, m, lam = variable("F", (N, P)), variable("M", (N, N)), scalar_symbol("c")
    made = {
        "F": f,
        "M": m,
        "R": inverse_of(f @ f.mT + identity(N) * lam),
        "S": inverse_of(f.mT @ f + identity(P) * lam),
    }
    made["I"] = inverse_of(m)
    at = {"F": whole(rng, n, p), "M": whole(rng, n, n)}
    at["M"] = at["M"] + np.eye(n, dtype=int).astype(object) * 23  # diagonally dominant: invertible
    value = Fraction(rng.randint(1, 5))
    eye = {k: np.eye(k, dtype=int).astype(object) * value for k in (n, p)}
    at |= {
        "R": exact_inverse(at["F"] @ at["F"].mT + eye[n]),
        "S": exact_inverse(at["F"].mT @ at["F"] + eye[p]),
    }
    at["I"] = exact_inverse(at["M"])
    return made, at, {"n": n, "p": p, "c": value}


def frames(rng, n, p):
    """Orthonormal columns, an orthogonal matrix, a unit vector as a column, a projector."""
    n = max(n, p)
    o = frame("O", (N, N), square=True)
    f = variable("F", (N, P))
    made = {
        "F": f,
        "Q": frame("Q", (N, P)),
        "O": o,
        "w": unit_vector("w", N)[..., None],
        "D": projector(f),
    }
    turn = np.array(
        [[Fraction(3, 5), Fraction(4, 5)], [Fraction(-4, 5), Fraction(3, 5)]], dtype=object
    )
    orthogonal = np.eye(n, dtype=int).astype(object)[rng.sample(range(n), n)]
    if n >= 2:
        orthogonal = np.concatenate([turn @ orthogonal[:2], orthogonal[2:]])
    at = {"F": whole(rng, n, p), "O": orthogonal, "Q": orthogonal[:, rng.sample(range(n), p)]}
    at |= {"w": orthogonal[:, :1], "D": project(at["F"], np.eye(n, dtype=int).astype(object))}
    return made, at, {"n": n, "p": p}


def motions(rng, n, p):
    """W and H with H Wᵀ symmetric."""
    w, h = horizontal(("W", "H", "T"), (N, P))
    at = {"W": whole(rng, n, p)}
    half = whole(rng, p, p)
    at["H"] = at["W"] @ (half + half.mT)
    at["T"] = at["H"] @ at["W"].mT
    return {"W": w, "H": h}, at, {"n": n, "p": p}


def chains(rng, n, p):
    """Balanced weights of equal frames: W_l = c·permutation, and rank-deficient ones."""
    names, sizes = ("W1", "W2", "W3"), (N, P, N, P)
    made = dict(zip(names, balanced(names, sizes), strict=True))
    n = p = max(n, p)
    perm = [np.eye(n, dtype=int).astype(object)[rng.sample(range(n), n)] for _ in range(4)]
    values = np.array([Fraction(rng.randint(0, 3)) for _ in range(n)], dtype=object)
    at = {name: (perm[k + 1] * values) @ perm[k].mT for k, name in enumerate(names)}
    return made, at, {"n": n, "p": p}


KINDS = {"resolvents": resolvents, "frames": frames, "motions": motions, "chains": chains}


def drawn(rng, made):
    """A random product of up to five of them and their transposes, multiplied or added entry by
    entry to others, or a trace.
    """

    def product(rows, length):
        names = []
        for _ in range(length):
            turned = rng.random() < 0.5
            fits = [n for n, v in made.items() if str(v.shape[1 if turned else 0]) == rows] or None
            if fits is None:
                turned = not turned
                fits = [n for n, v in made.items() if str(v.shape[1 if turned else 0]) == rows]
            if not fits:
                break
            name = rng.choice(fits)
            names.append((name, turned))
            rows = str(made[name].shape[0 if turned else 1])
        return names

    return product(rng.choice(("n", "p")), rng.randint(1, 5)), rng.choice(
        ("plain", "square", "gram", "twice")
    )


def run(names, how, values):
    total = None
    for name, turned in names:
        part = values[name].mT if turned else values[name]
        total = part if total is None else total @ part
    if how == "square":
        return total * total
    if how == "gram":
        return (total @ total.mT).trace()
    return total if how == "plain" else total @ total.mT


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(1, 3))
def test_rules_keep_the_value(kind, seed, n, p):
    rng = Random(seed)
    made, at, sizes = KINDS[kind](rng, n, p)
    names, how = drawn(rng, made)
    if not names:
        return
    form = run(names, how, made)
    if sum(3 ** len({i for _, idx in t.factors for i in idx}) for t in form.terms) > 3**7:
        return  # the definition, index by index, would take seconds
    by_node = dict(at)
    for name, value in made.items():
        for term in value.terms:
            for node, _ in term.factors:
                if (
                    node.name.startswith(("inv(", "proj("))
                    and node.name not in by_node
                    and len(term.factors) == 1
                ):
                    by_node[node.name] = at[name]
    by_node["w"] = at["w"][:, 0] if "w" in at else None
    assert np.all(evaluated(form, by_node, sizes) == run(names, how, at))


def test_equal_things_meet_in_one_form():
    f, lam = variable("F", (N, P)), scalar_symbol("c")
    r = inverse_of(f @ f.mT + identity(N) * lam)
    assert same((r @ f @ f.mT).trace(), N.number() - r.trace() * lam)
    w = balanced(("W1", "W2", "W3"), (N, P, N, P))
    end = w[2] @ w[1] @ w[0]
    gram = w[0].mT @ w[0]
    assert same(end.mT @ end, gram @ gram @ gram)
    assert not same(end.mT @ end, gram @ gram)


def test_names_of_values_and_inverses_belong_to_one_form():
    a, eye, x = variable("A", (N, P)), identity(N), variable("x", (N,))
    assert same(a.tanh(), (a * 2 - a).tanh())
    assert not same(a[..., 0].tanh(), a.sum(-1).tanh())
    assert not same(a[..., 0].tanh(), a[..., -1].tanh())
    assert not same((eye[:, :, None] * x).tanh(), (eye[:, None, :] * x[None, :, None]).tanh())
    assert not same(a.tanh(), a.exp())
