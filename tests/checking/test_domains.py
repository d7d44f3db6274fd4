"""A verdict speaks of the strategy that the claim was stated on: no engine leaves it, and p(error)
is about a family that is named.
"""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from impl import GatedNetwork, LayerTrace, strategies
from impl.feature_learning.chains import LinearChain, imbalance
from impl.generic import Source, families
from impl.generic.networks import layer_trace
from impl.gram_hierarchy.gated import fields, gated_network
from impl.preconditioning.twins import TwinRuns
from impl.strategies import features as feature_strategies
from impl.strategies import grams, preconditioning
from impl.strategies.identity import same_strategy
from tests.conjectured import UNBIASED, gains_agree, stated
from theorems import CLAIMS, Outcome, at_most
from theorems.checking.auditing import strategies as regimes
from theorems.checking.check import check
from theorems.checking.drawing import draws
from theorems.checking.falsifying import falsify
from theorems.checking.generic import examine, readable
from theorems.domains import VIOLATIONS, family_of, unstated
from theorems.evidence import tables
from theorems.evidence.lines import chance

FAR = 2.0**-40


def both(claim):
    """What `check` says of a claim that HOLDS, and `falsify` does not contradict."""
    evidence = check(claim, examples=15)
    assert evidence.outcome is Outcome.HOLDS
    assert falsify(claim, examples=50).evidence.outcome is not Outcome.REFUTED
    return evidence


def falls(claim):
    """Whether a drawn instance or a generic point refutes a claim."""
    instances = draws(claim.instances(), examples=15, seed=0)
    return examine(claim).refutation is not None or any(
        claim(i).outcome is Outcome.REFUTED for i in instances
    )


# -- the specimens: what is true of what the strategy draws ----------------------------------------


def _zero_of(net):
    return fields(net).z[1] * 0


@pytest.mark.slow
def test_relu_networks_have_no_negative_activations():
    claim = stated(
        _zero_of,
        lambda net: fields(net).z[1],
        GatedNetwork,
        at_most,
        on=strategies.lattice_gated_networks,
    )
    evidence = both(claim)
    assert evidence.outcome is Outcome.HOLDS
    assert evidence.error_probability is None
    assert "generic=" in evidence.no_error_probability
    assert "gated_networks" in evidence.no_error_probability
    wide = dataclasses.replace(claim, instances=strategies.gated_networks)
    assert falls(wide)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "earns"),
    [
        ({"on": lambda: strategies.layer_traces().filter(lambda layer: layer.bias is None)}, False),
        ({"on": strategies.layer_traces().filter(lambda layer: layer.bias is None)}, False),
        ({"on": strategies.layer_traces, "where": UNBIASED}, True),
        ({"on": strategies.layer_traces(), "where": UNBIASED}, True),
        (
            {
                "on": strategies.lattice_layers().filter(lambda layer: layer.bias is None),
                "generic": families.UNBIASED_LAYERS,
            },
            True,
        ),
    ],
    ids=["filtered function", "filtered strategy", "where", "where on a strategy", "generic="],
)
def test_gains_agree_where_there_is_no_bias(options, earns):
    evidence = both(gains_agree(**options))
    assert evidence.outcome is Outcome.HOLDS
    assert evidence.outcomes[Outcome.INAPPLICABLE] == 0, "where= draws what the claim speaks of"
    assert (evidence.error_probability is not None) == earns
    if earns:
        assert "without a bias" in evidence.earned


@pytest.mark.slow
def test_gains_do_not_agree_on_all_layers():
    evidence = check(gains_agree(on=strategies.layer_traces), examples=15)
    assert evidence.outcome is Outcome.REFUTED
    assert evidence.error_probability is None
    assert chance(evidence.record()) == "–"
    assert "probability at most" not in evidence.earned


def linear(net):
    return all(bool((mask == 1).all()) for mask in net.masks)


@st.composite
def linear_flows(draw):
    net = draw(strategies.free_gated_networks())
    masks = [torch.ones_like(mask) for mask in net.masks]
    return gated_network(
        net.weights, net.readout[0], net.inputs, net.residual, gate="data", masks=masks
    )


def _drift(net, sign=1):
    """What the flow does to W_{l+1}ᵀW_{l+1} − W_lW_lᵀ at every inner layer."""
    out = {}
    for layer in range(len(net.weights) - 1):
        above, below = net.weights[layer + 1], net.weights[layer]
        up, down = net.weight_velocity[layer + 1].mT @ above, net.weight_velocity[layer] @ below.mT
        out[f"between {layer} and {layer + 1}"] = up + up.mT - sign * (down + down.mT)
    return out or {"no inner layer": net.weights[0] * 0}


def conserved(sign=1, **options):
    return stated(
        lambda net: _drift(net, sign),
        lambda net: {name: value * 0 for name, value in _drift(net, sign).items()},
        GatedNetwork,
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "earns"),
    [
        ({"on": linear_flows}, False),
        ({"on": linear_flows, "generic": families.LINEAR_FLOWS}, True),
        ({"on": strategies.gated_networks, "where": {"all gates open": linear}}, True),
    ],
    ids=["a strategy of one's own", "generic=", "where"],
)
def test_deep_linear_flow_conserves_the_imbalance(options, earns):
    evidence = both(conserved(**options))
    assert evidence.outcome is Outcome.HOLDS
    assert (evidence.error_probability is not None) == earns
    # all gates are rarely open
    assert falls(conserved(-1, **options)) == (earns or options["on"] is linear_flows)


