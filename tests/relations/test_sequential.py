"""Tests that may be stopped any time keep their level, lose nothing by being looked at, and find
planted deviations.
"""

import json
import math
import re
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from impl.errors import InputError
from impl.instances.instance import Instance
from theorems import gram_flow, in_law, surrogate_grows_in_expectation
from theorems.checking.alarms import FAMILY, alarm_of, shared_out, spent
from theorems.checking.betting import open_ended
from theorems.counterexamples import counterexample
from theorems.relations.laws import (
    BoundedMean,
    NormalMean,
    Proportion,
    SubGammaMean,
    VarianceBounded,
)
from theorems.relations.sequential import Capital, Sequential, finding, reseeded
from theorems.verdict import Grade, Outcome

RUNS, LEVEL, BATCHES, SIZE = 300, 0.05, 20, 40
MOST = int(stats.binom.isf(1e-6, RUNS, LEVEL))

LAWS = {
    "Gaussian": (NormalMean(), stats.norm(1.0, 2.0)),
    "bounded": (BoundedMean(low=0.0, high=1.0), stats.beta(0.5, 2.0)),
    "zero or one": (Proportion(), stats.bernoulli(0.3)),
    "sub-gamma": (SubGammaMean(variance=2.0, scale=2.0), stats.chi2(1)),
    "bounded variance": (VarianceBounded(variance=3.0), stats.t(3)),
}


def ever(law, draws, mean):
    """In how many runs, and after how many batches, the capital reached 1/LEVEL at any of the
    looks: (RUNS, BATCHES, SIZE) draws.
    """
    capital = Capital(law, {"": np.full(len(draws), mean)}, None)
    crossed = np.zeros(len(draws), dtype=bool)
    for batch in draws.swapaxes(0, 1):
        capital.bet({"": batch.T})
        # runs are entries: each has its own mixture
        logs = np.concatenate([capital.logs[key] for key in capital.logs])
        wealth = np.logaddexp.reduce(logs, axis=0) - math.log(len(logs))
        crossed |= wealth >= math.log(1 / LEVEL)
    return int(crossed.sum())


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["=", "<=", ">="])
@pytest.mark.parametrize("name", LAWS)
def test_keeps_its_level_however_often_one_looks(name, sign):
    law, source = LAWS[name]
    draws = source.rvs((RUNS, BATCHES, SIZE), random_state=np.random.default_rng(1))
    assert ever(replace(law, sign=sign), draws, source.mean()) <= MOST


def test_a_fixed_size_test_would_not():
    """The control of the test above: Student's test at every look refutes the truth far too
    often.
    """
    draws = stats.norm(1.0, 2.0).rvs((RUNS, BATCHES * SIZE), random_state=np.random.default_rng(1))
    looks = [draws[:, : SIZE * (i + 1)] for i in range(BATCHES)]
    crossed = np.any(
        [stats.ttest_1samp(look, 1.0, axis=1).pvalue < LEVEL for look in looks], axis=0
    )
    assert crossed.sum() > 2 * MOST


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_finds_a_planted_shift_on_either_side(name):
    law, source = LAWS[name]
    draws = source.rvs((RUNS, BATCHES, SIZE), random_state=np.random.default_rng(2))
    for shift, blind, seeing in ((0.4, ">=", ["<="]), (-0.4, "<=", [">=", ">"])):
        mean = source.mean() - shift * source.std()
        for sign in ("=", *seeing):
            assert ever(replace(law, sign=sign), draws, mean) > 0.9 * RUNS
        assert ever(replace(law, sign=blind), draws, mean) <= MOST, "a shift that the claim allows"


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_a_factor_has_expectation_at_most_one(name):
    """Not by simulation of runs: the mean of one factor over many replicates, every size of bet, at
    the truth and beyond it.
    """
    from theorems.relations.wagers import log_factors

    law, source = LAWS[name]
    sample = source.rvs(100_000, random_state=np.random.default_rng(3))
    for sign in (1, -1):
        for beyond in (0.0, 0.2):
            mean = np.full(len(sample), source.mean() + sign * beyond * source.std())
            logs = log_factors(
                law, sample[None], mean, sign, np.full(len(sample), source.var()), None
            )
            factors = np.exp(logs)
            error = factors.std(1) / math.sqrt(len(sample))
            assert (factors.mean(1) <= 1 + 6 * error + 1e-12).all()


@dataclass(frozen=True, eq=False)
class Replicated(Instance):
    """Gaussian replicates whose mean may be off by ``shift`` from what is said."""

    mean: Tensor
    shift: float = 0.0
    seed: int = 0

    def draw(self):
        source = torch.Generator().manual_seed(self.seed)
        return (
            self.mean
            + self.shift
            + torch.randn((100, *self.mean.shape), generator=source, dtype=torch.float64)
        )


