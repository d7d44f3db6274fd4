"""Matrices at the edges of a format are as wild as their kind says, beside tame ones, and never of
another format.
"""

import pytest
import torch
from hypothesis import strategies as st
from torch import nn

from impl.errors import InputError
from impl.strategies.sampling import visit
from impl.strategies.wild import FORMATS, KINDS, Numbers, Refusal, refusing
from impl.strategies.wild_data import initialised_pairs

FORMAT = pytest.mark.parametrize("name", FORMATS)


@st.composite
def numbers(draw, kind, dtype, use):
    return use(Numbers(draw, kind, dtype))


def drawn(kind, name, use, count=60):
    seen = []
    visit(numbers(kind, FORMATS[name], use), count, seed=3, see=seen.append)
    return seen


def tops(matrices):
    return [float(m.double().abs().max()) for m in matrices]


def spread(matrix):
    """Largest over smallest norm of a column."""
    columns = matrix.double().abs().amax(0)
    return float(columns.max() / columns.min())


WILD = {
    "huge": lambda m, info: float(m.double().abs().max()) > float(info.max) ** 0.4,
    "tiny": lambda m, info: float(m.double().abs().max()) < 10 * float(info.max) ** -0.4,
    "denormal": lambda m, info: float(m.double().abs().max()) < info.tiny,
    "mixed": lambda m, info: spread(m) > float(info.max) ** 0.3,
    "ill-conditioned": lambda m, _: float(torch.linalg.cond(m.double())) > 1e2,
}


@pytest.mark.slow
@FORMAT
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"tame"}))
def test_a_wild_kind_is_wild_in_some_draws_and_tame_in_others(kind, name):
    """A third is tame at least: a wild matrix beside a tame one is another instance than two wild
    ones.
    """
    matrices, info = drawn(kind, name, lambda n: n.matrix(4, 5)), torch.finfo(FORMATS[name])
    assert {m.dtype for m in matrices} == {FORMATS[name]}
    assert all(bool(m.isfinite().all()) for m in matrices)
    wild = sum(WILD[kind](m, info) for m in matrices)
    calm = sum(
        0.1 < top < 10 and not WILD[kind](m, info)
        for m, top in zip(matrices, tops(matrices), strict=True)
    )
    assert wild >= 3
    assert calm >= 5


@pytest.mark.slow
@FORMAT
def test_a_tame_matrix_is_gaussian(name):
    matrices = drawn("tame", name, lambda n: n.matrix(40, 50), 8)
    assert all(
        m.dtype == FORMATS[name] and 2.5 < top < 6
        for m, top in zip(matrices, tops(matrices), strict=True)
    )
    assert all(0.9 < float(m.double().square().mean()) < 1.1 for m in matrices)
    assert set(drawn("tame", name, Numbers.size)) == {1.0}
    assert set(drawn("tame", name, Numbers.strength)) == {1.0, 0.1, 3.0}


@pytest.mark.slow
def test_conditions_reach_a_trillion_and_leave_the_largest_direction():
    matrices = drawn("ill-conditioned", "float64", lambda n: n.matrix(4, 5), 100)
    decades = sorted(
        {
            round(float(torch.linalg.cond(m).log10()))
            for m in matrices
            if WILD["ill-conditioned"](m, None)
        }
    )
    assert decades[-1] == 12
    assert len(decades) >= 3
    wild = [m for m in matrices if WILD["ill-conditioned"](m, None)]
    assert all(
        float(torch.linalg.matrix_norm(m, 2)) == pytest.approx(1.0)
        for m in wild
        if torch.linalg.cond(m) > 1e5
    )
    # nothing to be conditioned, and no direction of norm one either
    for shape in (
        (4,),
        (1, 5),
        (3, 1),
        (2, 3, 4),
    ):
        plain = drawn("ill-conditioned", "float64", lambda n, s=shape: n.matrix(*s), 20)
        assert all(0.01 < top < 10 for top in tops(plain))
        assert all(abs(float(m.norm()) - 1) > 1e-9 for m in plain)


@pytest.mark.slow
@FORMAT
@pytest.mark.parametrize("kind", KINDS)
def test_strengths_are_positive(kind, name):
    assert all(0 < strength < float("inf") for strength in drawn(kind, name, Numbers.strength, 20))


@FORMAT
def test_parameters_are_drawn_anew_by_fan_in(name):
    """Of 400 inputs: entries of variance 1/400, in the format."""
    torch.manual_seed(0)
    (model,) = drawn("tame", name, lambda n: n.fill(nn.Linear(400, 30, bias=False)), 1)
    assert model.weight.dtype == FORMATS[name]
    assert float(model.weight.detach().double().square().mean()) * 400 == pytest.approx(
        1.0, rel=0.1
    )


def test_equal_draws_give_equal_matrices_and_each_matrix_is_another():
    pairs = drawn("tame", "float64", lambda n: (n.matrix(3, 3), n.matrix(3, 3)), 5)
    again = drawn("tame", "float64", lambda n: (n.matrix(3, 3), n.matrix(3, 3)), 5)
    assert all(
        torch.equal(a, b)
        for x, y in zip(pairs, again, strict=True)
        for a, b in zip(x, y, strict=True)
    )
    assert not any(torch.equal(a, b) for a, b in pairs)


def test_what_a_constructor_refuses_is_kept_and_other_errors_are_not():
    def build(error):
        if error:
            raise error
        return 7

    assert refusing(build)(None) == 7
    assert refusing(build)(InputError("no such thing")) == Refusal("no such thing")
    with pytest.raises(ZeroDivisionError):
        refusing(build)(ZeroDivisionError())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tame", "huge", "tiny"])
def test_wild_pairs_keep_equal_grams(kind):
    """Both data sets grow by one power of two, which rounds nothing: X P Xᵀ with P = R Rᵀ stays
    that of the twin.
    """
    seen = []
    visit(initialised_pairs(kind, torch.float64), 30, seed=2, see=seen.append)
    pairs = [pair for pair in seen if not isinstance(pair, Refusal)]
    assert len(pairs) > 10
    for pair in pairs:
        both = ((pair.inputs, pair.factor), (pair.twin_inputs, pair.twin_factor))
        one, other = ((x @ factor) @ (x @ factor).mT for x, factor in both)
        assert float((one - other).abs().max()) <= 1e-12 * float(one.abs().max())
    assert sum(bool(pair.twin_inputs.any()) for pair in pairs) > 5
