"""Every run holds a few larger instances: statements that are wrong only there are refuted,
whatever the seed.
"""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from impl import FeatureSet, strategies
from impl.feature_learning.collapse import is_simplex
from impl.strategies import alignment, features, preconditioning, spectra, students
from impl.strategies.sizes import branches, larger_sizes, pick, span, turn
from theorems import Outcome, at_most
from theorems.checking.check import check
from theorems.checking.drawing import draws
from theorems.checking.falsifying import falsify
from theorems.checking.larger import larger, share


def bounded(title, strategy, measure, most):
    """The conjecture that no instance is larger than ``most``, true of the usual ones."""

    def small(instance):
        """No instance is that large."""
        return first(instance) * 0 + most

    small.__annotations__ = {"instance": type(draws(strategy(), examples=1, seed=0)[0])}
    claim = at_most(
        observed=lambda instance: first(instance) * 0 + measure(instance), on=strategy, mutants={}
    )(small)
    return pytest.param(claim, measure, most, id=title)


def first(instance):
    """One number of the instance, in its own arithmetic."""
    value = next(
        v[0] if isinstance(v, tuple) else v
        for v in vars(instance).values()
        if not isinstance(v, str | float | int)
    )
    for _ in tuple(value.shape):
        value = value.sum(-1)
    return value


LARGE = [
    bounded("depth of gated networks", strategies.gated_networks, lambda n: n.depth, 4),
    bounded("depth of closure's networks", strategies.generic_gated_networks, lambda n: n.depth, 4),
    bounded(
        "width of gated networks",
        strategies.gated_networks,
        lambda n: max(w.shape[0] for w in n.weights),
        16,
    ),
    bounded("calls of a layer", strategies.lattice_layers, lambda layer: layer.calls, 1),
    bounded("calls of any layer", strategies.layer_traces, lambda layer: layer.calls, 1),
    bounded(
        "inputs of a layer", strategies.lattice_layers, lambda layer: layer.weight.shape[-1], 19
    ),
    bounded("features", features.feature_sets, lambda s: s.features.shape[-1], 19),
    bounded("steps", preconditioning.training_steps, lambda s: s.rate.shape[0], 12),
    bounded(
        "inputs of a first layer", preconditioning.seeded_steps, lambda s: s.inputs.shape[-1], 19
    ),
    bounded("steps of twins", preconditioning.twin_runs, lambda t: t.inputs.shape[0], 12),
    bounded("steps of students", students.students, lambda s: s.steps, 12),
    bounded("inputs of students", students.students, lambda s: s.inputs.shape[-1], 24),
    bounded(
        "N = d",
        spectra.matched_pairs,
        lambda p: min(p.inputs.shape) * (p.inputs.shape[0] == p.inputs.shape[1]),
        3,
    ),
    bounded(
        "classes of a simplex",
        alignment.simplex_batches,
        lambda b: b.labels.shape[-1] * is_simplex(b),
        4,
    ),
    bounded("depth of linear networks", strategies.deep_linear_networks, lambda n: n.depth, 4),
    bounded("steps of runs", strategies.training_runs, lambda r: r.steps, 12),
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("claim", "measure", "most"), LARGE)
def test_what_is_wrong_only_for_large_instances_is_refuted(claim, measure, most, seed):
    large = [one.drawn.instance for one in larger(claim.instances, share(100), seed=seed)]
    assert len(large) == 10
    assert any(measure(instance) > most for instance in large)
    assert Outcome.REFUTED in {claim(instance).outcome for instance in large}


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "measure", "most"), [LARGE[0], LARGE[2], LARGE[3]])
def test_check_and_falsify_find_it(claim, measure, most):
    found = check(claim, seed=1)
    assert found.outcome is Outcome.REFUTED
    assert found.instances == 100
    assert measure(found.worst.instance) > most
    assert max(high for _, high in found.sizes.values()) > most
    search = falsify(claim, examples=120, seed=1)
    assert search.evidence.outcome is Outcome.REFUTED


@pytest.mark.slow
def test_a_large_refutation_is_shrunk_at_large_sizes():
    worst = check(LARGE[0].values[0], seed=0).worst.instance
    assert worst.depth == 5  # the least that refutes
    assert sum(w.shape[0] * w.shape[1] for w in worst.weights) <= 12


@pytest.mark.slow
def test_shrinking_still_finds_small_instances():
    @at_most(
        observed=lambda s: (s.features * s.features).sum(-1).sum(-1),
        on=features.feature_sets,
        mutants={},
    )
    def features_are_short(instance: FeatureSet):
        """‖H‖² ≤ 3."""
        return (instance.features * 0).sum(-1).sum(-1) + 3

    worst = check(features_are_short, seed=0).worst.instance
    assert worst.features.size <= 4


@pytest.mark.slow
def test_the_sizes_are_in_the_evidence():
    from theorems import feature_learning_equation, layerwise_kernel

    record = check(layerwise_kernel, examples=40).record()
    low, high = record["sizes"]["depth"]
    assert low == 1
    assert high > 4
    assert set(check(feature_learning_equation, examples=10).record()["sizes"]) == {
        "inputs",
        "outputs",
        "rows",
        "calls",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy", [strategies.lattice_layers, strategies.layer_traces], ids=["lattice", "all"]
)
def test_few_layers_are_without_gradient(strategy):
    found = [layer for seed in range(4) for layer in draws(strategy(), examples=100, seed=seed)]
    still = sum(not bool(layer.weight_grad.any()) for layer in found)
    assert 0 < still < 0.2 * len(found)  # some, since zeros are a corner; once they were 38 %


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_reused_and_tied_layers_are_drawn(seed):
    found = [one.drawn.instance for one in larger(strategies.layer_traces, 10, seed=seed)]
    assert sum(layer.calls > 1 for layer in found) >= 2
    assert {"encoder", "twin"} & {layer.name for layer in found}


@st.composite
def mine(draw):
    """A strategy of somebody else's."""
    return (
        draw(span(1, 3, 9)),
        draw(pick(["a"], ["b", "c"])),
        draw(branches(st.just(0), st.just(1))),
        turn(),
    )


def test_strategies_of_ones_own_may_ask():
    assert {
        (size <= 3, kind, number) for size, kind, _, number in draws(mine(), examples=20, seed=0)
    } == {(True, "a", None)}
    found = [one.drawn.instance for one in larger(mine, 4, seed=0)]
    assert all(4 <= size <= 9 for size, *_ in found)
    assert [kind for _, kind, *_ in found] == ["b", "b", "c", "c"]
    assert [(branch, number) for *_, branch, number in found] == [(0, 0), (1, 1), (0, 2), (1, 3)]


def test_a_strategy_without_larger_sizes_costs_nothing():
    assert list(larger(st.integers, 10, seed=0)) == []
    with larger_sizes(3) as current:
        assert not current.asked
        assert turn() == 3
    assert current.asked
    assert turn() is None
