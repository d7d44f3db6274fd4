"""Degree bounds of tracked numbers against what the numbers really do along lines; Kronecker's
base; no float comes through.
"""

import operator
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impl.generic import Source
from impl.numbers.differentiation import gradient, velocity
from impl.numbers.duals import Dual
from impl.numbers.inverses import inverse
from impl.numbers.linalg import exact_rank, least_squares, project
from impl.numbers.magnitude import Magnitude, base_for
from impl.numbers.operands import reciprocal
from impl.numbers.tracked import Tracked, branching, cleared, denominator, is_tracked, plain
from theorems import CLAIMS
from theorems.checking.generic import constructor, identities
from theorems.relations.ranks import RankIs, Within

# -- numbers ---------------------------------------------------------------------------------------


def _is_of_degree(values, above, below):
    """Whether u ↦ values[u] is n(u)/q(u) with deg n ≤ above, deg q ≤ below: n − values q = 0 has a
    solution.
    """
    rows = [
        [u**k for k in range(above + 1)] + [-r * u**k for k in range(below + 1)]
        for u, r in enumerate(values)
    ]
    exact = [
        flint.fmpq(Fraction(v).numerator, Fraction(v).denominator) for row in rows for v in row
    ]
    return flint.fmpq_mat(len(rows), above + below + 2, exact).rank() < above + below + 2


def _along(formula, points, *shapes, seed):
    """The formula at entries a + u b, u = 0 …, as tracked numbers."""
    source = np.random.default_rng(seed)
    starts = [source.integers(-9, 10, shape).astype(object) for shape in shapes]
    slopes = [source.integers(1, 10, shape).astype(object) for shape in shapes]
    for u in range(points):
        lift = np.vectorize(lambda a, b, u=u: Tracked(int(a + u * b)), otypes=[object])
        yield formula(*(lift(a, b) for a, b in zip(starts, slopes, strict=True)))


FORMULAS = {
    "product": lambda a, b: a @ b @ a,
    "difference of products": lambda a, b: a @ b - b @ a * 3,
    "inverse": lambda a, b: inverse(a) @ b,
    "inverse of an inverse": lambda a, b: inverse(inverse(a) + b),
    "sum of fractions": lambda a, b: reciprocal(a * a + 1) + reciprocal(b) * Fraction(1, 3),
    "reciprocal of a fraction": lambda a, b: reciprocal(
        (a + 100) * reciprocal((b + 100) * (b + 100))
    ),
    "quotient": lambda a, b: (a * b) * (Fraction(1) / (a + b)),
    "power": lambda a, b: a**3 - b**2 * a,
    "power of a fraction": lambda a, b: (a * reciprocal(b + 30)) ** 2,
    "negative power": lambda a, b: (a + 100) ** -2 + b,
    "projection": lambda a, b: project(a[:, :1], b),
    "least squares": lambda a, b: least_squares(a[:, :2], b),
    "derivative": lambda a, b: velocity(lambda x: x @ x @ b, (a,), (b,)),
    "derivative of an inverse": lambda a, b: inverse(Dual(a, b)).tangent,
    "gradient": lambda a, b: gradient(lambda x: (x @ b @ x).sum(-1).sum(-1), (a,))[0],
}


