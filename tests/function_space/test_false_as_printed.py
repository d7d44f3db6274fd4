"""Statements of arXiv:2605.17718 that are false as printed, beside their corrected forms, and the
model behind them.
"""

import math
from fractions import Fraction

import pytest
import torch
from flint import arb, ctx
from hypothesis import find

from impl.function_space.gaussian_gap import GapPath, GapPoint
from impl.function_space.spiked_series import SpikedSeries
from impl.strategies.spiked_kernels import divergent_series
from theorems import Grade, Outcome, function_space
from theorems.function_space.corrected import GAP, covariance_coefficients
from theorems.relations.asymptotics import Measured, TendsTo
from theorems.relations.corrections import Corrections


def test_series_counterexample_as_a_reader_can_follow_it():
    verdict = function_space.spiked_covariance_series_as_stated(
        SpikedSeries(Fraction(1), Fraction(2))
    )
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.grade is Grade.CERTIFIED
    assert verdict.context["value"].startswith("[1.3819765978")
    sums = {order: float(text) for order, text in verdict.context["partial sums"].items()}
    assert sums == pytest.approx({5: 1.79524, 10: -3.40036, 20: -1745.32, 40: -6.49988e8}, rel=1e-5)
    with ctx.workprec(128):
        assert SpikedSeries(Fraction(1), Fraction(2)).value().overlaps((6 / arb.pi()).sqrt())


@pytest.mark.slow
def test_series_search_shrinks_to_that_counterexample():
    refuted = function_space.spiked_covariance_series_as_stated
    found = find(divergent_series(), lambda s: refuted(s).outcome is Outcome.REFUTED)
    assert (found.bulk, found.spike, found.kind, found.numbers) == (1, 2, "power", (1,))


def test_stated_series_holds_inside_its_radius():
    inside = SpikedSeries(Fraction(1), Fraction(1, 10))
    assert function_space.spiked_covariance_series_as_stated(inside).outcome is Outcome.HOLDS
    assert function_space.spiked_covariance_series(inside).outcome is Outcome.HOLDS


@pytest.mark.slow
@pytest.mark.parametrize(("zeta", "exponent"), [(1.0, 0.0), (0.75, -0.98), (0.5, -1.98)])
def test_gap_exponents(zeta, exponent):
    path = GapPath(zeta=zeta)
    verdict = function_space.gaussian_equivalent_gap_as_stated(path)
    assert verdict.outcome is Outcome.REFUTED
    fitted = float(verdict.context["exponent fitted"].split()[0])
    # at ¾ still on its way: −0.93, extrapolated −0.99
    assert fitted == pytest.approx(exponent, abs=0.06)
    plain = function_space.gaussian_equivalent_gap(path)
    assert plain.outcome is (Outcome.HOLDS if zeta < 1 else Outcome.INAPPLICABLE)


@pytest.mark.parametrize("target", ["sign", "relu"])
def test_gap_of_targets_that_jump_or_bend(target):
    """Their quadrature is as good as that of smooth ones, and the exponent is the same."""
    path = GapPath(zeta=0.5, target=target)
    (largest,) = path.path[6400]
    value, error = largest.distance(function_space.gaussian_equivalent_gap.predict(largest))
    assert error < 1e-2 * value
    verdict = function_space.gaussian_equivalent_gap(path)
    assert verdict
    assert float(verdict.context["exponent fitted"].split()[0]) == pytest.approx(-2, abs=0.02)


def test_largest_step_has_a_gap_as_large_as_its_spike():
    path = GapPath(zeta=1.0)
    order = TendsTo(
        rate=lambda p: (p.rate / p.dimension) ** 4,
        distance=lambda o, p: {"": Measured(*o.distance(p))},
        random=False,
        corrections=Corrections(ladders=((1.0, 10.0),), largest=1.0, logs=0.0),
    )
    claim = function_space.gaussian_equivalent_gap
    assert order.judge(claim.observe, claim.predict, path).outcome is Outcome.HOLDS  # Θ(1)
    assert GAP.judge(claim.observe, claim.predict, path).outcome is Outcome.REFUTED  # not o(B/d)


@pytest.mark.slow
def test_gap_kernel_against_simulated_training_sets():
    """k₁* at one pair from the law of real spikes: many training sets, the weight's Gaussian part
    integrated.
    """
    point = GapPoint(dimension=4, samples=6, width=3, rate=6.0)
    source = torch.Generator().manual_seed(1)
    x = torch.randn(200_000, 6, 4, generator=source, dtype=torch.float64)
    spikes = (torch.tanh(x[..., :1]) * x).sum(1)
    counts = (32, 14, 200, 200)  # a pair in the tail needs more nodes for b than the norm does
    along, across = point.grid(counts)
    i, j = 21, 5
    delta = torch.tensor(
        [float(along[i, 0]), math.sqrt(float(across[0, j])), 0.0, 0.0], dtype=torch.float64
    )
    values = torch.exp(-(delta @ delta) / 8 - point.strength**2 * (spikes @ delta) ** 2 / 2)
    assert float(values.mean()) == pytest.approx(
        float(point._learned(counts)[i, j]), abs=5 * float(values.std()) / 447
    )


def test_gap_coefficients_are_those_of_the_moments():
    point = GapPoint(dimension=4, samples=6, width=3, rate=6.0, target="identity")
    bulk, spike = covariance_coefficients(point)
    scale = 36 * math.exp(-1) / (1.5 * 0.75**2)
    assert bulk == pytest.approx(1 + scale / 16)
    assert spike == pytest.approx(scale / 4 * (1.5 - 0.25 + 2 / 4))  # μ₁ = 1, s = ½E(z²)'' = 1
