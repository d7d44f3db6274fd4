"""Verified singular values, exact counts of eigenvalues, and the relations built on them."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import theorems
from impl.kernel_flows.decayed import decayed_layers
from impl.kernel_flows.minibatches import minibatches, readout_noise
from impl.numbers.linalg import exact_rank, independent_columns
from theorems.impl.numbers.rounded import Ball
from theorems.relations.ranks import _below, _exactly, _numerically
from theorems.relations.spectra import (
    eigenvalues,
    is_semidefinite,
    positive_eigenvalues,
    singular_values,
)
from theorems.verdict import Grade, Outcome


def gaussian(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact(rows):
    return np.array(rows, dtype=object)


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6))
def test_singular_values_are_enclosed(rows, columns, seed):
    source = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(rows, rows, generator=source, dtype=torch.float64))[0]
    right = torch.linalg.qr(torch.randn(columns, columns, generator=source, dtype=torch.float64))[0]
    size = min(rows, columns)
    true = 10.0 ** torch.linspace(0, -12, size, dtype=torch.float64)
    matrix = (left[:, :size] * true) @ right[:, :size].mT
    values, errors = singular_values(Ball(matrix))
    assert bool(((values - true).abs() <= errors + 1e-14).all())
    assert float(errors.max()) < 1e-12


def test_the_radius_enters_the_error():
    _, errors = singular_values(Ball(gaussian(3, 4), torch.full((3, 4), 0.1, dtype=torch.float64)))
    assert float(errors.min()) >= 0.1 * 12**0.5


@pytest.mark.parametrize("scale", [1e-250, 1e-100, 1.0, 1e100, 1e250])
@pytest.mark.parametrize("spectrum", [singular_values, eigenvalues])
def test_a_radius_that_one_value_can_use_up_is_granted_and_hardly_more(spectrum, scale):
    """Of diag(1, 2, −3) ± 1/8 at one place a value moves by 1/8: no smaller error is right (Weyl),
    in any unit.
    """
    center = scale * torch.diag(torch.tensor([1.0, 2.0, -3.0], dtype=torch.float64))
    radius = torch.zeros(3, 3, dtype=torch.float64)
    radius[1, 1] = scale / 8
    values, errors = spectrum(Ball(center, radius))
    true = [-3.0, 1.0, 2.0] if spectrum is eigenvalues else [3.0, 2.0, 1.0]
    assert [float(v) / scale for v in values] == pytest.approx(true)
    assert bool((errors >= radius[1, 1]).all())
    assert float(errors.max()) <= (1 + 1e-7) * float(radius[1, 1])


def test_a_solver_that_lies_is_found_out(monkeypatch):
    true = torch.linalg.svd
    monkeypatch.setattr(
        torch.linalg, "svd", lambda m, **options: [x * 1.01 for x in true(m, **options)]
    )
    values, errors = singular_values(Ball(gaussian(4, 4)))
    true_values = torch.linalg.svdvals(gaussian(4, 4))
    assert bool(((values - true_values).abs() <= errors).all())
    assert float(errors.max()) > 1e-3


def test_eigenvalues_are_enclosed():
    basis = torch.linalg.qr(gaussian(5, 5))[0]
    true = torch.tensor([-1.0, 0.0, 0.0, 1e-9, 4.0], dtype=torch.float64)
    values, errors = eigenvalues(Ball((basis * true) @ basis.mT))
    assert bool(((values - true).abs() <= errors + 1e-15).all())


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=5))
def test_positive_eigenvalues_are_counted(values):
    size = len(values)
    lower = np.tril(np.ones((size, size), dtype=int)).astype(object)
    # Sylvester: the signs are those of the values
    matrix = lower @ np.diag(np.array(values, dtype=object)) @ lower.T
    assert positive_eigenvalues(matrix) == sum(v > 0 for v in values)
    assert is_semidefinite(matrix) == all(v >= 0 for v in values)


def test_exact_comparison_of_norms_decides_ties():
    eye = exact([[3, 0], [0, 3]])
    assert _below(eye, eye, 1) is True
    assert _below(eye, exact([[3, 0], [0, 2]]), 0) is True
    assert _below(eye, exact([[2, 0], [0, 2]]), 1) is False
    assert (
        _below(exact([[Fraction(1, 3), 0], [0, Fraction(1, 3)]]), exact([[Fraction(1, 3), 0]]), 1)
        is True
    )


def test_irrational_ties_are_left_to_numbers():
    block = np.array([[2, 1], [1, 1]], dtype=object)
    # every singular value irrational and double
    tied = np.block([[block, 0 * block], [0 * block, block]])
    assert _below(tied, tied, 1) in (None, True)


@pytest.mark.parametrize(
    ("above", "outcome"), [(2**-29, False), (2**-32, None), (0, True), (-(2**-32), True)]
)
def test_what_is_a_billionth_above_is_too_near_to_call(above, outcome):
    matrix = exact([[5, 0], [0, 1 + Fraction(above)]])
    assert _below(matrix, exact([[1, 0], [0, 0]]), 1) is outcome


def test_exact_rank_findings():
    assert _exactly(exact([[1, 2], [2, 4]]), None, 1, equal=False).outcome is Outcome.HOLDS
    assert _exactly(exact([[1, 2], [2, 5]]), None, 1, equal=False).outcome is Outcome.REFUTED
    assert _exactly(exact([[0, 0], [0, 0]]), None, 1, equal=True).outcome is Outcome.REFUTED
    assert exact_rank(exact([[Fraction(1, 3), 1], [1, 3]])) == 1


@pytest.mark.parametrize("seed", range(6))
def test_independent_columns_are_the_first_ones_at_every_scale(seed):
    """Columns that depend on earlier ones are left out, whatever powers of two the rows carry."""
    source = torch.Generator().manual_seed(seed)
    n, d, k = (int(value) for value in torch.randint(2, 9, (3,), generator=source))
    whole = torch.randint(-3, 4, (n, k), generator=source) @ torch.randint(
        -3, 4, (k, d), generator=source
    )
    scaled = whole * 2.0 ** torch.randint(-400, 400, (n, 1), generator=source).double()
    exact = np.array([[Fraction(v) for v in row] for row in whole.tolist()], dtype=object)
    ranks = [0, *(exact_rank(exact[:, : j + 1]) for j in range(d))]
    assert independent_columns(scaled) == [j for j in range(d) if ranks[j + 1] > ranks[j]]
    # entries that differ in their exponents alone
    apart = torch.tensor([[1.0, 2.0**-60], [2.0**61, 2.0**3]], dtype=torch.float64)
    assert independent_columns(apart) == [0, 1]


def test_exact_slack_is_a_norm_and_no_slack_a_rank():
    """diag(5, 3, 1) is within 3 of rank one and within 1 of rank two; each matrix of a batch has
    its own slack.
    """
    matrix = exact([[5, 0, 0], [0, 3, 0], [0, 0, 1]])
    for rank, size, outcome in (
        (1, 3, "HOLDS"),
        (1, 2, "REFUTED"),
        (2, 1, "HOLDS"),
        (0, 5, "HOLDS"),
        (0, 4, "REFUTED"),
    ):
        slack = exact([[0, 0], [0, -size]])
        found = _exactly(matrix, slack, rank, equal=False)
        assert found.outcome is Outcome[outcome]
        assert found.measured == (outcome == "REFUTED")
        assert found.grade is Grade.EXACT
        pair, slacks = np.stack([matrix, matrix * 0]), np.stack([slack, slack * 0])
        assert _exactly(pair, slacks, rank, equal=False).outcome is Outcome[outcome]
        assert _exactly(pair, slacks[::-1], rank, equal=False).outcome is Outcome.REFUTED
    for rank in range(4):
        found = _exactly(matrix, exact([[0, 0], [0, 0]]), rank, equal=False)
        assert (found.measured, found.context["rank"]) == (3 - rank, 3)
        assert found.outcome is (Outcome.HOLDS if rank == 3 else Outcome.REFUTED)
    batch = np.stack([matrix * 0, matrix, exact([[1, 1, 1]] * 3)])
    assert _exactly(batch, None, 1, equal=False).measured == 2
    assert _exactly(batch, None, 4, equal=True).measured == 4


def test_numerical_ranks_at_the_ends_of_what_a_rank_can_be():
    ball = Ball(torch.diag(torch.tensor([5.0, 3.0, 1.0]).double())[:2])
    assert _numerically(ball, None, -1, equal=False).outcome is Outcome.REFUTED
    assert _numerically(ball, None, 1, equal=False).outcome is Outcome.REFUTED
    assert _numerically(ball, None, 1, equal=False).context["sigma"] == pytest.approx(3)
    for rank, grade in ((2, Grade.EXACT), (3, Grade.EXACT)):
        assert (
            _numerically(ball, None, rank, equal=False).outcome,
            _numerically(ball, None, rank, equal=False).grade,
        ) == (Outcome.HOLDS, grade)
    met, beyond = _numerically(ball, None, 2, equal=True), _numerically(ball, None, 3, equal=True)
    assert (met.outcome, met.grade) == (Outcome.HOLDS, Grade.NUMERICAL)
    assert (beyond.outcome, beyond.measured) == (Outcome.REFUTED, 1)
    flat = Ball(ball.center * torch.tensor([[1.0], [0.0]]).double())
    assert _numerically(flat, None, 2, equal=True).outcome is Outcome.UNDECIDED, (
        "no float proves that it is zero"
    )
    for size, outcome in ((2.9, "REFUTED"), (3.1, "HOLDS")):
        slack = Ball(torch.tensor([[0.0, size]], dtype=torch.float64))
        found = _numerically(ball, slack, 1, equal=False)
        assert found.outcome is Outcome[outcome]
        assert found.measured == pytest.approx(max(3 - size, 0), abs=1e-12)


@pytest.mark.parametrize(("size", "outcome"), [(1e-12, Outcome.REFUTED), (0.0, Outcome.HOLDS)])
def test_numerical_rank_needs_proof_to_refute(size, outcome):
    matrix = gaussian(5, 1) @ gaussian(1, 5, seed=1) + size * gaussian(5, 5, seed=2)
    found = _numerically(Ball(matrix, torch.full_like(matrix, 1e-15)), None, 1, equal=False)
    assert found.outcome is outcome
    assert found.grade is Grade.NUMERICAL


def test_a_radius_that_swallows_the_matrix_is_undecided():
    matrix = gaussian(3, 3)
    assert (
        _numerically(Ball(matrix, matrix.abs() * 10), None, 1, equal=False).outcome
        is Outcome.UNDECIDED
    )


def test_verified_inverse():
    matrix = gaussian(4, 4)
    ball = Ball(matrix).inverse()
    true = torch.linalg.inv(matrix)
    assert bool(((ball.center - true).abs() <= ball.error + 1e-15).all())
    assert float(ball.error.max()) < 1e-11
    assert not bool(torch.isfinite(Ball(torch.ones(2, 2).double()).inverse().error).all())
    wide = Ball(torch.eye(2).double(), torch.full((2, 2), 0.6).double()).inverse()
    assert not bool(torch.isfinite(wide.error).all())


def test_a_rank_that_no_matrix_of_the_shape_exceeds_is_exact_with_nothing_left():
    found = _numerically(Ball(torch.randn(5, 3, dtype=torch.float64)), None, 3, equal=False)
    assert (found.outcome, found.grade, found.measured, found.bound) == (
        Outcome.HOLDS,
        Grade.EXACT,
        0.0,
        0.0,
    )


def _readout(dtype, seed, rows, classes, loss):
    """The same network and batch, in a format: what float64 tells apart, narrower ones may not."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(5, 24),
        nn.Tanh(),
        nn.Linear(24, 2 * classes + 4),
        nn.Linear(2 * classes + 4, classes),
    )
    inputs, counts = (
        torch.randn(rows, 5),
        minibatches(rows, rows // 2, 2, replacement=False, seed=seed),
    )
    targets = (
        torch.randn(rows, classes).to(dtype)
        if loss is functional.mse_loss
        else torch.randint(classes, (rows,))
    )
    model = model.bfloat16().to(dtype)  # numbers that every format has, but for float16's smallest
    layers = decayed_layers(model, inputs.bfloat16().to(dtype), targets, loss)
    noise = readout_noise(
        model, inputs.bfloat16().to(dtype), targets, loss, counts, readout="3", reduction="mean"
    )
    return {
        "sgd_kernel_noise_is_low_rank": noise,
        "sgd_feature_noise_is_low_rank": noise,
    } | dict.fromkeys(
        (
            "kernel_rank_at_most_classes",
            *(["softmax_kernel_rank_below_classes"] if loss is not functional.mse_loss else []),
        ),
        layers["2"],
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("loss", [functional.mse_loss, functional.cross_entropy])
@pytest.mark.parametrize(("rows", "classes"), [(12, 2), (64, 4), (100, 3)])
def test_no_format_lets_a_claim_and_its_false_variant_pass_at_once(dtype, loss, rows, classes):
    """A float16 readout of 64 samples let rank ≤ 2C and rank ≤ C − 1 both hold; and what rounds is
    never refuted.
    """
    held = Counter()
    for seed in range(4):
        coarse, fine = (_readout(d, seed, rows, classes, loss) for d in (dtype, torch.float64))
        for name, instance in coarse.items():
            claim = getattr(theorems, name)
            outcome = claim(instance).outcome
            assert outcome in (Outcome.HOLDS, Outcome.UNDECIDED), (name, claim(instance))
            held[outcome] += 1
            for variant, mutant in claim.mutants.items():
                false = mutant(fine[name]).outcome is Outcome.REFUTED
                passes = mutant(instance).outcome is Outcome.HOLDS
                assert not (false and passes and outcome is Outcome.HOLDS), (name, variant, seed)
    assert dtype is not torch.float32 or held[Outcome.UNDECIDED] == 0, (
        "float32 tells enough apart here"
    )
    assert dtype is torch.float32 or held[Outcome.UNDECIDED] > 0, "half precision does not"


@pytest.mark.parametrize(
    ("values", "radius", "outcome"),
    [
        ([4.0, 2.0, 1e-9, 1e-9], 1e-3, Outcome.HOLDS),  # the second is seen: rank 2 is met
        # rank 1, and the rest is nothing beside the matrix
        (
            [4.0, 1e-9, 1e-9, 1e-9],
            1e-3,
            Outcome.HOLDS,
        ),
        ([4.0, 1e-9, 1e-9, 1e-9], 0.5, Outcome.UNDECIDED),  # rank 1, or 2 and hidden
        # two values stand out, one of them within the radius
        (
            [4.0, 0.05, 1e-9, 1e-9],
            0.1,
            Outcome.UNDECIDED,
        ),
        # float64: whatever hides is 2⁻⁴⁰ of the matrix
        (
            [4.0, 1e-15, 1e-18, 0.0],
            1e-13,
            Outcome.HOLDS,
        ),
        # a third value stands out within the radius
        (
            [4.0, 2.0, 5e-4, 1e-9],
            1e-3,
            Outcome.UNDECIDED,
        ),
        # rank 2, and room for a third as large as an eighth
        (
            [4.0, 2.0, 1e-9, 1e-9],
            0.5,
            Outcome.UNDECIDED,
        ),
        ([4.0, 2.0, 1.0, 1e-9], 1e-3, Outcome.REFUTED),
        ([0.0, 0.0, 0.0, 0.0], 1e-3, Outcome.HOLDS),
    ],
)
def test_rank_at_most_two_holds_where_the_radius_tells_it_from_rank_one(values, radius, outcome):
    matrix = torch.diag(torch.tensor(values, dtype=torch.float64))
    spread = torch.zeros_like(matrix)
    spread[0, 0] = radius
    found = _numerically(Ball(matrix, spread), None, 2, equal=False)
    assert found.outcome is outcome
    assert ("reason" in found.context) == (outcome is Outcome.UNDECIDED)