@pytest.mark.parametrize("name", FORMULAS)
@settings(max_examples=max(1, settings().max_examples // 40))
@given(seed=st.integers(0, 1000))
def test_degrees_are_bounds(name, seed):
    shape = (3, 3) if "power" not in name else (2, 2)
    try:
        first = next(_along(FORMULAS[name], 1, shape, shape, seed=seed)).reshape(-1)
        above, below = first[0].degree, denominator(first[0].below)
        found = [
            v.reshape(-1)[0]
            for v in _along(FORMULAS[name], above + below + 4, shape, shape, seed=seed)
        ]
    except ZeroDivisionError:
        return
    assert all(v.degree == above for v in found)
    assert _is_of_degree([v.value for v in found], above, below)


def _uneven(a, b):
    """Rows of degrees 1, 3 and 2, the last one over a denominator of degree 2."""
    return np.stack([a[0], a[1] * b[1] * b[0], a[2] * b[2] * reciprocal(b[0, 0] * b[0, 0] + 1)])


@pytest.mark.parametrize("seed", range(3))
def test_every_entry_of_an_inverse_has_its_own_degree(seed):
    """Entry (i, j) is a cofactor without *row j*, times the denominator of row j, over the
    determinant.
    """
    found = [
        inverse(_uneven(a, b))
        for a, b in _along(lambda a, b: (a, b), 26, (3, 3), (3, 3), seed=seed)
    ]
    for i, j in np.ndindex(3, 3):
        above, below = found[0][i, j].degree, denominator(found[0][i, j].below)
        assert below == 1 + 3 + 2
        assert above == below - (1, 3, 2)[j] + (0, 0, 2)[j]
        assert _is_of_degree([f[i, j].value for f in found], above, below)
    tight = [found[0][i, j].degree for i, j in np.ndindex(3, 3)]
    assert any(
        not _is_of_degree([f[i, j].value for f in found], tight[3 * i + j] - 1, 6)
        for i, j in np.ndindex(3, 3)
    )


def test_the_derivative_of_an_inverse_solves_its_equation():
    """From M M⁻¹ = I: Ṁ M⁻¹ + M (M⁻¹)˙ = 0."""
    matrix, along = Source(0, 1, largest=9).entries(3, 3), Source(0, 2, largest=9).entries(3, 3)
    both = inverse(Dual(matrix, along))
    assert (along @ both.value + matrix @ both.tangent == 0).all()
    assert (both.tangent != both.tangent.T).any()


@pytest.mark.parametrize(
    ("name", "above", "below"),
    [
        ("product", 3, 0),
        ("inverse", 3, 3),
        ("power", 3, 0),
        ("projection", 3, 2),
        ("quotient", 2, 1),
        ("reciprocal of a fraction", 2, 1),
        ("derivative", 3, 0),
    ],
)
def test_degrees_are_tight_where_nothing_cancels(name, above, below):
    shape = (3, 3)
    values = [v[0, 0] for v in _along(FORMULAS[name], above + below + 6, shape, shape, seed=1)]
    assert (values[0].degree, denominator(values[0].below)) == (above, below)
    assert not _is_of_degree([v.value for v in values], above - 1, below)


def test_constant_zeros_carry_no_degree():
    x = Tracked(5, 4)
    assert x * 0 == 0
    assert not is_tracked(x * 0)
    assert (x + 0).degree == 4


@pytest.mark.parametrize(
    "convert", [int, float, Fraction, round, lambda v: 0.5 * v, lambda v: v + 1.0, np.sqrt]
)
def test_a_tracked_number_never_loses_its_degree(convert):
    with pytest.raises((TypeError, AttributeError)):
        convert(Tracked(3, 2))


def test_comparisons_are_noticed():
    with branching() as seen:
        assert abs(Tracked(-3, 2)).degree == 2
        assert np.maximum(np.array([Tracked(-3, 2)], dtype=object), 0)[0] == 0
    assert len(seen) == 2
    with branching() as seen:
        assert Tracked(3) + Tracked(4) == 7
    assert not seen


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_every_comparison_by_order_is_a_branch(compare):
    for left, right in ((Tracked(3), 4), (4, Tracked(3)), (Tracked(3), Tracked(3))):
        with branching() as seen:
            assert compare(left, right) == compare(plain(left), plain(right))
        assert len(seen) == 1


def test_a_vanishing_denominator_is_an_error():
    with pytest.raises(ZeroDivisionError):
        1 / Tracked(0)
    with pytest.raises(ZeroDivisionError):
        inverse(np.array([[Tracked(1), Tracked(2)], [Tracked(2), Tracked(4)]], dtype=object))


def test_ranks_are_those_of_the_values():
    matrix = np.array([[Tracked(1), Tracked(2)], [Tracked(2), Tracked(4)]], dtype=object)
    assert exact_rank(matrix) == 1


# -- claims ----------------------------------------------------------------------------------------

BY_NAME = {claim.name: claim for claim in CLAIMS}
POLYNOMIAL = (
    "feature_learning_equation",
    "gram_follows_virtual_covariance",
    "backward_pullback_recursion",
    "forward_pushforward_recursion",
    "layerwise_kernel",
    "imbalance_decays_exponentially",
    "sgd_kernel_noise_formula",
    "gram_sufficiency_at_inference",
)


class Line(Source):
    """Entries a + u b instead of independent ones."""

    def __init__(self, shape, at):
        super().__init__(shape, 5)
        self.at = at

    def _variable(self, value):
        return value % 1009 + self.at * (value % 1013)


def _named(side):
    return side if isinstance(side, dict) else {"": side}


def _gaps(claim, shape, points):
    for at in range(points):
        instance = constructor(claim)(Line(shape, at))
        observed, predicted = _named(claim.observe(instance)), _named(claim.predict(instance))
        yield {
            part: np.asarray(observed[part] - predicted[part], dtype=object).reshape(-1)
            for part in observed
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", POLYNOMIAL)
def test_degrees_bound_what_wrong_formulas_leave(name):
    """On a line through the entries a mutant's gap is a polynomial: its differences of order degree
    + 1 vanish.
    """
    claim, judged = BY_NAME[name], 0
    for mutant in claim.mutants.values():
        if judged == 2:
            break
        make, shape = constructor(mutant), 2
        source = Source(shape, 5)
        make(source)
        tracked = make(source.tracked())
        try:
            degrees = identities(
                mutant.relation, _named(mutant.observe(tracked)), _named(mutant.predict(tracked))
            )
        except TypeError:  # a matrix root, which no exact number has
            continue
        gaps = list(_gaps(mutant, shape, max(degrees.values()) + 3))
        judged += any((gap != 0).any() for gap in gaps[-1].values())
        for part, degree in degrees.items():
            values = np.stack([gap[part] for gap in gaps])
            for _ in range(degree + 1):
                values = values[1:] - values[:-1]
            assert (values == 0).all(), (mutant.name, part)
    assert judged == 2


def test_rows_are_cleared_of_their_least_common_denominator():
    x, y, z = (Tracked(value) for value in (3, 5, 7))
    a, b = reciprocal(y), reciprocal(z)
    assert cleared([x * a, x * a * b, x, 2]) == ([2, 1, 3, 2], 2)
    assert cleared([x, x * x]) == ([1, 2], 0)


def test_ranks_are_minors():
    """Rank at most 1 of a 3 × 3 matrix: minors of size 2; in rows over a denominator of degree 1,
    numerators of degree 1.
    """
    entries = Source(0, 0)
    matrix = np.vectorize(Tracked, otypes=[object])(entries.entries(3, 3))
    assert identities(RankIs(), matrix, 1) == {"": 2}
    assert identities(RankIs(), matrix, 0) == {"": 1}
    assert identities(RankIs(), matrix, 3) == {"": 0}
    assert identities(RankIs(), matrix * reciprocal(matrix[:, :1]), 1) == {"": 2}
    assert identities(
        RankIs(), {"a": Within(matrix, matrix), "b": matrix @ matrix}, {"a": 1, "b": 1}
    ) == {"b": 4}


# -- Kronecker's base ------------------------------------------------------------------------------


@settings(max_examples=max(1, settings().max_examples // 4))
@given(
    x=st.lists(st.integers(-(2**700), 2**700), min_size=4, max_size=4),
    v=st.lists(st.integers(-(2**900), 2**900), min_size=4, max_size=4),
    power=st.integers(1, 8),
)
def test_no_coefficient_runs_into_the_next(x, v, power):
    """Coefficients beyond 2^4000, which a fixed base of that size would misread; compared with dual
    numbers.
    """

    def function(matrix):
        out = matrix
        for _ in range(power):
            out = out @ matrix - matrix
        return {"value": out, "pair": (out * 3, -out)}

    at, along = (np.array(values, dtype=object).reshape(2, 2) for values in (x, v))
    found = velocity(function, (at,), (along,))
    dual = function(Dual(at, along))
    assert (found["value"] == dual["value"].tangent).all()
    assert (found["pair"][0] == dual["pair"][0].tangent).all()
    assert (found["pair"][1] == dual["pair"][1].tangent).all()


def test_the_base_is_as_large_as_it_must_be_and_no_larger():
    at, along = np.array([[3]], dtype=object), np.array([[1]], dtype=object)
    assert base_for(lambda x: x @ x, (at,), (along,)) == 1 << 7  # (|3| + |1|)² = 16 has five bits
    assert base_for(lambda x: x - x, (at,), (along,)) == 1 << 6  # magnitudes do not cancel


@pytest.mark.parametrize(
    "function",
    [lambda x: reciprocal(x) * 6, lambda x: x * Fraction(1, 2)],
    ids=["rational", "fractions"],
)
def test_what_is_no_whole_polynomial_is_differentiated_as_dual_numbers(function):
    at, along = np.array([[3]], dtype=object), np.array([[2]], dtype=object)
    wanted = Fraction(-4, 3) if function(at)[0, 0] == 2 else 1
    assert velocity(function, (at,), (along,))[0, 0] == wanted


def test_gradients_at_zero_are_read_off_a_base_that_holds_them():
    at, above = np.array([[0, 0]], dtype=object), np.array([[2**70, -(2**90)]], dtype=object)
    (found,) = gradient(lambda x: (above * x).sum(-1).sum(-1), (at,))
    assert (found == above).all()


def test_magnitudes_refuse_to_be_compared():
    with pytest.raises(TypeError, match="compares"):
        np.maximum(np.array([Magnitude(1)], dtype=object), 0)


def test_plain_passes_other_numbers():
    assert plain(3) == 3
    assert plain(Tracked(4)) == 4