@in_law(
    NormalMean(),
    observed=Replicated.draw,
    on=st.nothing,
    mutants={"one more": lambda i: i.mean + 1},
)
def mean_is_as_said(instance: Replicated) -> Tensor:
    """The replicates have the mean that is said."""
    return instance.mean


WATCHED = replace(mean_is_as_said, relation=Sequential(law=NormalMean()))
ZERO = torch.zeros(3, dtype=torch.float64)


def test_the_relation_stops_as_soon_as_it_refutes():
    held = WATCHED(Replicated(ZERO))
    assert held
    assert held.grade is Grade.STATISTICAL
    assert held.context["replicates"] == 3_200
    assert held.measured < held.bound == pytest.approx(math.log(1e9))
    found = WATCHED(Replicated(ZERO, shift=0.3))
    assert found.outcome is Outcome.REFUTED
    assert found.context["replicates"] < 3_200
    assert WATCHED.mutants["one more"](Replicated(ZERO)).outcome is Outcome.REFUTED


@pytest.mark.slow
def test_small_deviations_need_more_batches():
    small = Replicated(ZERO, shift=0.05)
    assert WATCHED(small)
    patient = replace(mean_is_as_said, relation=Sequential(law=NormalMean(), batches=1_000))
    assert patient(small).outcome is Outcome.REFUTED
    assert patient(Replicated(ZERO))


def test_batches_are_independent_and_reproducible():
    base = Replicated(ZERO, seed=5)
    seeds = {reseeded(base, batch).seed for batch in range(100)}
    assert len(seeds) == 100
    assert reseeded(base, 3).seed == reseeded(Replicated(ZERO, seed=5), 3).seed
    assert reseeded(Replicated(ZERO, seed=6), 3).seed not in seeds


def test_an_open_ended_run_finds_the_wrong_instance_and_writes_a_script():
    instances = [
        Replicated(ZERO, seed=1),
        Replicated(ZERO, shift=0.3, seed=2),
        Replicated(ZERO, seed=3),
    ]
    watched, verdict = open_ended(mean_is_as_said, instances, seconds=60.0)
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.instance is instances[1]
    again = watched(instances[1])
    assert (again.outcome, again.measured, again.bound) == (
        verdict.outcome,
        verdict.measured,
        verdict.bound,
    )
    assert verdict.context["false-alarm probability"] == pytest.approx(1e-9 / 3)


def test_an_open_ended_run_of_a_true_claim_ends_with_its_time():
    started = time.monotonic()
    _, verdict = open_ended(
        mean_is_as_said, [Replicated(ZERO, seed=s) for s in range(3)], seconds=0.2
    )
    assert verdict
    assert time.monotonic() - started < 30
    assert verdict.context["replicates"] >= 100


def test_an_open_ended_run_of_the_catalogue_finds_a_mutant_and_its_script_runs():
    mutant = next(iter(surrogate_grows_in_expectation.mutants.values()))
    drawn = []

    @settings(max_examples=4, database=None, phases=[Phase.generate])
    @seed(0)
    @given(mutant.instances())
    def collect(instance):
        drawn.append(instance)

    collect()
    watched, verdict = open_ended(mutant, drawn, seconds=60.0)
    assert verdict.outcome is Outcome.REFUTED
    found = counterexample(watched, verdict, seed=0)
    assert "Sequential(law=" in found.script
    assert re.search(r"from theorems import surrogate_grows_in_expectation", found.script)
    _, verdict = open_ended(surrogate_grows_in_expectation, drawn, seconds=0.3)
    assert verdict


def test_rounding_is_no_deviation():
    """Replicates that are constant but for the last bit of their mean: a capital that grew here
    would refute float64.
    """
    capital = Capital(NormalMean(), {"": np.array(0.1)}, None)
    for _ in range(50):
        capital.bet({"": np.full(100, 0.1 + 1e-17)})
        capital.bet({"": np.full(100, np.nextafter(0.1, 1))})
    assert capital.log <= 0


def test_nan_proves_nothing():
    spoiled = replace(WATCHED, observe=lambda i: i.draw() * math.nan)
    assert spoiled(Replicated(ZERO)).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("sign", ["=", "<=", ">=", ">"])
