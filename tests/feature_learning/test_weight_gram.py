"""Whitening, rotations and balanced chains: exactness, proved bounds, corners, and what must
fail.
"""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from impl.errors import InputError
from impl.feature_learning.chains import (
    LinearChain,
    gradient_outer_products,
    imbalance,
    linear_chain,
)
from impl.feature_learning.polar_errors import _off_null_space, polar_radius, vertical_radius
from impl.feature_learning.whitening import (
    WeightMotion,
    WeightStep,
    newton_schulz,
    polar,
    spin,
    weight_motion,
    weight_step,
)
from impl.networks.spec import generator
from impl.numbers.operands import to_exact
from impl.strategies import grams as drawn
from theorems.feature_learning.weight_gram import (
    balanced_linear_network_feature_ansatz,
    gram_whitening_keeps_the_gram,
    rotation_is_orthogonal_to_learning,
)
from theorems.impl.numbers.rounded import Ball
from theorems.relations.enclosures import enclose
from theorems.verdict import Grade, Outcome

QUICK = settings(max_examples=2_000, database=None, phases=[Phase.generate])


def normal(seed, *shape):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def gram_error(turned, after):
    gram = after.mT @ after
    return float((turned.mT @ turned - gram).norm() / gram.norm())


# -- whitening -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_ten_newton_schulz_steps_miss_the_gram_at_256(seed):
    before = normal(seed, 256, 256) / 16
    after = before + 0.01 * normal(seed + 100, 256, 256) / 16
    product = before @ after.mT
    values = torch.linalg.svdvals(product)
    left_behind = int((values < product.norm() / 537).sum())
    assert left_behind > 20
    missed = gram_error(newton_schulz(product) @ after, after)
    assert 3e-3 < missed < 4e-3  # 3.4e-3 at every seed tried
    assert gram_error(polar(product) @ after, after) < 1e-14


@pytest.mark.slow
def test_the_newton_schulz_mutant_is_refuted_at_256_and_the_claim_holds():
    before = normal(3, 256, 256) / 16
    step = weight_step(before, before + 0.01 * normal(4, 256, 256) / 16)
    missed = gram_whitening_keeps_the_gram.mutants["ten Newton-Schulz steps"](step)
    assert missed.outcome is Outcome.REFUTED
    assert missed.measured > 1e5 * missed.bound
    assert gram_whitening_keeps_the_gram(step)


def test_newton_schulz_does_converge_where_no_singular_value_is_small():
    matrix = torch.eye(5, dtype=torch.float64) + 0.1 * normal(5, 5, 5)
    assert torch.allclose(newton_schulz(matrix), polar(matrix), atol=1e-12)


@pytest.mark.slow
@given(drawn.lattice_steps())
@settings(max_examples=40)
def test_exact_steps_are_exact(step):
    verdict = gram_whitening_keeps_the_gram(step)
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.grade is Grade.EXACT
    assert verdict.measured == 0


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (2, 5), (5, 2), (1, 1), (7, 6)])
def test_the_polar_radius_covers_the_true_error(rows, columns):
    """Signed permutations and integers: the exact factor is known, and W₁W₂ᵀ does not round."""
    source = generator(rows * 10 + columns)
    rotation = torch.eye(rows, dtype=torch.float64)[torch.randperm(rows, generator=source)]
    after = torch.randint(1, 10, (rows, columns), generator=source).double()
    half = torch.randint(-3, 4, (columns, columns), generator=source).double()
    before = rotation @ after @ (half.mT @ half + torch.eye(columns, dtype=torch.float64))
    step = weight_step(before, after)
    radius = float(polar_radius(Ball(before), Ball(after)))
    error = float((step.rotation @ after - rotation @ after).norm())
    assert error <= radius * float(after.norm())
    values = torch.linalg.svdvals(before @ after.mT)[: min(rows, columns)]
    # and is no wider than conditioning makes it
    assert radius < 1e-13 * float(values[0] / values[-1])
    assert gram_whitening_keeps_the_gram(step)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-6, 1e-3])
@pytest.mark.parametrize(("rows", "columns"), [(5, 2), (6, 5), (3, 1)])
def test_how_far_columns_are_from_a_null_space_is_bounded_from_both_sides(rows, columns, angle):
    """All columns turned by one angle out of the null space, into the column space where there is
    room: the distance is known.
    """
    basis = torch.linalg.qr(normal(rows, rows, rows))[0]
    weight = basis[:, :columns] @ normal(7, columns, columns)
    turned = min(columns, rows - columns)
    null = basis[:, columns:].clone()
    null[:, :turned] = math.cos(angle) * null[:, :turned] + math.sin(angle) * basis[:, :turned]
    # Frobenius, to the nearest orthonormal basis of the null space
    distance = 2 * math.sin(angle / 2) * turned**0.5
    bound = float(_off_null_space(Ball(weight), null))
    values = torch.linalg.svdvals(weight)
    assert distance - 1e-14 <= bound < 2 * float(values[0] / values[-1]) * (distance + 1e-13)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_an_error_of_the_rotation_shows_as_soon_as_it_leaves_the_bound(factor):
    """Turned by a fraction or a multiple of what the verified radius allows, in a plane that the
    Gram matrix does not see: only symmetry breaks.
    """
    before, after = normal(11, 4, 4), normal(12, 4, 4)
    step = weight_step(before, after)
    radius = float(polar_radius(Ball(before), Ball(after)))
    plane = torch.zeros(4, 4, dtype=torch.float64)
    plane[0, 1], plane[1, 0] = 1, -1
    turned = replace(
        step, rotation=step.rotation @ torch.linalg.matrix_exp(plane * 1e3 * factor * radius)
    )
    assert float((turned.rotation - step.rotation).norm()) > radius
    assert gram_whitening_keeps_the_gram(turned).outcome is Outcome.REFUTED


