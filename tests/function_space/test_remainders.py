"""The norm of what a large step leaves beside its rank-one term, against a decomposition."""

import pytest
import torch

from impl.function_space.one_step import Step
from theorems.function_space.first_step import RankOne, _apart


def _step(rows, columns, seed, rest=0.1):
    source = torch.Generator().manual_seed(seed)
    left, right = (torch.randn(n, generator=source).double() for n in (rows, columns))
    noise = torch.randn(rows, columns, generator=source, dtype=torch.float64)
    update = torch.outer(left, right) + rest * noise
    return Step(update, left, right, right), RankOne(left, right)


@pytest.mark.parametrize(
    ("rows", "columns"), [(5, 9), (9, 5), (40, 40), (130, 300), (300, 130), (1, 7), (7, 1)]
)
@pytest.mark.parametrize("factor", [1.0, 1.3, -1.0, 0.01])
def test_the_norm_is_that_of_the_largest_singular_value(rows, columns, factor):
    """Of a term with the right factor, and of wrong ones."""
    step, term = _step(rows, columns, seed=rows)
    term = RankOne(factor * term.left, term.right)
    product = torch.outer(term.left, term.right)
    rest, size = step.update - product, product.norm()
    along = 4 * (rest * product).sum() / size**2
    expected = torch.hypot(torch.linalg.matrix_norm(rest, 2) / size, along)
    found = _apart(step, term)[""]
    assert abs(found.value - expected) <= found.error
    assert found.error < 0.01 * found.value


@pytest.mark.parametrize(("rows", "columns"), [(6, 11), (200, 150)])
def test_no_rest_is_no_larger_than_its_error(rows, columns):
    """What cancels is not taken for a rest."""
    step, term = _step(rows, columns, seed=3, rest=0.0)
    found = _apart(step, term)[""]
    assert found.value <= found.error < 1e-5