def test_the_finding_tells_of_all_replicates_at_the_entry_that_lost_most(sign):
    """Batches of different sizes, two parts; one entry of one part is far on the side that the sign
    forbids.
    """
    rng, off = np.random.default_rng(4), 2.0 if sign == "<=" else -2.0
    means = {"a": np.array([1.0, 5.0]), "b": np.array([[-3.0], [7.0]])}
    batches = [
        {part: mean + rng.normal(size=(size, *mean.shape)) for part, mean in means.items()}
        for size in (30, 50)
    ]
    for batch in batches:
        batch["b"][:, 1, 0] += off
    capital = Capital(NormalMean(sign=sign), means, None)
    assert capital.log == 0
    for batch in batches:
        capital.bet(batch)
    found = finding(capital, 1e-3)
    every = np.concatenate([batch["b"][:, 1, 0] for batch in batches])
    assert found.outcome is Outcome.REFUTED
    assert (found.context["part"], found.context["entry"]) == ("b", (1, 0))
    assert found.context["mean"] == pytest.approx(every.mean())
    assert (found.context["predicted"], found.context["replicates"]) == (7.0, 80)
    assert found.measured == capital.log > found.bound == pytest.approx(math.log(1000))
    assert capital.squares["b"][1, 0] == pytest.approx(((every - 7.0) ** 2).mean())


def test_the_worst_entry_is_that_of_the_best_bet_of_any_size():
    capital = Capital(NormalMean(), {"a": np.zeros(2), "b": np.zeros((2, 3))}, None)
    capital.logs = {key: values - 1 for key, values in capital.logs.items()}
    capital.logs["a", 1][0] = (50.0, -900.0)  # the largest bet lost all of it
    assert capital.worst() == ("a", (0,))
    capital.logs["b", -1][3, 1, 2] = 60.0
    assert capital.worst() == ("b", (1, 2))


def test_constant_laws():
    for law in (VarianceBounded(variance=0.0), SubGammaMean(variance=0.0, scale=0.0)):
        capital = Capital(law, {"": np.array(1.0)}, None)
        capital.bet({"": np.ones(5)})
        assert capital.log <= 0
        capital.bet({"": np.array([1.0, 1.5])})
        assert capital.log == math.inf


def test_mistakes():
    with pytest.raises(InputError, match="integer field seed"):
        reseeded(Instance(), 0)
    with pytest.raises(InputError, match="alarm=0"):
        Sequential(law=NormalMean(), alarm=0)
    with pytest.raises(InputError, match="law of the mean"):
        Sequential(law=3)
    with pytest.raises(InputError, match="per replicate"):
        replace(WATCHED, observe=lambda i: i.draw()[:, :2])(Replicated(ZERO))
    with pytest.raises(InputError, match="relation is a law of the mean"):
        open_ended(gram_flow, [], seconds=1.0)


# -- the whole run ---------------------------------------------------------------------------------


def test_alarms_of_a_long_run_shrink_to_one_in_a_million():
    from theorems import CLAIMS

    assert [c.name for c in shared_out(CLAIMS, 100)] == [c.name for c in CLAIMS]
    for verdicts in (10, 100, 10_000):
        shared = shared_out(CLAIMS, verdicts)
        total = sum((alarm_of(claim) or 0.0) * verdicts for claim in shared)
        assert 0 < total <= FAMILY * (1 + 1e-9)
    assert all(alarm_of(c) is None or alarm_of(c) < 1e-9 for c in shared_out(CLAIMS, 10_000))
    assert alarm_of(shared_out([WATCHED], 10**6)[0]) == pytest.approx(1e-12)


def test_what_was_spent_counts_verdicts_and_not_what_did_not_apply():
    from collections import Counter
    from types import SimpleNamespace

    seen = SimpleNamespace(
        claim=mean_is_as_said,
        outcomes=Counter({Outcome.HOLDS: 7, Outcome.INAPPLICABLE: 5}),
        watched=None,
    )
    assert spent([seen]) == (pytest.approx(7e-9), 7)
    assert spent([]) is None


@pytest.mark.slow
def test_falsify_bets_for_half_of_its_time_and_says_what_came_of_it(run, tmp_path):
    code, out, _ = run(
        "falsify", "surrogate_grows_in_expectation", "--seconds", "1", "--json", "e.json"
    )
    assert code == 0, out
    assert re.search(r"watched \d+ replicates .* would refute it at level 5e-07", out)
    assert 0 < json.loads((tmp_path / "e.json").read_text())["false_alarm"] <= FAMILY


def test_the_script_of_a_watched_refutation_is_written(monkeypatch, tmp_path):
    """The fixed-size tests see nothing: the deviation is below what one of them resolves."""
    from theorems.checking.betting import watch
    from theorems.checking.collected import Evidence
    from theorems.commands.refutations import keep_counterexample

    small = replace(
        surrogate_grows_in_expectation,
        predict=lambda i: 1.05 * surrogate_grows_in_expectation.predict(i),
    )
    seen = Evidence(small)
    watch(seen, seconds=20.0, seed=0, alarm=1e-6)
    assert seen.outcome is Outcome.REFUTED
    assert small(seen.worst.instance).outcome is Outcome.HOLDS
    monkeypatch.chdir(tmp_path)
    keep_counterexample(seen, 0, tmp_path / "found")
    assert seen.script[0] is None, "the claim of that name is true, and its script says so"
