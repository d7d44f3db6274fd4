"""The strategies reach every corner that they promise, and what they call valid is valid."""

import importlib
from random import Random

import pytest
import torch
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from impl import strategies
from impl.numbers.linalg import exact_rank
from impl.numbers.operands import is_exact
from impl.strategies import features as feature_strategies
from impl.strategies import layers
from impl.strategies.sampling import visit
from theorems.checking.choices import draw
from theorems.checking.drawing import draws

SEARCH = settings(
    max_examples=3000,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def duplicate_rows(rows):
    return any(bool((rows[i] == rows[j]).all()) for i in range(len(rows)) for j in range(i))


LAYER_CORNERS = {
    "batch of one": lambda t: t.inputs.shape[-2] == 1,
    "fewer samples than outputs": lambda t: t.inputs.shape[-2] < t.weight.shape[-2],
    "one output": lambda t: t.weight.shape[-2] == 1,
    "width one": lambda t: t.weight.shape[-1] == 1,
    "zero inputs": lambda t: not t.inputs.any(),
    "zero weights": lambda t: not t.weight.any(),
    "dead unit": lambda t: (
        t.output_grad.any() and not t.output_grad.reshape(-1, t.weight.shape[-2]).any(0).all()
    ),
    "duplicate rows": lambda t: (
        t.inputs.ndim == 2 and duplicate_rows(t.inputs) and bool(t.inputs.any())
    ),
    "ties between units": lambda t: (
        t.weight.ndim == 2 and duplicate_rows(t.weight) and bool(t.weight.any())
    ),
    "groups of a convolution": lambda t: t.weight.ndim == 3,
    "integers": lambda t: bool((t.inputs == t.inputs.round()).all()) and bool(t.inputs.any()),
    "wide": lambda t: t.weight.shape[-1] > 16,
    "more rows than samples could be": lambda t: t.inputs.shape[-2] > 24,
    "mean loss or small gradients": lambda t: 0 < float(t.output_grad.abs().max()) < 0.01,
}

NETWORK_CORNERS = {
    "batch of one": lambda n: n.inputs.shape[0] == 1,
    "depth one": lambda n: n.depth == 1,
    "depth four": lambda n: n.depth == 4,
    "width one": lambda n: 1 in [w.shape[0] for w in n.weights],
    "dead unit": lambda n: any(not mask.any(0).all() for mask in n.masks),
    "samples with different masks": lambda n: any((mask != mask[:1]).any() for mask in n.masks),
    "duplicate rows": lambda n: n.gate == "relu" and duplicate_rows(n.inputs),
    "several outputs": lambda n: len(n.readout) > 1 and bool((n.readout[0] != n.readout[1]).any()),
    "masks as data": lambda n: n.gate == "data",
    "zero inputs": lambda n: not n.inputs.any(),
    "zero residual": lambda n: bool((n.residual == 0).any()),
    "non-square layers": lambda n: n.weights[0].shape[0] != n.weights[0].shape[1],
    "square hidden layer": lambda n: (
        n.depth > 1 and n.weights[1].shape[0] == n.weights[1].shape[1] > 1
    ),
}

FEATURE_CORNERS = {
    "fewer samples than features": lambda s: s.features.shape[0] < s.features.shape[1],
    "fewer samples than classes": lambda s: s.targets.shape[0] < s.targets.shape[1],
    "one class": lambda s: s.targets.shape[1] == 1,
    "one feature": lambda s: s.features.shape[1] == 1,
    "rank-deficient features": lambda s: (
        is_exact(s.features) and exact_rank(s.features) < min(s.features.shape)
    ),
    "rank-deficient labels": lambda s: (
        is_exact(s.targets) and exact_rank(s.targets) < min(s.targets.shape)
    ),
    "tied labels": lambda s: is_exact(s.targets) and duplicate_rows(s.targets),
    "zero features": lambda s: is_exact(s.features) and not s.features.any(),
    "floating": lambda s: not is_exact(s.features),
}


def cases(name, strategy, corners):
    return [
        pytest.param(strategy, corner, id=f"{name}-{title}") for title, corner in corners.items()
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "corner"),
    cases("layers", strategies.layer_traces, LAYER_CORNERS)
    + cases("networks", strategies.gated_networks, NETWORK_CORNERS)
    + cases("features", feature_strategies.feature_sets, FEATURE_CORNERS),
)
def test_corner_is_found(strategy, corner):
    found = find(strategy(), lambda instance: bool(corner(instance)), settings=SEARCH)
    assert corner(found)


