"""Verdicts about one large step that came out wrong once: true laws that were refuted, false ones
that held.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

import theorems
from impl.errors import InputError
from impl.function_space.gaussian_gap import GapPath
from impl.function_space.kernel_expansion import ExpansionPath
from impl.function_space.one_step import StepPath
from impl.function_space.spike_moments import SpikeSetting
from impl.function_space.spiked_kernels import unit_vector
from impl.function_space.spiked_series import SpikedSeries
from impl.function_space.zonal_operator import ZonalPath
from impl.strategies.spiked_kernels import SHARP_KERNELS
from tests.spiked import objects
from theorems import Outcome
from theorems.relations.laws import Distributed

HOLDS, REFUTED, UNDECIDED, INAPPLICABLE = (
    Outcome.HOLDS,
    Outcome.REFUTED,
    Outcome.UNDECIDED,
    Outcome.INAPPLICABLE,
)

# -- asymptotic laws -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("growth", [0.0, 0.1, 0.25, 0.5, 0.6, 0.75, 0.9])
@pytest.mark.parametrize("spike", [0.5, 1.0, 4.0])
def test_the_top_mode_is_refuted_at_no_growth(growth, spike):
    claim = theorems.top_mode_mixes_quadratic_harmonic
    assert claim(ZonalPath(spike=spike, growth=growth)).outcome is not REFUTED
    small = ZonalPath(spike=spike * 16 ** (1 - 2 * growth) / 2, growth=growth)
    assert claim(small).outcome is HOLDS
    assert claim.mutants["mixing twice"](small).outcome is REFUTED


def test_the_top_mode_at_the_growth_that_was_refuted():
    assert (
        theorems.top_mode_mixes_quadratic_harmonic(
            ZonalPath(bulk=1.0, spike=1.0, growth=0.6)
        ).outcome
        is HOLDS
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"zeta": 0.85}, {"zeta": 0.95}, {"zeta": 0.85, "target": "sign", "beta": 0.5},
                {"zeta": 0.55, "target": "identity", "alpha": 0.5, "beta": 2.0}],
)  # fmt: skip
def test_the_gap_is_refuted_at_no_step(options):
    assert theorems.gaussian_equivalent_gap(GapPath(**options)).outcome is not REFUTED


@pytest.mark.slow
@pytest.mark.parametrize("path", [("tanh", 2.0, 0.5), ("sign", 0.5, 2.0)])
def test_the_gap_tells_n_m_and_d_apart(path):
    target, alpha, beta = path
    instance = GapPath(zeta=0.5, target=target, alpha=alpha, beta=beta, scale=3 * beta)
    claim = theorems.gaussian_equivalent_gap
    assert claim(instance).outcome is HOLDS
    for name in ("n for m", "m for n", "d for m", "d for n"):
        assert claim.mutants[name](instance).outcome is REFUTED, name


def test_a_target_without_a_linear_part_is_outside_the_statement():
    assert theorems.gaussian_equivalent_gap(GapPath(zeta=0.5, target="abs")).outcome is INAPPLICABLE


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("activation", ["abs", "relu"])
def test_kinks_have_an_expansion(activation, seed):
    path = ExpansionPath(activation=activation, dimension=2, seed=seed)
    claim = theorems.kernel_first_order_expansion
    assert claim(path).outcome is HOLDS
    assert claim.mutants["x and x' exchanged"](path).outcome is REFUTED
    assert claim.mutants["second derivatives left out"](path).outcome is REFUTED


@pytest.mark.parametrize("activation", ["sign", "exploding"])
def test_activations_without_two_derivatives_or_moments_have_none(activation):
    assert (
        theorems.kernel_first_order_expansion(ExpansionPath(activation=activation)).outcome
        is INAPPLICABLE
    )


def test_a_zero_of_the_remainder_is_no_refutation():
    path = ExpansionPath(activation="silu", dimension=20, bulk=1.5, seed=0)
    assert theorems.kernel_first_order_expansion(path).outcome is not REFUTED


def test_one_run_at_each_size_is_refused():
    path = StepPath(sizes=(4, 8, 16, 32, 64), replicates=(1, 1, 1, 1, 1))
    with pytest.raises(InputError, match="at least 2 replicates"):
        theorems.first_step_is_rank_one(path)


def test_a_jump_of_the_activation_is_outside_the_statement():
    path = StepPath(activation="sign", sizes=(4, 8, 16, 32, 64), replicates=(2, 2, 2, 2, 2))
    assert theorems.first_step_is_rank_one(path).outcome is INAPPLICABLE


# -- laws that jump --------------------------------------------------------------------------------

DISCRETE = {
    "coin": stats.bernoulli(0.5),
    "ten coins": stats.binom(10, 0.5),
    "Poisson": stats.poisson(3),
}


@pytest.mark.parametrize("count", [50, 500, 5000])
@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_laws_are_themselves(name, count):
    law = DISCRETE[name]
    refuted = 0
    for seed in range(40):
        x = law.rvs(count, random_state=seed).astype(float)
        refuted += (
            Distributed(alarm=0.05).judge(lambda _, x=x: x, lambda _: law, object()).outcome
            is REFUTED
        )
    assert refuted <= 9  # binomial(40, 0.05) exceeds this with probability 1e-5


def test_a_wrong_discrete_law_and_one_of_no_jumps_are_refuted():
    x = stats.binom(10, 0.5).rvs(2000, random_state=1).astype(float)
    for wrong in (stats.binom(10, 0.4), stats.norm(5, np.sqrt(2.5)), stats.binom(9, 0.5)):
        found = Distributed().judge(lambda _: x, lambda _, w=wrong: w, object())
        assert found.outcome is REFUTED
        assert found.context["detectable effect"] == pytest.approx(2 * found.bound, rel=0.01)


# -- exact and certified ---------------------------------------------------------------------------


def test_pairs_count_beyond_one_dimension():
    setting = SpikeSetting(
        unit_vector([1]), objects([0, 1, 1]), Fraction(0), 2, 1, Fraction(1), Fraction(1)
    )
    claim = theorems.spike_moments
    assert claim(setting).outcome is HOLDS
    for name in ("no pairs", "pairs across the teacher", "n² pairs", "no curvature s"):
        assert claim.mutants[name](setting).outcome is REFUTED, name


def test_every_constant_of_the_decay_meets_its_counterexample():
    claim = theorems.decay_is_preserved
    assert all(claim(kernel).outcome is HOLDS for kernel in SHARP_KERNELS)
    for name, mutant in claim.mutants.items():
        assert any(mutant(kernel).outcome is REFUTED for kernel in SHARP_KERNELS), name


WIDE = {
    "slow": SpikedSeries(Fraction(1000), Fraction(100), "cosine", ()),
    "few terms": SpikedSeries(Fraction(1), Fraction(3, 4), "power", (1,)),
    "too fast to integrate": SpikedSeries(Fraction(10**12), Fraction(10**11), "cosine", ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WIDE)
def test_a_wide_enclosure_holds_nothing(name):
    claim = theorems.spiked_covariance_series
    assert claim(WIDE[name]).outcome is UNDECIDED
    assert (
        theorems.spiked_covariance_series_as_stated(replace(WIDE[name])).outcome is not REFUTED
    ), "true, and slow"


def test_a_tiny_value_is_known_to_its_own_size():
    series = SpikedSeries(Fraction(1, 10**60), Fraction(1, 10**61), "power", (3,))
    claim = theorems.spiked_covariance_series
    assert claim(series).outcome is HOLDS
    for name, mutant in claim.mutants.items():
        assert mutant(series).outcome is REFUTED, name
