"""``pytest benchmarks --benchmark-only``: proofs by normal forms, the pullback recursion by
depth.
"""

from dataclasses import replace
from functools import partial

import pytest

import theorems
from impl.generic.networks import gated_network
from theorems.proving.cases import Case
from theorems.proving.deciding import _DECIDED, decide, symbolic


@pytest.mark.parametrize(
    "name",
    [
        "feature_learning_equation",
        "kernel_ode",
        "layerwise_kernel",
        "spectral_bias_variance",
        "target_linearity_laws",
        "closure_needs_gram_from_depth_three",
    ],
)
def test_a_proof(benchmark, name):
    from theorems.impl.symbolic.labelling import canonical

    benchmark.group = "one claim proved for all sizes"
    claim = getattr(theorems, name)

    def fresh():
        canonical.cache_clear()
        _DECIDED.pop(claim, None)  # the claim itself: some steps are known for it alone
        return (claim,), {}

    assert benchmark.pedantic(decide, setup=fresh, rounds=3).proved


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_the_pullback_recursion(benchmark, depth):
    from theorems.impl.symbolic.labelling import canonical

    benchmark.group = "the pullback recursion for all sizes"
    claim = theorems.backward_pullback_recursion
    case = Case("", partial(gated_network, depths=(depth, depth)), 0, ("gate",))

    def prove():
        canonical.cache_clear()
        net = symbolic(case)
        seen, told = claim.observe(net), claim.predict(net)
        return [part for part in told if (seen[part] - told[part]).terms]

    assert benchmark.pedantic(prove, rounds=3) == []


def test_the_whole_catalogue(benchmark):
    from theorems import CLAIMS
    from theorems.impl.symbolic.labelling import canonical

    benchmark.group = "the whole catalogue proved for all sizes"

    def fresh():
        canonical.cache_clear()
        return ([replace(claim, name=claim.name) for claim in CLAIMS],), {}

    decided = benchmark.pedantic(
        lambda claims: [decide(claim).proved for claim in claims], setup=fresh, rounds=1
    )
    assert sum(decided) > 30