@pytest.mark.slow
def test_seeds_are_those_that_torch_tells_apart():
    def stream(seed):
        return torch.rand(4, generator=torch.Generator().manual_seed(seed)).tolist()

    drawn = []
    find(strategies.SEEDS, lambda seed: drawn.append(seed) or seed > 2**31, settings=SEARCH)
    with pytest.raises(NoSuchExample):
        find(strategies.SEEDS, drawn.append, settings=SEARCH)
    different = {seed % 2**32 for seed in drawn}
    assert different == set(drawn)
    assert min(different) == 0
    assert len(different) > 1_000, "ten thousand instances are not a few again and again"
    assert stream(0) == stream(2**32) != stream(2**32 - 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "networks", [layers.lattice_networks, layers.seeded_networks], ids=["lattice", "seeded"]
)
def test_networks_of_every_kind_are_drawn(networks):
    """Counted by what the network is, not by which branch made it."""
    seen = set()

    @settings(max_examples=100)
    @given(networks())
    def note(specimen):
        seen.add(
            "convolution"
            if any(isinstance(m, torch.nn.Conv2d) for m in specimen.model.modules())
            else type(specimen.model).__name__
        )

    note()
    assert "convolution" in seen
    assert len(seen) >= (5 if networks is layers.lattice_networks else 3), seen


@pytest.mark.slow
@given(strategies.lattice_gated_networks() | strategies.seeded_gated_networks())
def test_relu_networks_are_never_on_a_switch(net):
    """Constructed, not filtered: every pre-activation is an odd integer, or Gaussian with a live
    unit below.
    """
    from impl import fields

    assert all(bool((h != 0).all()) for h in fields(net).h[1:])


@pytest.mark.slow
@given(strategies.lattice_gated_networks() | strategies.free_gated_networks())
def test_lattice_networks_are_integral(net):
    for value in (*net.weights, net.inputs, net.readout, net.residual, *net.weight_velocity):
        assert torch.equal(value, value.round())


@pytest.mark.slow
def test_lattice_layers_shrink_to_nothing():
    found = find(
        strategies.lattice_layers(),
        lambda t: t.weight.numel() >= 4,
        settings=settings(SEARCH, phases=[Phase.generate, Phase.shrink]),
    )
    assert not found.weight.any()
    assert not found.inputs.any()


@pytest.mark.slow
@given(strategies.network_specs())
def test_specs_build_what_they_say(spec):
    from impl import build
    from impl.networks.data import batch

    inputs, targets = batch(spec)
    assert build(spec)(inputs).shape == targets.shape == (spec.batch, spec.classes)
    assert eval(repr(spec), {"NetworkSpec": type(spec)}) == spec


@pytest.mark.slow
@given(st.data())
def test_equal_seeds_draw_equal_networks(data):
    from impl import build

    spec = data.draw(strategies.network_specs())
    one, two = build(spec), build(spec)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_draws_do_not_depend_on_what_was_imported(tmp_path, monkeypatch):
    """Hypothesis would mix in numbers from the source of whatever is loaded."""

    def drawn():
        numbers = st.lists(st.integers(0, 2**40), min_size=20, max_size=20)
        seen = []
        visit(numbers, 30, seed=0, see=seen.append)
        changed = draw(numbers, (), Random(0)).instance
        return draws(numbers, examples=30, seed=0), seen, changed

    before = drawn()
    (tmp_path / "full_of_numbers.py").write_text(
        "NUMBERS = [" + ", ".join(str(1000 + 7 * i) for i in range(300)) + "]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("full_of_numbers")
    assert drawn() == before
