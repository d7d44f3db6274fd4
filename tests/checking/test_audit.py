"""Rounding bounds on wild instances: no false refutation, no crash, and small errors caught; the
whole audit runs under ``thorough``.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import theorems
from impl.gram_hierarchy.gated import gated_network
from impl.kernel_flows.decayed import free_features
from impl.kernel_flows.minibatches import feature_noise
from impl.numbers.inverses import inverse
from impl.preconditioning.gaussian_teachers import GaussianTeacher, cubature
from impl.strategies.sampling import visit
from impl.strategies.wild import FORMATS, KINDS, Refusal
from impl.strategies.wild_tables import WILD, WILD_FOR
from theorems.checking.auditing import (
    REGIMES,
    Tally,
    _disturbed,
    _judge,
    audit,
    audited,
    numerically,
    planted,
    smallest_refuted,
    strategies,
)
from theorems.cli import app
from theorems.impl.numbers.rounded import Ball
from theorems.relations import Comparison
from theorems.relations.spectra import eigenvalues, singular_values
from theorems.verdict import Grade, Outcome

CLAIMS = audited(theorems.CLAIMS)
SLOW = {
    "kernel_flow_reaches_water_filling",
    "coupled_flow_reaches_water_filling",
    "missing_modes_escape",
}
"""Integrated flows: their instances take tenths of a second to draw, and their bounds hold the
integrator's error.
"""


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_every_claim_with_a_rounding_bound_is_audited():
    names = {claim.name for claim in CLAIMS}
    assert len(names) > 35
    assert all(claim.subject in WILD for claim in CLAIMS if claim.name not in SLOW | _WHOLE)
    assert set(WILD_FOR) <= names


_WHOLE = {
    "same_gram_same_training",
    "balanced_linear_network_feature_ansatz",
    "spike_moments",
    "simplex_target_linearity",
}
"""Claims whose instances are exact numbers by construction: nothing rounds."""


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_no_false_refutation_and_no_crash(claim):
    """A thin slice by default: two of the regimes, another two for the next claim."""
    if settings.default.max_examples >= 1000:
        result = audit(claim, examples=10_000)
        assert result.false == 0, {
            name: tally.flaws for name, tally in result.regimes.items() if tally.flaws
        }
        return
    regimes, start = list(strategies(claim))[1:], 5 * CLAIMS.index(claim)
    for step in range(min(2, len(regimes))):
        name, strategy = regimes[(start + 7 * step) % len(regimes)]
        tally, judged = Tally(), numerically(claim)
        visit(
            strategy,
            4,
            seed=start,
            see=lambda instance, tally=tally, judged=judged: _judge(judged, instance, tally),
        )
        assert tally.counts["REFUTED"] + tally.counts["crashed"] == 0, (name, tally.flaws)
        assert tally.counts.total() > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.name not in SLOW | _WHOLE], ids=lambda claim: claim.name
)
def test_an_error_of_one_part_in_a_million_is_refuted(claim):
    """In the observation, on the first tame instance of three that has something to disturb."""
    judged, found = numerically(claim), []

    def see(instance):
        if not found and judged(instance).grade is Grade.NUMERICAL:
            found.extend(
                [smallest_refuted(judged, instance)]
                if planted(judged, 1e-6)(instance).outcome is Outcome.REFUTED
                else []
            )

    for seed in range(4):
        visit(claim.instances(), 12, seed=seed, see=see)
        if found:
            break
    assert found
    assert found[0] <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMATS)
def test_wild_layers_are_in_their_format(name, kind):
    layer_traces = WILD[theorems.feature_learning_equation.subject]
    seen = []
    visit(layer_traces(kind, FORMATS[name]), 6, seed=1, see=seen.append)
    formats = {layer.weight_grad.dtype for layer in seen if not isinstance(layer, Refusal)}
    assert formats <= {FORMATS[name], torch.float32}
    assert any(not isinstance(layer, Refusal) for layer in seen)


# -- flaws that the audit found, and what they were ------------------------------------------------


@pytest.mark.parametrize("readout", [0.002, 0.1, 1e-7, 3.3])
def test_integers_before_a_fractional_readout(readout):
    """The model multiplied by the readout after the sum, where integers made it look exact;
    autograd multiplies first.
    """
    nodes, masses = cubature(2, 3)
    one, eye = torch.tensor(1.0).double(), torch.eye(2).double()
    zeros = torch.zeros(2).double()
    teacher = GaussianTeacher(
        nodes,
        masses,
        zeros,
        eye,
        one * 0,
        eye[:, :1],
        torch.tensor([0.0, 1.0]).double(),
        torch.tensor([readout]).double(),
        zeros[None],
        one,
        activation="identity",
    )
    verdict = numerically(theorems.one_step_learns_powered_teacher)(teacher)
    assert verdict, verdict


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_integer_weights_and_fractional_residuals(seed):
    """The pull back through integer weights rounds as soon as the residual is no integer."""
    source = torch.Generator().manual_seed(seed)

    def whole(*shape):
        return torch.randint(-9, 10, shape, generator=source).double()

    weights = [whole(7, 5), whole(6, 7), whole(5, 6)]
    net = gated_network(weights, whole(5), whole(6, 5), normal(seed, 6) * 100)
    for claim in (theorems.gram_operator_flow, theorems.layerwise_kernel):
        assert claim(net).outcome in (Outcome.HOLDS, Outcome.INAPPLICABLE), claim(net)


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_a_sample_that_a_batch_holds_many_times(seed, times):
    """Autograd adds its gradient up as often, and rounds each time."""
    counts = torch.tensor([[float(times), 0.0, 1.0]])
    noise = feature_noise(
        normal(seed, 3, 1), normal(seed + 1, 1, 1), normal(seed + 2, 3, 1), counts.double()
    )
    for claim in (
        theorems.sgd_kernel_noise_formula,
        theorems.sgd_feature_noise_stays_in_readout_rows,
    ):
        assert numerically(claim)(noise).outcome is Outcome.HOLDS


@pytest.mark.parametrize("exponent", [-80, -150, -165, -310, -322])
def test_singular_values_of_matrices_whose_squares_underflow(exponent):
    """Norms of the residuals were sums of squares that vanished: bounds of zero."""
    matrix = normal(0, 6, 2) @ normal(1, 2, 5) * 10.0**exponent
    values, errors = singular_values(Ball(matrix, matrix.abs() * 2.0**-52 + 5e-324))
    assert bool((values[2:] <= errors[2:]).all())
    assert bool((errors > 0).all())
    point = free_features(
        normal(2, 6, 5) * 10.0**exponent, normal(3, 2, 5) * 1e-3, normal(4, 6, 2), decay=1.0
    )
    assert theorems.kernel_rank_at_most_classes(point).outcome in (Outcome.HOLDS, Outcome.UNDECIDED)


def test_matrices_that_overflowed_have_no_spectrum():
    for function in (singular_values, eigenvalues):
        _, errors = function(Ball(torch.full((3, 3), math.inf).double()))
        assert bool(torch.isinf(errors).all())


def test_a_singular_float_matrix_has_no_inverse_and_raises_nothing():
    singular = torch.tensor([[1.0, 2.0], [2.0, 4.0]]).double()
    both = inverse(torch.stack([singular, torch.eye(2).double()]))
    assert bool(both[0].isnan().all())
    assert bool((both[1] == torch.eye(2)).all())


# -- the instrument itself -------------------------------------------------------------------------


@pytest.mark.slow
def test_an_audit_sees_a_bound_that_is_too_tight():
    claim = theorems.feature_learning_equation

    class Tight(Comparison):
        def _compare(self, part, observed, predicted, bound):
            return super()._compare(
                part, observed, predicted, None if bound is None else bound * 1e-3
            )

    result = audit(replace(claim, relation=Tight()), examples=60)
    assert result.total.counts["REFUTED"] > 0
    assert result.false > 0


@pytest.mark.slow
def test_an_audit_tries_as_many_instances_as_it_says():
    result = audit(theorems.rotation_is_orthogonal_to_learning, examples=170)
    first, *others = (sum(tally.counts.values()) for tally in result.regimes.values())
    assert first == 68  # two fifths on drawn instances, more than one chunk of them
    assert all(count <= (170 - 68) // len(others) for count in others)


def test_an_audit_sees_a_crash():
    def broken(layer):
        raise ValueError("a formula with a flaw")

    result = audit(replace(theorems.gram_flow, predict=broken), examples=30)
    assert result.total.counts["crashed"] > 0
    assert any(
        "a formula with a flaw" in flaw for tally in result.regimes.values() for flaw in tally.flaws
    )


@pytest.mark.slow
def test_the_command_writes_tables_and_records(tmp_path):
    page, record = tmp_path / "audit.md", tmp_path / "audit.json"
    done = CliRunner().invoke(
        app, ["audit", "gram_flow", "--examples", "30", "-o", str(page), "--json", str(record)]
    )
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert "| `gram_flow` |" in text
    assert all(f"| {name} |" in text for name in REGIMES)
    (found,) = json.loads(record.read_text())["claims"]
    assert found["power"] <= 1e-6
    assert sum(sum(r["counts"].values()) for r in found["regimes"].values()) >= 30


def test_a_claim_without_rounding_bounds_is_refused():
    done = CliRunner().invoke(app, ["audit", "kernel_views_agree"])
    assert type(done.exception).__name__ == "InputError"


def test_disturbances_are_of_the_size_that_is_said_with_both_signs():
    value = torch.full((40, 5), 3.0, dtype=torch.float64)
    off = (_disturbed(value, 2.0**-20) - value) / (3 * 2.0**-20)
    assert set(off.reshape(-1).tolist()) == {-1.0, 1.0}