def test_masks_do_not_conserve_it():
    assert falls(conserved(on=strategies.gated_networks))


# -- the specimens: what a constructor builds in ---------------------------------------------------


def _products(chain):
    return chain.weights[-1] if chain.depth == 1 else chain.weights[1].mT @ chain.weights[1]


def _outers(chain):
    return chain.weights[-1] if chain.depth == 1 else chain.weights[0] @ chain.weights[0].mT


@pytest.mark.slow
def test_that_every_deep_linear_network_is_balanced_earns_nothing():
    claim = stated(_products, _outers, LinearChain, on=grams.balanced_chains)
    evidence = both(claim)
    assert evidence.outcome is Outcome.HOLDS
    assert evidence.error_probability is None
    assert "'balanced'" in evidence.no_error_probability
    assert "hypotheses=" in evidence.no_error_probability
    everywhere = dataclasses.replace(
        claim, instances=lambda: grams.balanced_chains() | grams.unbalanced_chains()
    )
    assert falls(everywhere)
    assert falls(dataclasses.replace(claim, generic=families.CHAINS))


def unbalanced(chain):
    return "not balanced" if bool(imbalance(chain) != 0) else None


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"hypotheses": {"balanced": unbalanced}}, {"hypotheses": {"in equilibrium": unbalanced}},
     {"where": {"balanced chains": lambda chain: unbalanced(chain) is None}}],
    ids=["by its name", "by what it checks", "where"],
)  # fmt: skip
def test_a_hypothesis_that_is_stated_earns_it(options):
    evidence = both(stated(_products, _outers, LinearChain, on=grams.balanced_chains, **options))
    assert evidence.outcome is Outcome.HOLDS
    assert evidence.error_probability < FAR
    assert "balanced chains, depth 1 to 4" in evidence.earned
    assert any(
        "balanced chains" in line
        for line in tables.families([(evidence.claim.name, tables.family_of(evidence))])
    )


@pytest.mark.slow
def test_that_any_two_data_sets_train_identically_earns_nothing():
    claim = stated(
        lambda t: t.outputs, lambda t: t.twin_outputs, TwinRuns, on=preconditioning.twin_runs
    )
    evidence = check(claim, examples=15)
    assert evidence.outcome is Outcome.HOLDS
    assert evidence.error_probability is None
    assert "'equal Gram matrices'" in evidence.no_error_probability


@pytest.mark.slow
def test_what_does_not_rest_on_a_hypothesis_need_not_state_it():
    """The first outputs follow from the first inputs, whatever the twin does."""
    claim = stated(
        lambda t: t.outputs[0],
        lambda t: t.inputs[0] @ t.start.mT,
        TwinRuns,
        on=preconditioning.twin_runs,
    )
    assert unstated(claim, families.TWINS) is None
    assert check(claim, examples=10).error_probability < FAR


@pytest.mark.slow
@pytest.mark.parametrize("family", [f for f in families.FAMILIES if f.builds], ids=lambda f: f.name)
def test_what_a_family_builds_in_has_violations(family):
    from theorems.domains import _violations

    for strategy in family.builds.values():
        assert _violations(strategy)
        assert len(_violations(strategy)) <= VIOLATIONS


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.expected is Outcome.HOLDS], ids=lambda c: c.name
)
def test_the_catalogue_states_what_its_points_build_in(claim):
    family = family_of(claim)
    assert family is None or unstated(claim, family) is None


# -- which strategy is which family ----------------------------------------------------------------


def on(strategy, subject=LayerTrace):
    return stated(lambda i: i.weight, lambda i: i.weight, subject, on=strategy)


def _mine():
    return strategies.layer_traces()


@pytest.mark.parametrize(
    "strategy",
    [strategies.layer_traces, strategies.layer_traces(), _mine],
    ids=["named", "called", "mine"],
)
def test_a_strategy_is_known_by_what_it_is_made_of(strategy):
    assert family_of(on(strategy)) is families.LAYERS


NARROWER = {
    "part": strategies.lattice_layers,
    "other part": strategies.seeded_layers(),
    "filtered": strategies.layer_traces().filter(lambda layer: True),
    "mapped": strategies.layer_traces().map(dataclasses.replace),
    "joined": strategies.layer_traces() | strategies.nonlinear_layers(),
    "flat-mapped": strategies.layer_traces().flatmap(st.just),
    "arguments": partial(strategies.gated_networks, 3),
    "called with arguments": strategies.gated_networks(3),
    "one's own": st.just(0).map(lambda _: None),
}


@pytest.mark.parametrize("name", NARROWER)
def test_another_strategy_has_no_family(name):
    assert family_of(on(NARROWER[name])) is None
    found = examine(on(NARROWER[name]))
    assert found.trials == ()
    assert "layer_traces" in found.reason


