"""Signs and ranks of sums of monomials, quotients, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.symbolic.test_symbolic import SEEDS, VALUES, C, M, N, evaluated
from tests.symbolic_expressions import drawn, numbers, pair, run
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.gradients import gradient
from theorems.impl.symbolic import (
    NotOfThisFormError,
    SymbolicSource,
    identity,
    number,
    variable,
)
from theorems.impl.symbolic.ranks import rank_within
from theorems.impl.symbolic.signs import is_positive, sign_of

# -- signs and ranks -------------------------------------------------------------------------------


def test_sums_of_squares_have_a_sign_and_others_none():
    a, b, r = variable("A", (N, M)), variable("B", (N, M)), variable("r", (N,))
    form = (r * ((a @ a.mT * (b @ b.mT)) @ r[..., None])[..., 0]).sum(-1)
    assert sign_of(form.terms) == 1
    assert sign_of((-form).terms) == -1
    assert sign_of((((a - b) * (a - b)).sum()).terms) == 1
    assert sign_of((((a - b) * (a + b)).sum()).terms) is None
    assert sign_of((a * b).sum().terms) is None
    assert sign_of((a @ b.mT).trace().terms) is None
    assert sign_of((r * ((a @ b.mT) @ r[..., None])[..., 0]).sum(-1).terms) is None
    assert sign_of((a * a * 3 - a * a).sum().terms) == 1
    assert sign_of(((a @ a.mT) @ (b @ b.mT)).trace().terms) == 1
    assert sign_of(((a @ a.mT) @ (b @ b.mT)).terms) is None
    c = variable("C", (N, N))
    assert sign_of((c @ c).trace().terms) is None
    assert sign_of((c @ c.mT @ c @ c.mT).trace().terms) == 1
    assert is_positive(((a * a).sum() + 1).terms)
    assert not is_positive((a * a).sum().terms)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_a_sign_is_never_wrong(seed):
    rng, expression = pair(seed)
    form = run(expression, VALUES)
    value = (
        form
        * (
            form
            if rng.random() < 0.3
            else run(drawn(rng, 1, expression.rows, expression.columns), VALUES)
        )
    ).sum()
    sign = sign_of(value.terms)
    if sign is None:
        return
    for _ in range(5):
        at = {
            k: v if isinstance(k, tuple) else v % 7 - 3 if k not in "GH" else v
            for k, v in numbers(rng, 2, 2).items()
        }
        found = evaluated(value, at, {"a": 2, "b": 2})
        assert found * sign >= 0


def test_ranks_by_the_axes_that_are_passed():
    g, f, h = variable("G", (N, C)), variable("F", (N, C)), variable("H", (N, M))
    assert rank_within(g @ f.mT, C.number())
    assert rank_within(g @ f.mT + f @ g.mT, C * 2)
    assert not rank_within(g @ f.mT + f @ g.mT, C.number())
    assert rank_within(g @ f.mT + g @ (f * 2 + g).mT, C.number())
    assert not rank_within(h @ h.mT, C.number())
    assert rank_within(g @ f.mT + h @ h.mT, C + M)
    assert not rank_within(identity(N), C.number())
    assert not rank_within((g @ f.mT) * (h @ h.mT), C.number())
    assert rank_within(g.sum(-1)[..., None] * f.sum(-1), number(1))
    assert not rank_within(g @ f.mT, C - 1)


# -- what is refused -------------------------------------------------------------------------------

A = variable("A", (N, M))
REFUSED = {
    "comparison": lambda: A > 0,
    "equality": lambda: A == A,
    "root": A.sqrt,
    "norm": A.norm,
    "relu": A.relu,
    "division by zero": lambda: 1 / number(0),
    "branch": lambda: bool(A.sum()),
    "loop": lambda: list(A),
    "length": lambda: len(A),
    "sizes compared": lambda: N == M,
    "size against a number": lambda: N > 3,
    "size as a number": lambda: range(N),
    "second row": lambda: A[1],
    "slice": lambda: A[1:],
    "a row of the identity": lambda: identity(N)[0],
    "float that is no fraction": lambda: A * 0.1,
    "given numbers": lambda: A + np.ones((2, 2)),
    "shapes that do not fit": lambda: A @ A,
    "sum of other sizes": lambda: A + A.mT,
    "numpy": lambda: np.concatenate([A, A]),
    "assignment": lambda: A.__setitem__(0, 1),
    "half power": lambda: A**0.5,
    "identity of a given size": lambda: identity(2),
    "zeros of a given size": lambda: SymbolicSource().zeros(2),
    "size against a formula": lambda: N == N * 1,
    "size against numpy": lambda: np.int64(2) == N,
    "remainder of a size": lambda: N % 2,
    "gradient of one entry": lambda: gradient(lambda w: w[0, 0], A),
    "second derivative": lambda: gradient(lambda w: gradient(lambda v: (v**3).sum(), w).sum(), A),
    "derivative of a constant's gradient": lambda: velocity(
        lambda w: gradient(lambda v: (v * w).sum(), A * 0), (A,), (A,)
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_leaves_the_form_is_refused_with_its_line(what):
    with pytest.raises(NotOfThisFormError, match=r"test_symbolic_signs\.py:\d+"):
        REFUSED[what]()


def test_quotients_are_entrywise_inverses_and_nothing_more():
    c = variable("c", ())
    assert not (A * (1 / A) - A * 0 - 1).terms
    assert not (c * (1 / c) - 1).terms
    assert (1 / A + 1 / A - 1 / (A + A)).terms
    assert ((1 / A) @ (1 / A).mT - 1 / (A @ A.mT)).terms
