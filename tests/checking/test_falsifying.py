"""The search finds what random drawing does not, says what it did, and does it again from the
seed.
"""

import dataclasses

import pytest
import torch
from hypothesis import strategies as st
from typer.testing import CliRunner

from impl.errors import InputError
from impl.instances.instance import Instance
from theorems import Outcome, feature_learning_equation, spiked_covariance_series_as_stated
from theorems.checking.check import check
from theorems.checking.choices import CORNERS, cornered, draw, neighbour
from theorems.checking.falsifying import CORNER, NEAR, PHASES, falsify
from theorems.checking.measures import fingerprint
from theorems.claim import Source
from theorems.cli import app
from theorems.stating import equals


@dataclasses.dataclass(frozen=True, eq=False)
class Grid(Instance):
    """A matrix."""

    entries: torch.Tensor


def grids():
    rows = st.lists(
        st.lists(st.integers(-1000, 1000), min_size=4, max_size=4), min_size=3, max_size=3
    )
    return rows.map(lambda values: Grid(torch.tensor(values, dtype=torch.float64)))


def wrong_where(condition):
    """A claim that is true but where the condition is met."""

    @equals(
        observed=lambda grid: grid.entries.sum(-1).sum(-1),
        on=grids,
        source=Source("0000.00000", "here"),
        mutants={},
    )
    def total(grid: Grid):
        """The sum of the entries."""
        wrong = float(
            condition(grid.entries.center if hasattr(grid.entries, "center") else grid.entries)
        )
        return grid.entries.sum(-1).sum(-1) + wrong

    return total


RARE = {
    "everything at the upper end": lambda m: (m == 1000).all(),
    "everything at the lower end": lambda m: (m == -1000).all(),
    "all entries equal to one": lambda m: (m == 1).all(),
}


@pytest.mark.slow
@pytest.mark.parametrize("condition", RARE.values(), ids=RARE)
def test_corners_are_reached_that_random_search_misses(condition):
    claim = wrong_where(condition)
    assert check(claim, examples=150, seed=1).outcome is Outcome.HOLDS, "too easy to show anything"
    search = falsify(claim, examples=4000, seed=1)
    assert search.evidence.outcome is Outcome.REFUTED
    assert condition(search.evidence.worst.instance.entries)


@pytest.mark.slow
def test_a_refutation_from_a_corner_is_shrunk():
    claim = wrong_where(lambda m: (m.abs() == 1000).sum() >= 9)
    search = falsify(claim, examples=4000, seed=0)
    entries = search.evidence.worst.instance.entries
    assert search.phase in (CORNER, NEAR)
    assert (entries.abs() == 1000).sum() == 9, "the least that is wrong"
    assert (entries == 0).sum() == 3, "what does not matter is zero"


@pytest.mark.slow
def test_takes_every_phase_and_counts_them():
    search = falsify(feature_learning_equation, examples=101, seed=2)
    assert list(search.searched) == list(PHASES)
    assert search.instances == search.evidence.instances == 101
    assert search.evidence.outcome is Outcome.HOLDS
    assert 0 < search.worst_ratio < 1


@pytest.mark.slow
def test_equal_seeds_search_alike():
    first, again = (falsify(feature_learning_equation, examples=40, seed=7) for _ in range(2))
    assert first.evidence.ratios == again.evidence.ratios
    assert (
        first.evidence.ratios
        != falsify(feature_learning_equation, examples=40, seed=8).evidence.ratios
    )


def test_stops_in_time():
    search = falsify(feature_learning_equation, seconds=0.001)
    assert search.instances == 1


@pytest.mark.parametrize(
    "budget", [{}, {"examples": 0}, {"seconds": 0.0}, {"seconds": float("nan")}], ids=str
)
def test_refuses_a_budget(budget):
    with pytest.raises(InputError, match="expected"):
        falsify(feature_learning_equation, **budget)


@pytest.mark.slow
@pytest.mark.parametrize("corner", CORNERS)
def test_changed_choices_stay_within_the_strategy(corner):
    """What this suite uses of Hypothesis' internals: choices are read, changed and drawn again."""
    from random import Random

    strategy = st.tuples(
        st.integers(2, 9), st.floats(-1, 1, allow_nan=False), st.booleans(), st.sampled_from("abc")
    )
    rng = Random(0)
    for _ in range(50):
        drawn = draw(strategy, (), rng)
        assert draw(strategy, drawn.choices, rng).instance == drawn.instance
        for changed in (cornered(drawn.nodes, corner, rng), neighbour(drawn.nodes, rng)):
            number, real, truth, letter = draw(strategy, changed, rng).instance
            assert 2 <= number <= 9
            assert -1 <= real <= 1
            assert truth in (True, False)
            assert letter in "abc"


def test_command_finds_what_is_false():
    result = CliRunner().invoke(
        app, ["falsify", spiked_covariance_series_as_stated.name, "--examples", "20", "--seed", "4"]
    )
    assert result.exit_code == 0
    assert "REFUTED" in result.output
    assert "--seed 4" in result.output


def test_command_refuses_a_name():
    result = CliRunner().invoke(app, ["falsify", "no_such_claim"])
    assert isinstance(result.exception, InputError)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.complex64, torch.int64]
)
def test_equal_numbers_have_equal_fingerprints_whatever_their_strides(dtype):
    whole = torch.arange(12).reshape(3, 4).to(dtype)
    for view in (whole, whole.mT, whole[:, ::2], whole[:1, :1].mT, whole[:, 1:2].mT, whole[0, 0]):
        assert fingerprint(view) == fingerprint(view.clone())
        assert fingerprint(view) != fingerprint(view + 1)
    assert fingerprint(torch.zeros(2, dtype=dtype)) != fingerprint(
        torch.zeros(2, dtype=torch.float16)
    )