def test_rank_deficient_float_weights_are_decided_as_far_as_the_decomposition_is_stable():
    before, after = torch.ones(3, 2, dtype=torch.float64), torch.ones(3, 2, dtype=torch.float64)
    step = weight_step(before, after)
    assert gram_whitening_keeps_the_gram(step).grade is Grade.NUMERICAL
    assert gram_whitening_keeps_the_gram(step).outcome is Outcome.HOLDS
    assert (
        gram_whitening_keeps_the_gram(replace(step, rotation=-step.rotation)).outcome
        is Outcome.REFUTED
    )
    eye = np.eye(3, dtype=int).astype(object)
    exact = WeightStep(to_exact(before), to_exact(after), eye, -eye, eye)
    assert gram_whitening_keeps_the_gram(exact).grade is Grade.EXACT


def test_steps_stack():
    steps = [weight_step(normal(i, 4, 3), normal(i + 50, 4, 3)) for i in range(5)]
    assert gram_whitening_keeps_the_gram(WeightStep.stack(steps))
    broken = replace(steps[2], rotation=steps[1].rotation)
    assert not gram_whitening_keeps_the_gram(WeightStep.stack([*steps[:2], broken]))


@pytest.mark.parametrize("corner", [
    lambda s: s.before.shape[0] > s.before.shape[1],
    lambda s: s.before.shape[0] < s.before.shape[1],
    lambda s: s.before.shape == (1, 1),
    lambda s: not bool((s.after != 0).any()),
    lambda s: isinstance(s.before, torch.Tensor) and s.before.shape[0] > 8,
])  # fmt: skip
def test_steps_reach_every_corner(corner):
    find(drawn.weight_steps(), corner, settings=QUICK)


# -- rotation and learning -------------------------------------------------------------------------


@given(drawn.lattice_motions())
@settings(max_examples=60)
def test_the_exact_spin_is_found_again(motion):
    """The vertical part is unique at every rank; the strategy builds it, the rational solver finds
    it.
    """
    found = spin(motion.weight, motion.velocity) @ motion.weight
    assert (found == motion.vertical).all()
    assert rotation_is_orthogonal_to_learning(motion).grade is Grade.EXACT


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000))
@settings(max_examples=40)
def test_the_vertical_radius_covers_the_true_error(rows, columns, seed):
    source = generator(seed)
    weight, velocity = (
        torch.randint(-9, 10, (rows, columns), generator=source).double() for _ in range(2)
    )
    exact = spin(to_exact(weight), to_exact(velocity)) @ to_exact(weight)
    error = np.abs(
        (to_exact(spin(weight, velocity)) @ to_exact(weight) - exact).astype(float)
    ).max()
    assert not error > float(vertical_radius(Ball(weight), Ball(velocity)))


def test_whitening_a_small_step_leaves_its_horizontal_part():
    weight, velocity = normal(1, 4, 6), normal(2, 4, 6)
    horizontal = velocity - weight_motion(weight, velocity).vertical

    def gap(size):
        after = weight + size * velocity
        return float((polar(weight @ after.mT) @ after - weight - size * horizontal).norm())

    assert gap(1e-3) / gap(1e-4) == pytest.approx(100, rel=0.05)  # O(ε²)


def test_zero_weights_have_no_vertical_motion():
    zero = np.zeros((2, 3), dtype=int).astype(object)
    motion = weight_motion(zero, zero + 1)
    assert (motion.vertical == 0).all()
    assert rotation_is_orthogonal_to_learning(motion).grade is Grade.EXACT


# -- balanced chains -------------------------------------------------------------------------------


@given(drawn.balanced_chains())
@settings(max_examples=30)
def test_balanced_chains_are_balanced_and_exact(chain):
    assert imbalance(chain) == 0
    assert balanced_linear_network_feature_ansatz(chain).grade is Grade.EXACT


@pytest.mark.slow
@pytest.mark.parametrize("corner", [
    lambda c: c.depth == 1,
    lambda c: c.depth == 4,
    lambda c: len(c.inputs) == 1,
    lambda c: bool((c.weights[0] == 0).all()),
    lambda c: c.depth > 1 and c.weights[0].shape[0] != c.weights[0].shape[1],
    lambda c: bool((abs(c.weights[0]) > 2).any()),
])  # fmt: skip
def test_chains_reach_every_corner(corner):
    find(drawn.balanced_chains(), corner, settings=QUICK)


