"""A small rank proved from thin factors: the bound is one, and no verdict is another than that of
the whole decomposition.
"""

import math

import pytest
import torch

from impl.numbers.rounded import Ball
from theorems.relations import ranks
from theorems.relations.spectra import singular_values
from theorems.relations.thin_ranks import thin_values
from theorems.verdict import Outcome


def normal(source, *shape):
    return torch.randn(shape, generator=source, dtype=torch.float64)


def uniform(source, low, high):
    return low + (high - low) * float(torch.rand(1, generator=source))


def drawn(seed):
    """A matrix near to one of rank C, and what it may be off by: exactly of rank C, with noise as
    large as the radius or larger, with one direction more that is nearly or clearly there.
    """
    source = torch.Generator().manual_seed(seed)
    rows, columns, rank = (
        int(torch.randint(a, b, (1,), generator=source)) for a, b in ((40, 56), (40, 72), (1, 4))
    )
    shape = (2,) if seed % 2 else ()
    scales = torch.diag(10.0 ** -torch.linspace(0, uniform(source, 0, 7), rank).double())
    matrix = normal(source, *shape, rows, rank) @ scales @ normal(source, rank, columns)
    unit = 10.0 ** uniform(source, -16, -2)
    radius = unit * (matrix.abs() + 1e-3)
    size = unit * 10.0 ** uniform(source, -3, 2)
    kind = seed % 5
    if kind == 1:
        matrix = matrix + size * normal(source, *shape, rows, columns)
    elif kind in (2, 3):
        more = normal(source, *shape, rows, 1) @ normal(source, 1, columns)
        matrix = matrix + size * (rows if kind == 3 else 1) * more
    claimed = rank + int(torch.randint(-1, 2, (1,), generator=source))
    return Ball(matrix, radius), claimed, (2.0**-26, 2.0**-12, 2.0**-4.5)[seed % 3]


def test_no_verdict_is_another(monkeypatch):
    seen = {}
    for seed in range(150):
        ball, rank, half = drawn(seed)
        thin = ranks._thinly(ball, rank, half)
        found = ranks._numerically(ball, None, rank, half, equal=False)
        with monkeypatch.context() as patch:
            patch.setattr(ranks, "thin_values", lambda *_: None)
            whole = ranks._numerically(ball, None, rank, half, equal=False)
        assert found.outcome is whole.outcome, seed
        assert found.grade is whole.grade
        if thin is not None:
            assert found == thin
            # what proves it is no wider than before, and no narrower than what was given
            assert 0.5 * whole.bound < found.bound < 1.1 * whole.bound
        key = whole.outcome, thin is not None
        seen[key] = seen.get(key, 0) + 1
    assert seen[Outcome.HOLDS, True] > 20
    assert seen[Outcome.REFUTED, False] > 20
    assert seen[Outcome.UNDECIDED, False] > 0
    assert set(seen) <= {(o, False) for o in Outcome} | {(Outcome.HOLDS, True)}


def test_singular_values_lie_within_the_bound():
    met = 0
    for seed in range(60):
        ball, rank, _ = drawn(seed)
        found = thin_values(ball, rank)
        if found is None:
            continue
        met += 1
        values, errors = found
        wanted, off = singular_values(Ball(ball.center))
        count = values.shape[-1]
        assert bool(((values - wanted[..., :count]).abs() <= errors + off[..., :count]).all())
        assert bool(
            (errors >= torch.linalg.vector_norm(ball.radius, dim=(-2, -1))[..., None]).all()
        )
    assert met > 10


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_number_proves_nothing(number):
    matrix = torch.zeros(60, 80, dtype=torch.float64)
    broken = matrix.clone()
    broken[3, 4] = number
    assert thin_values(Ball(broken, matrix + 1), 1) is None
    assert thin_values(Ball(matrix, broken.abs()), 1) is None


def test_what_is_not_thin_is_decomposed():
    source = torch.Generator().manual_seed(0)
    matrix = normal(source, 60, 2) @ normal(source, 2, 80)
    radius = matrix.abs() * 1e-9
    assert thin_values(Ball(matrix, radius), 2) is not None
    assert thin_values(Ball(matrix), 2) is None, "nothing rounded: no radius"
    assert thin_values(Ball(matrix, radius), 8) is None, "16 of 60 columns"
    assert thin_values(Ball(matrix, radius), -1) is None
    more = matrix + 1e-6 * normal(source, 60, 80)
    assert thin_values(Ball(more, radius), 2) is None, "too much is left"
