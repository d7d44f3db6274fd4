"""The relations in law keep their level and have power; nothing degenerate passes for a test."""

import math
import statistics
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from impl.errors import InputError
from impl.instances.instance import Instance
from theorems.claim import Source
from theorems.relations import tails
from theorems.relations.laws import (
    BoundedMean,
    Distributed,
    NormalMean,
    Proportion,
    SubGammaMean,
    VarianceBounded,
    _worst,
    drawn_once,
)
from theorems.relations.tails import empirical_bernstein
from theorems.stating import in_law
from theorems.verdict import Grade, Outcome

RUNS, LEVEL = 400, 0.05
MOST = int(stats.binom.isf(1e-6, RUNS, LEVEL))
"""A test of level 0.05 is refuted more often than this in 400 runs with probability at most
1e-6.
"""

REPLICATES = 300

LAWS = {
    "Student": (NormalMean(alarm=LEVEL), stats.norm(1.0, 2.0)),
    "empirical Bernstein": (BoundedMean(alarm=LEVEL, low=0.0, high=1.0), stats.beta(0.5, 2.0)),
    "Clopper-Pearson": (Proportion(alarm=LEVEL), stats.bernoulli(0.3)),
    "Bernstein": (SubGammaMean(alarm=LEVEL, variance=2.0, scale=2.0), stats.chi2(1)),
    "Catoni": (VarianceBounded(alarm=LEVEL, variance=3.0), stats.t(3)),
}


@dataclass(frozen=True, eq=False)
class Sample(Instance):
    """Replicates and what they are tested against."""

    values: Tensor
    mean: Tensor


def judged(law, values, mean):
    sample = Sample(
        torch.as_tensor(np.asarray(values, dtype=float)),
        torch.as_tensor(np.asarray(mean, dtype=float)),
    )
    return law.judge(lambda s: s.values, lambda s: s.mean, sample)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_keeps_its_level(name):
    law, source = LAWS[name]
    rng = np.random.default_rng(1)
    draws = source.rvs((RUNS, REPLICATES, 2), random_state=rng)
    refuted = sum(
        judged(law, d, np.full(2, source.mean())).outcome is Outcome.REFUTED for d in draws
    )
    assert refuted <= MOST


def test_student_uses_its_level_up():
    rng = np.random.default_rng(2)
    refuted = sum(
        judged(NormalMean(alarm=LEVEL), rng.normal(size=9), 0.0).outcome is Outcome.REFUTED
        for _ in range(RUNS)
    )
    assert stats.binom.ppf(1e-6, RUNS, LEVEL) <= refuted <= MOST


@pytest.mark.parametrize("name", LAWS)
def test_refutes_a_shifted_mean(name):
    law, source = LAWS[name]
    draws = source.rvs((5_000, 2), random_state=np.random.default_rng(3))
    truth = np.full(2, source.mean())
    strict = replace(law, alarm=1e-9)
    assert judged(strict, draws, truth).outcome is Outcome.HOLDS
    shifted = judged(strict, draws, truth + np.array([0.0, 0.4 * source.std()]))
    assert shifted.outcome is Outcome.REFUTED
    assert shifted.context["entry"] == (1,)
    assert shifted.grade is Grade.STATISTICAL
    assert shifted.measured > shifted.bound


@pytest.mark.parametrize(("sign", "shift", "outcome"), [
    ("<=", 0.5, Outcome.HOLDS), ("<=", 0.0, Outcome.HOLDS), ("<=", -0.5, Outcome.REFUTED),
    (">=", -0.5, Outcome.HOLDS), (">=", 0.5, Outcome.REFUTED),
    (">", -0.5, Outcome.HOLDS), (">", 0.0, Outcome.UNDECIDED), (">", 0.5, Outcome.REFUTED),
])  # fmt: skip
def test_signs(sign, shift, outcome):
    values = np.random.default_rng(4).normal(size=4_000)
    assert judged(NormalMean(sign=sign), values, shift).outcome is outcome


@pytest.mark.slow
def test_distribution_keeps_its_level_and_refutes():
    law, rng = Distributed(alarm=LEVEL), np.random.default_rng(5)
    refuted = 0
    for _ in range(RUNS):
        sample = Sample(torch.as_tensor(rng.normal(size=(100, 2))), torch.zeros(()))
        refuted += (
            law.judge(lambda s: s.values, lambda _: stats.norm(), sample).outcome is Outcome.REFUTED
        )
    assert stats.binom.ppf(1e-6, RUNS, LEVEL) <= refuted <= MOST
    wide = Sample(torch.as_tensor(rng.normal(size=(5_000, 2)) * [1.0, 1.3]), torch.zeros(()))
    found = Distributed().judge(lambda s: s.values, lambda _: stats.norm(), wide)
    assert found.outcome is Outcome.REFUTED
    assert found.context["column"] == 1