def test_the_root_itself():
    """(W₁ᵀW₁)^L = AGOP has the root as its only positive semidefinite solution: taken here by an
    eigendecomposition.
    """
    turn = torch.tensor([[3.0, 4.0], [-4.0, 3.0]], dtype=torch.float64)
    first = turn @ torch.diag(torch.tensor([2.0, 1.0], dtype=torch.float64))
    chain = LinearChain(
        (first, torch.diag(torch.tensor([10.0, 5.0])).double() @ turn.mT / 5), normal(1, 6, 2)
    )
    assert imbalance(chain) == 0
    assert balanced_linear_network_feature_ansatz(chain)
    values, vectors = torch.linalg.eigh(gradient_outer_products(chain) / 6)
    root = vectors * values.sqrt() @ vectors.mT
    assert torch.allclose(first.mT @ first, root)


@pytest.mark.parametrize("off", [1.0, 2.0**-30, 2.0**-52, 0.0])
def test_imbalance_is_the_largest_gap_in_fractions_however_small(off):
    """Three matrices, the last pair out of balance by a factor 1 + off: seen also where floats
    round it away.
    """
    first = torch.tensor([[0.1, 0.7], [-0.3, 0.2]], dtype=torch.float64)
    chain = LinearChain((first, first.mT, first * (1 + off)), torch.ones(1, 2, dtype=torch.float64))
    exact = [np.vectorize(Fraction, otypes=[object])(w.numpy()) for w in chain.weights]
    gaps = [abs(upper.T @ upper - lower @ lower.T).max() for lower, upper in pairwise(exact)]
    # a gap that no rounding explains is measured in floats
    rounding = 2.0**-51 if off > 2.0**-40 else 0
    assert abs(imbalance(chain) - float(max(gaps))) <= rounding
    assert (imbalance(chain) > 0) is (off > 0)
    assert imbalance(LinearChain(chain.weights[:1], chain.inputs)) == 0, (
        "a single matrix is balanced"
    )


def test_a_generic_network_is_not_balanced():
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 4, bias=False), torch.nn.Linear(4, 2, bias=False)
    ).double()
    chain = linear_chain(model, normal(1, 5, 3))
    verdict = balanced_linear_network_feature_ansatz(chain)
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "not balanced" in verdict.context["reason"]
    assert (
        balanced_linear_network_feature_ansatz.without("balanced")(chain).outcome is Outcome.REFUTED
    )


def test_observation_is_the_jacobian_of_the_module():
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 4, bias=False), torch.nn.Linear(4, 2, bias=False)
    ).double()
    inputs = normal(2, 5, 3)
    jacobian = torch.func.vmap(torch.func.jacrev(model))(inputs)
    expected = torch.einsum("nci,ncj->ij", jacobian, jacobian)
    assert torch.allclose(gradient_outer_products(linear_chain(model, inputs)), expected)


# -- errors ----------------------------------------------------------------------------------------

ONES = torch.ones(2, 3, dtype=torch.float64)
BAD = {
    "steps of two shapes": (lambda: weight_step(ONES, ONES.mT), "one shape"),
    "integer weights": (lambda: weight_step(ONES.long(), ONES.long()), "floating-point"),
    "infinite weights": (lambda: weight_step(ONES / 0, ONES), "finite"),
    "velocity of another shape": (lambda: weight_motion(ONES, ONES[:1]), "weight's shape"),
    "NaN velocity": (lambda: weight_motion(ONES, ONES * float("nan")), "finite"),
    "vertical part of another shape": (
        lambda: WeightMotion(ONES, ONES, ONES[:1]),
        "vertical of shape",
    ),
    "rotation of another shape": (
        lambda: WeightStep(ONES, ONES, ONES, ONES, ONES),
        "rotation of shape",
    ),
    "no matrix": (lambda: LinearChain((), ONES), "at least one"),
    "matrices that do not chain": (lambda: LinearChain((ONES, ONES), ONES), "W_2"),
    "NaN in a chain": (lambda: LinearChain((ONES * float("nan"),), ONES), "W_1"),
    "a bias": (lambda: linear_chain(torch.nn.Sequential(torch.nn.Linear(3, 2)), ONES), "bias"),
    "an activation": (lambda: linear_chain(torch.nn.Sequential(torch.nn.ReLU()), ONES), "ReLU"),
    "another subject": (lambda: gram_whitening_keeps_the_gram(ONES), "weight_step"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_say_what_came(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()


def test_enclosures_leave_data_alone():
    step = weight_step(ONES + torch.eye(2, 3), ONES)
    assert enclose(step).before.radius is None


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_weights_without_rows_or_columns_are_no_step(shape):
    nothing, square = (
        torch.zeros(shape, dtype=torch.float64),
        torch.eye(shape[0], dtype=torch.float64),
    )
    with pytest.raises(
        InputError,
        match=r"expected weights of shape \(…, d_out, d_in\), got "
        + str(shape).replace("(", r"\(").replace(")", r"\)"),
    ):
        WeightStep(nothing, nothing, square, square, square)
