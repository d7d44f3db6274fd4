"""``pytest benchmarks --benchmark-only``: a trace, a claim on one instance, a claim on a batch of
networks.
"""

import pytest
import workloads


def test_trace(benchmark):
    benchmark.group = "trace of a network"
    layers = benchmark(workloads.traced())
    assert len(layers) == 4


def test_bare_passes(benchmark):
    benchmark.group = "trace of a network"
    benchmark(workloads.bare())


def test_claim_on_one_instance(benchmark):
    benchmark.group = "one claim on one instance"
    assert benchmark(workloads.claimed())


@pytest.mark.parametrize("width", [4, 16])
def test_claim_on_200_networks_at_once(benchmark, width):
    benchmark.group = f"one claim on 200 networks of width {width}"
    assert benchmark(workloads.batched(width))


@pytest.mark.parametrize("width", [4, 16])
def test_claim_on_200_networks_one_by_one(benchmark, width):
    benchmark.group = f"one claim on 200 networks of width {width}"
    assert all(benchmark.pedantic(workloads.looped(width), rounds=3))
