"""One formula, three kinds of operand: one network, a batch of networks, Python integers; and ==
where nothing rounds.
"""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impl import (
    GatedNetwork,
    LayerTrace,
    NetworkSpec,
    build,
    gated_network,
    half_squared_error,
    strategies,
    trace,
)
from impl.instances.instance import Instance
from impl.networks.data import batch
from impl.numbers.operands import to_exact
from theorems import CLAIMS, Grade, Outcome

LAYER = [claim for claim in CLAIMS if claim.subject is LayerTrace]
HIERARCHY = [claim for claim in CLAIMS if claim.subject is GatedNetwork]


def applies(claim, instance):
    return claim.inapplicable(instance) is None


@pytest.mark.slow
@pytest.mark.parametrize("claim", LAYER, ids=lambda c: c.name)
@settings(max_examples=max(1, settings().max_examples // 4))
@given(layer=strategies.lattice_layers())
def test_integer_layers_are_exact_through_autograd(claim, layer):
    verdict = claim(layer)
    assert verdict.outcome is Outcome.HOLDS, verdict
    assert verdict.grade is Grade.EXACT
    assert verdict.measured == verdict.bound == 0


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("claim", HIERARCHY, ids=lambda c: c.name)
def test_integer_networks_are_exact_through_autograd(claim, depth):
    seen = 0

    @settings(max_examples=max(16, settings().max_examples // 5))
    @given(strategies.lattice_gated_networks(depth) | strategies.free_gated_networks(depth))
    def exact(net):
        nonlocal seen
        verdict = claim(net)
        if verdict.outcome is Outcome.INAPPLICABLE:
            return
        seen += 1
        assert verdict.outcome is Outcome.HOLDS, verdict
        if verdict.grade is not Grade.EXACT:  # a square beyond 2^53 rounds; in integers it does not
            assert (
                max(float(abs(value).max()) for value in _parts(claim.observe(net)).values())
                > 2.0**50
            )
            verdict = claim(net.exact())
        assert verdict.grade is Grade.EXACT, verdict
        assert verdict.bound == 0
        # a strict part
        assert verdict.measured == 0 or (
            verdict.measured < 0 and "miss by" in verdict.context["part"]
        )

    exact()
    expected = {
        "single_layer_residual_dynamics": depth == 1,
        "weight_gram_is_first_nontrivial_pullback": depth >= 2,
    }
    assert (seen > 0) == expected.get(claim.name, True)


def _parts(side):
    return side if isinstance(side, dict) else {"": side}


def _same_shape_batch(claim, seed):
    """Three instances of one shape with different numbers."""
    if claim.subject is LayerTrace:
        specs = [
            NetworkSpec(widths=(3, 4), batch=5, lattice=True, scale=2, bias=True, seed=seed + i)
            for i in range(3)
        ]
        return [trace(build(s), *batch(s), half_squared_error, rate=2.0)["fc1"] for s in specs]
    depth = 1 if claim.name == "single_layer_residual_dynamics" else 3
    source = torch.Generator().manual_seed(seed)

    def integers(*shape):
        return torch.randint(-2, 3, shape, generator=source).double()

    def bits(*shape):
        return torch.randint(0, 2, shape, generator=source).double()

    return [
        gated_network(
            [integers(3, 3) for _ in range(depth)],
            integers(3) + 3,
            integers(4, 3),
            integers(4) + 7,
            gate="data",
            masks=[bits(4, 3) for _ in range(depth)],
        )
        for _ in range(3)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("claim", LAYER + HIERARCHY, ids=lambda c: c.name)
@settings(max_examples=max(1, settings().max_examples // 25))
@given(seed=st.integers(0, 2**31))
def test_one_formula_on_one_on_many_and_on_integers(claim, seed):
    singles = _same_shape_batch(claim, seed)
    stacked = Instance.stack(singles)
    for side in (claim.predict, claim.observe):
        together = _parts(side(stacked))
        for i, single in enumerate(singles):
            alone, exact = _parts(side(single)), _parts(side(single.exact()))
            for part, value in together.items():
                assert torch.equal(value[i], alone[part]), part
                assert (np.asarray(exact[part], dtype=object) == to_exact(alone[part])).all(), part


@pytest.mark.slow
@pytest.mark.parametrize("claim", LAYER + HIERARCHY, ids=lambda c: c.name)
def test_verdicts_on_a_batch_and_on_integers(claim):
    singles = _same_shape_batch(claim, 11)
    instances = [i for i in singles if applies(claim, i)]
    assert instances
    for verdict in (claim(Instance.stack(instances)), *(claim(i.exact()) for i in instances)):
        assert verdict.outcome is Outcome.HOLDS, verdict
        assert verdict.grade is Grade.EXACT


@pytest.mark.parametrize("claim", LAYER, ids=lambda c: c.name)
def test_one_bad_network_in_a_batch_refutes_it(claim):
    singles = _same_shape_batch(claim, 5)
    bad = dataclasses.replace(singles[1], weight_grad=singles[1].weight_grad + 1)
    verdict = claim(Instance.stack([singles[0], bad, singles[2]]))
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.context["member"] == 1
    assert verdict.instance is bad


@settings(max_examples=max(1, settings().max_examples // 10))
@given(st.data())
def test_arbitrary_size_integers_never_round(data):
    """Beyond 2^53 float64 cannot be exact; Python integers still are."""
    net = data.draw(strategies.free_gated_networks(2))
    huge = dataclasses.replace(net.exact(), residual=net.exact().residual * 0 + 10**30 + 7)
    from impl.gram_hierarchy.gated import loss_gradient

    speeds = tuple(-g for g in loss_gradient(huge, huge.weights, huge.residual))
    huge = dataclasses.replace(huge, weight_velocity=speeds)
    for claim in HIERARCHY:
        if claim.name not in (
            "single_layer_residual_dynamics",
            "closure_needs_gram_from_depth_three",
        ):
            verdict = claim(huge)
            assert verdict.outcome is Outcome.HOLDS, verdict
            assert verdict.grade is Grade.EXACT