def test_entries_share_the_false_alarm_probability():
    """Twenty columns in two parts: left unshared, 0.05 each would refute six true claims in ten."""
    law, rng = Distributed(alarm=LEVEL), np.random.default_rng(11)
    split, both = (
        (lambda s: {"a": s.values[:, :5], "b": s.values[:, 5:]}),
        {"a": stats.norm(), "b": stats.norm()},
    )
    draws = [Sample(torch.as_tensor(rng.normal(size=(30, 20))), torch.zeros(())) for _ in range(30)]
    found = [law.judge(split, lambda _: both, sample) for sample in draws]
    assert sum(f.outcome is Outcome.REFUTED for f in found) <= stats.binom.isf(
        1e-6, len(draws), LEVEL
    )
    for f in found[:3]:
        assert stats.kstwo.sf(f.bound, 30) == pytest.approx(LEVEL / 20, rel=1e-6)
        assert f.context["false-alarm probability"] == LEVEL


@pytest.mark.parametrize(("sign", "tests"), [("=", 40), ("<=", 20), (">=", 20), (">", 20)])
def test_parts_entries_and_sides_share_the_level_of_a_mean(sign, tests):
    """Student's critical value read backwards: the probability that it leaves to one test."""
    values = torch.as_tensor(np.random.default_rng(12).normal(size=(30, 4, 5)))
    sides = {"a": values[:, 0], "b": values[:, 1:]}
    law = NormalMean(alarm=LEVEL, sign=sign)
    found = law.judge(
        lambda _: sides,
        lambda _: {part: torch.zeros(v.shape[1:]) for part, v in sides.items()},
        Sample(values, values),
    )
    column = sides[found.context["part"]][(slice(None), *found.context["entry"])].numpy()
    assert found.context["mean"] == pytest.approx(column.mean())
    assert found.context["replicates"] == 30
    left = stats.t.sf(found.bound / stats.sem(column), 29)
    assert left == pytest.approx(LEVEL / tests, rel=1e-9)


@pytest.mark.slow
def test_two_samples():
    rng = np.random.default_rng(6)
    law, base = Distributed(alarm=LEVEL), torch.zeros(())
    pairs = [
        (torch.as_tensor(rng.normal(size=150)), torch.as_tensor(rng.normal(size=100)))
        for _ in range(RUNS)
    ]
    outcomes = [
        law.judge(lambda s: s.values, lambda _, y=y: y, Sample(x, base)).outcome for x, y in pairs
    ]
    assert sum(o is Outcome.REFUTED for o in outcomes) <= MOST
    x, y = torch.as_tensor(rng.normal(size=4_000)), torch.as_tensor(rng.normal(size=4_000) + 0.5)
    assert (
        Distributed().judge(lambda s: s.values, lambda _: y, Sample(x, base)).outcome
        is Outcome.REFUTED
    )


def test_columns_of_two_samples_are_compared_one_by_one():
    rng, base, apart = np.random.default_rng(13), torch.zeros(()), np.array([0.0, 2.0, -3.0])
    x, y = (torch.as_tensor(rng.normal(size=(1_000, 3)) + apart) for _ in range(2))
    assert (
        Distributed().judge(lambda s: s.values, lambda _: y, Sample(x, base)).outcome
        is Outcome.HOLDS
    )
    found = Distributed().judge(lambda s: s.values, lambda _: y[:, [0, 2, 1]], Sample(x, base))
    assert found.outcome is Outcome.REFUTED
    assert found.context["column"] in (1, 2)


def test_kolmogorov_is_below_massart_and_the_exact_tail():
    for count in (5, 50, 2_000):
        for level in (0.05, 1e-9):
            critical = tails.kolmogorov(count, level)
            assert critical <= tails.massart(count, level)
            assert 0.8 * level <= stats.kstwo.sf(critical, count) <= level * (1 + 1e-6)


def test_clopper_pearson_never_refutes_the_truth_too_often_exactly():
    """The level of the test summed over the binomial distribution itself, at its two ends and in
    the middle.
    """
    log, count = math.log(2 / LEVEL), 40
    for p in (0.0, 0.01, 0.5, 0.97, 1.0):
        weight = 0.0
        for hits in range(count + 1):
            sample = np.r_[np.ones(hits), np.zeros(count - hits)]
            gap, bound = tails.clopper_pearson(sample, np.array(p), log)
            weight += stats.binom.pmf(hits, count, p) * bool(abs(gap) > bound)
        assert weight <= LEVEL


def test_few_replicates_are_undecided():
    assert judged(NormalMean(), [1.0], 0.0).outcome is Outcome.UNDECIDED
    assert judged(BoundedMean(low=0, high=1), [1.0], 0.0).outcome is Outcome.UNDECIDED
    assert Distributed().judge(
        lambda s: s.values, lambda _: stats.norm(), Sample(torch.zeros(1), torch.zeros(()))
    ).outcome is (Outcome.UNDECIDED)
    coarse = judged(NormalMean(resolution=0.01), np.random.default_rng(7).normal(size=50), 0.0)
    assert coarse.outcome is Outcome.UNDECIDED