def test_equal_calls_are_one_strategy_and_other_ones_are_not():
    assert same_strategy(strategies.gated_networks(3), strategies.gated_networks(3))
    assert not same_strategy(strategies.gated_networks(3), strategies.gated_networks(2))
    assert not same_strategy(strategies.gated_networks(), strategies.layer_traces())
    assert not same_strategy(st.integers(0, 3), st.integers(0, 4))
    assert not same_strategy(st.just(np.zeros(2)), st.just(np.zeros(2)))

    def within(largest):
        return strategies.layer_traces().filter(lambda layer: layer.weight.shape[0] < largest)

    assert same_strategy(within(3), within(3))
    assert not same_strategy(within(3), within(4))


def test_a_strategy_that_was_drawn_from_is_the_same_strategy():
    used = strategies.gated_networks()
    assert draws(used, examples=3, seed=0)
    assert repr(used)
    assert same_strategy(used, strategies.gated_networks())


def test_no_strategy_is_of_two_families():
    listed = [s for family in families.FAMILIES for s in family.strategies]
    assert len(set(listed)) == len(listed)
    assert not any(same_strategy(a(), b()) for i, a in enumerate(listed) for b in listed[:i])


def test_every_identity_of_the_catalogue_is_on_a_known_strategy():
    from theorems.identities import IDENTITIES

    assert all(family_of(claim) is not None for claim in CLAIMS if claim.name in IDENTITIES)


# -- domains that are said -------------------------------------------------------------------------


def test_whoever_brings_an_instance_outside_the_domain_hears_nothing_of_it():
    claim = gains_agree(on=strategies.layer_traces, where=UNBIASED)
    biased, unbiased = (layer_trace(Source(0, 0), biases=(b,)) for b in (True, False))
    verdict = claim(biased)
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert verdict.context == {
        "hypothesis": "domain",
        "reason": "outside of the claim's domain: not of the kind 'layers without a bias'",
    }
    assert claim(unbiased).outcome is Outcome.HOLDS
    assert claim.without  # a domain cannot be dropped as a hypothesis can
    assert not claim.hypotheses
    for mutant in gains_agree(
        on=strategies.layer_traces, where=UNBIASED, mutants={"no": lambda i: i.rate}
    ).mutants.values():
        assert mutant(biased).outcome is Outcome.INAPPLICABLE


def test_small_counterexamples_stay_inside_the_domain():
    far = {"weights above two": lambda layer: bool((layer.weight > 2).all())}
    claim = stated(
        lambda i: i.weight,
        lambda i: i.weight * 2,
        LayerTrace,
        on=strategies.layer_traces,
        where=far,
    )
    claim = dataclasses.replace(claim, generic=lambda s: _positive(layer_trace(s, biases=(False,))))
    found = examine(claim)
    assert found.refutation is not None
    small = readable(found)
    assert small.outcome is Outcome.REFUTED
    assert 2 < small.instance.weight.min() <= small.instance.weight.max() <= 9


def _positive(layer):
    return dataclasses.replace(layer, weight=abs(layer.weight) + 1)


@pytest.mark.parametrize(
    "where", [{"a kind": 3}, lambda layer: True, ["a kind"]], ids=["number", "function", "list"]
)
def test_a_domain_that_is_none_is_refused(where):
    from impl.errors import InputError

    with pytest.raises(
        InputError, match="where= to name kinds of instances, each with a predicate"
    ):
        gains_agree(on=strategies.layer_traces, where=where)


def test_a_predicate_that_fails_is_explained():
    from impl.errors import InputError

    claim = gains_agree(
        on=strategies.layer_traces, where={"odd": lambda layer: layer.no_such_field}
    )
    with pytest.raises(InputError, match="no_such_field"):
        check(claim, examples=3)


@pytest.mark.slow
def test_a_domain_without_a_generic_point_says_so():
    square = {
        "symmetric weights": lambda i: (
            i.weight.shape[-2] == i.weight.shape[-1] and bool((i.weight == i.weight.mT).all())
        )
    }
    claim = stated(
        lambda i: i.weight.mT,
        lambda i: i.weight,
        LayerTrace,
        on=strategies.layer_traces,
        where=square,
    )
    evidence = check(claim, examples=15)
    assert evidence.outcome is Outcome.HOLDS
    assert evidence.error_probability is None
    assert (
        evidence.no_error_probability
        == "no generic point lies in the claim's domain ('symmetric weights')"
    )


def test_an_audit_draws_wild_instances_only_for_claims_that_speak_of_them():
    assert len(list(regimes(gains_agree(on=strategies.layer_traces)))) > 1
    for strategy in (
        strategies.lattice_layers,
        strategies.layer_traces().filter(lambda i: i.bias is None),
    ):
        assert [name for name, _ in regimes(gains_agree(on=strategy))] == ["drawn"]
    driven = stated(
        lambda f: f.features,
        lambda f: f.features,
        feature_strategies.FeatureSet,
        on=feature_strategies.driven_features,
    )
    assert [name for name, _ in regimes(driven)] == ["drawn"]