def test_nan_proves_nothing():
    values = np.random.default_rng(8).normal(size=100)
    values[3] = math.nan
    assert judged(NormalMean(), values, 0.0).outcome is Outcome.UNDECIDED


def test_a_constant_is_its_own_mean():
    values = np.full(1_000, 0.1)
    for law in (NormalMean(), VarianceBounded(variance=0.0), SubGammaMean(variance=0.0, scale=0.0)):
        assert judged(law, values, 0.1).outcome is Outcome.HOLDS
        assert judged(law, values, 0.1 + 1e-6).outcome is Outcome.REFUTED


def test_shapes_and_parts_must_agree():
    assert judged(NormalMean(), np.zeros((5, 2)), np.zeros(3)).outcome is Outcome.REFUTED
    with pytest.raises(InputError, match="parts"):
        NormalMean().judge(
            lambda s: {"a": s.values},
            lambda s: {"b": s.mean},
            Sample(torch.zeros(3), torch.zeros(())),
        )


def test_errors_name_what_came():
    with pytest.raises(InputError, match="alarm=0"):
        NormalMean(alarm=0)
    with pytest.raises(InputError, match="alarm=2"):
        Distributed(alarm=2)
    with pytest.raises(InputError, match="between"):
        judged(BoundedMean(low=0.0, high=1.0), [0.0, 2.0], 0.5)
    with pytest.raises(InputError, match="0 or 1"):
        judged(Proportion(), [0.0, 2.0], 0.5)


def test_a_claim_in_law_draws_once_for_all_its_mutants():
    calls = []

    @drawn_once
    def draw(sample):
        calls.append(sample)
        return sample.values

    @in_law(
        NormalMean(),
        observed=draw,
        on=st.nothing,
        source=Source("2605.06258", "an example"),
        mutants={"one more": lambda sample: sample.mean + 1},
    )
    def mean_of_the_sample(sample: Sample) -> Tensor:
        """The sample has the mean that it is said to have."""
        return sample.mean

    rng = np.random.default_rng(9)
    sample = Sample(torch.as_tensor(rng.normal(size=(500, 3))), torch.zeros(3, dtype=torch.float64))
    verdict = mean_of_the_sample(sample)
    assert verdict
    assert verdict.grade is Grade.STATISTICAL
    assert "false-alarm" in repr(verdict)
    assert mean_of_the_sample.mutants["one more"](sample).outcome is Outcome.REFUTED
    assert len(calls) == 1


@pytest.mark.parametrize(("sign", "below", "equal", "above"), [
    ("=", "REFUTED", "HOLDS", "REFUTED"),
    ("<=", "HOLDS", "HOLDS", "REFUTED"),
    (">=", "REFUTED", "HOLDS", "HOLDS"),
    (">", "REFUTED", "UNDECIDED", "HOLDS"),
])  # fmt: skip
@pytest.mark.parametrize(
    "law",
    [NormalMean, lambda sign: VarianceBounded(sign=sign, variance=1.0)],
    ids=["Student", "Catoni"],
)
def test_every_sign(law, sign, below, equal, above):
    """Means far below, at, and far above the prediction; what is equal in the mean cannot be proved
    to be above.
    """
    noise = np.random.default_rng(3).normal(size=(400, 1))
    noise -= noise.mean()
    for shift, outcome in ((-5.0, below), (0.0, equal), (5.0, above)):
        assert judged(law(sign=sign), noise + shift, [0.0]).outcome is Outcome[outcome]


def test_empirical_bernstein_is_the_inequality_of_maurer_and_pontil():
    """|x̄ − μ| ≤ √(2 s² ln(2/δ)/n) + 7 (b − a) ln(2/δ)/(3(n − 1)) with probability 1 − δ,
    written out in decimals.
    """
    sample = np.array([[0.1], [0.4], [0.35], [0.9]])
    delta, low, high = 1e-3, np.zeros(1), np.full(1, 2.0)
    gap, bound = empirical_bernstein(sample, np.array([0.25]), -math.log(delta), low=low, high=high)
    variance = statistics.variance(sample[:, 0].tolist())
    wanted = math.sqrt(2 * variance * math.log(2 / delta) / 4) + 7 * 2 * math.log(2 / delta) / 9
    assert float(gap[0]) == pytest.approx(0.4375 - 0.25)
    assert float(bound[0]) == pytest.approx(wanted, rel=1e-12)


def test_the_worst_entry_is_the_one_nearest_above_its_bound_and_any_residual_is_above_none():
    zero, half = np.zeros(3), np.array([0.5, 0.0, 0.0])
    assert _worst(np.array([0.5, 0.0, 1e-3]), np.array([1.0, 0.0, 0.0]), strict=False) == (2,)
    assert _worst(half, np.ones(3), strict=False) == (0,)
    assert _worst(half[::-1], np.ones(3), strict=False) == (2,)
    assert half[_worst(half, zero, strict=False)] == 0.5
