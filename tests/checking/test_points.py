"""Generic points follow from the claim, none of them ends the search, and what is said of them is
said of a named family.
"""

import dataclasses
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from impl import GatedNetwork, LayerTrace, strategies
from impl.generic import SET_SIZE, Source, families
from impl.generic.networks import layer_trace
from tests.conjectured import UNBIASED, gains_agree, stated
from theorems import CLAIMS, Grade, Outcome, at_most, spike_moments
from theorems.checking.check import check
from theorems.checking.generic import constructor, examine
from theorems.cli import app
from theorems.domains import family_of, fingerprint
from theorems.evidence import tables

# -- the points ------------------------------------------------------------------------------------


def test_points_follow_from_the_claim_and_the_seed():
    one = examine(gains_agree(on=strategies.layer_traces, where=UNBIASED))
    again = examine(gains_agree(on=strategies.layer_traces, where=UNBIASED))
    assert one.key == again.key
    other = examine(gains_agree(on=strategies.layer_traces, where=UNBIASED), seed=1)
    assert other.key.split()[1] == one.key.split()[1]
    assert other.key != one.key
    first, second = (trial.verdict.instance for trial in one.trials[:2])
    assert first.weight[0, 0] != second.weight[0, 0] or first.weight.shape != second.weight.shape
    shape = one.trials[0].shape
    assert (families.LAYERS(Source(shape, one.key)).weight == first.weight).all(), (
        "what is printed makes the point again"
    )


def test_claims_of_other_names_words_or_code_have_other_points():
    claim = gains_agree(on=strategies.layer_traces)
    seen = {
        fingerprint(claim),
        fingerprint(dataclasses.replace(claim, name="another")),
        fingerprint(dataclasses.replace(claim, statement="another")),
        fingerprint(dataclasses.replace(claim, observe=lambda layer: layer.weight)),
        fingerprint(
            dataclasses.replace(claim, predict=partial(lambda layer, k: layer.weight, k=1))
        ),
    }
    assert len(seen) == 5
    known = [fingerprint(c) for c in CLAIMS]
    assert len(set(known)) == len(known)


def _zero_at(key):
    """A formula tuned to a point: zero at the corner entry that seed ``key`` draws at every shape,
    and nowhere else.
    """
    corners = [families.LAYERS(Source(shape, key)).weight[0, 0] for shape in range(48)]

    def product(layer):
        out = 1
        for corner in corners:
            out = out * (layer.weight[0, 0] - corner)
        return np.array(out, dtype=object) if not isinstance(out, torch.Tensor) else out

    return product


def test_points_that_were_public_help_nobody():
    tuned = stated(
        _zero_at(0), lambda layer: layer.rate * 0, LayerTrace, on=strategies.layer_traces
    )
    found = examine(tuned)
    assert found.refutation is not None


def test_shapes_that_raise_do_not_end_the_search():
    def fussy(layer):
        if layer.bias is None:
            raise ValueError("no bias here")
        return layer.output_grad.mT @ layer.inputs

    claim = stated(lambda layer: layer.weight_grad, fussy, LayerTrace, on=strategies.layer_traces)
    found = examine(claim)
    assert len({trial.shape for trial in found.trials}) == 6
    assert found.skipped
    assert set(found.skipped.values()) == {
        "the claim does not run on exact numbers: ValueError: no bias here"
    }
    assert f"{len(found.skipped)} shapes could not be tried" in found.earned
    assert found.error_probability == 3 / SET_SIZE


@pytest.mark.slow
def test_what_fails_outside_the_family_is_said_and_refutes_nothing():
    shallow = stated(
        lambda net: net.weights[0] * (1 if len(net.weights) < 5 else 2),
        lambda net: net.weights[0],
        GatedNetwork,
        on=strategies.gated_networks,
    )
    evidence = check(shallow, examples=5)  # too few for a larger network, which would refute it
    assert evidence.outcome is Outcome.HOLDS
    assert evidence.generic.not_for == ["depth 5 and 6"]
    assert "it fails for depth 5 and 6, outside of the family" in evidence.earned
    assert "depth 1 to 4" in evidence.earned
    assert any(
        "but it fails for depth 5 and 6" in line
        for line in tables.families([(evidence.claim.name, tables.family_of(evidence))])
    )


def _at_ties(layer):
    """Twice the weights where two of them are equal."""
    flat = [] if not hasattr(layer.weight, "flat") else list(layer.weight.flat)
    return layer.weight * (1 + any(a == b for i, a in enumerate(flat) for b in flat[:i]))


def test_ties_and_orders_are_said_to_be_left_out():
    tied = stated(_at_ties, lambda layer: layer.weight, LayerTrace, on=strategies.layer_traces)
    assert "no two numbers are equal by chance" in examine(tied).earned
    assert tied(families.LAYERS(Source(0, 0, largest=1))).outcome is Outcome.REFUTED
    ordered = stated(
        lambda i: abs(i.weight) * abs(i.weight),
        lambda i: i.weight * i.weight,
        LayerTrace,
        on=strategies.layer_traces,
    )
    assert "in the order of the points" in examine(ordered).earned


@pytest.mark.slow
def test_the_record_has_family_and_reason():
    held = check(gains_agree(on=strategies.layer_traces, where=UNBIASED), examples=5).record()[
        "generic"
    ]
    assert held["family"] == families.LAYERS.name
    assert held["kinds"] == ["layers without a bias"]
    assert held["reason"] is None
    assert held["points"] == len(held["shapes"]) == 6
    assert held["key"].startswith("0 ")
    lost = check(gains_agree(on=strategies.layer_traces), examples=15).record()
    assert lost["error_probability"] is None
    assert lost["generic"]["reason"].startswith("REFUTED")
    none = check(
        stated(lambda i: i.weight, lambda i: i.weight, LayerTrace, on=strategies.lattice_layers),
        examples=3,
    ).record()
    assert none["generic"]["family"] is None
    assert "with where= for a part of that" in none["generic"]["reason"]
    assert "no error probability: no family" in none["earned"]
    unequal = check(
        stated(
            lambda i: -i.weight * i.weight,
            lambda i: i.weight * 0,
            LayerTrace,
            at_most,
            on=strategies.layer_traces,
        ),
        examples=5,
    )
    assert "earn no probability" in unequal.record()["generic"]["reason"]
    assert unequal.grades[Grade.EXACT]


def test_a_constructor_is_that_of_the_family():
    claim = stated(lambda i: i.weight, lambda i: i.weight, LayerTrace, on=strategies.layer_traces)
    assert constructor(claim) is families.LAYERS
    named = dataclasses.replace(claim, generic=layer_trace)
    assert (
        family_of(named).name
        == "Weight, bias, inputs and the gradient at the outputs drawn: whatever loss comes "
        "after the layer"
    )
    assert (
        "lambda" not in family_of(dataclasses.replace(claim, generic=lambda s: layer_trace(s))).name  # noqa: PLW0108
    )


# -- the spike's moments ---------------------------------------------------------------------------


def _pairs_of_curvature(s):
    """E ςςᵀ with n(n−1)(E g'')²(I − w*w*ᵀ) added: wrong wherever d, n and deg g are two or more at
    once, and nowhere else.
    """
    right, bend = spike_moments.predict(s), 2 * s.coefficients[2] if len(s.coefficients) > 2 else 0
    across = np.eye(s.dimension, dtype=int) - np.multiply.outer(s.direction, s.direction)
    extra = across * (s.samples * (s.samples - 1) * bend**2)
    strength = s.dimension * (s.slope * s.rate / (s.samples * s.width)) ** 2
    first, second = right
    return {first: right[first] + extra, second: right[second] + extra * strength}


@pytest.mark.slow
def test_curvature_in_pairs_of_samples_is_seen_at_generic_points():
    wrong = dataclasses.replace(spike_moments, predict=_pairs_of_curvature)
    assert all(wrong(families.SPIKES(Source(shape, 0))) for shape in (0, 1, 2)), (
        "right where two of the three are two"
    )
    found = examine(wrong)
    assert found.refutation is not None
    assert found.error_probability is None


# -- on the command line ---------------------------------------------------------------------------

pytest_plugins = "pytester"
SPECIMENS = Path(__file__).parents[1] / "specimens.py"
WANTED = {
    "activations_are_not_negative": ("HOLDS", False, "no family of generic instances"),
    "gains_agree": ("HOLDS", True, None),
    "every_chain_is_balanced": ("HOLDS", False, "'balanced'"),
    "any_two_data_sets_train_identically": ("HOLDS", False, "'equal Gram matrices'"),
    "gram_is_symmetric": ("HOLDS", True, None),
    "gains_agree_with_a_bias": ("REFUTED", False, "REFUTED"),
}


@pytest.mark.slow
def test_the_specimens_in_a_file(tmp_path):
    written = tmp_path / "evidence.json"
    arguments = [
        "check",
        str(SPECIMENS),
        "--examples",
        "15",
        "--json",
        str(written),
        "--counterexamples",
        str(tmp_path / "scripts"),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    records = {record["name"]: record for record in json.loads(written.read_text())["claims"]}
    assert records.keys() == WANTED.keys()
    for name, (outcome, earns, reason) in WANTED.items():
        record = records[name]
        assert record["outcome"] == outcome, name
        assert (record["error_probability"] is not None) == earns, name
        assert (record["generic"]["reason"] is None) == earns, name
        assert reason is None or reason in record["generic"]["reason"]
    flat = " ".join(result.output.split())
    assert "p(error) of gains_agree is about linear layers" in flat
    assert "of the kind 'layers without a bias'" in flat
    assert "no p(error) of every_chain_is_balanced: the generic points (balanced chains" in flat


def test_a_random_seed_is_printed_and_brings_the_run_back():
    def run(seed):
        return (
            CliRunner()
            .invoke(
                app, ["check", f"{SPECIMENS}:gram_is_symmetric", "--examples", "5", "--seed", seed]
            )
            .output
        )

    first, second = (re.search(r"seed (\d+)", run("random")).group(1) for _ in range(2))
    assert first != second
    assert f"seed {first}," in run(first)


@pytest.mark.parametrize(
    ("seed", "message"),
    [("-1", "from 0 to 2^63 - 1, got -1"), ("x", "whole number or 'random', got 'x'")],
)
def test_other_seeds_are_refused(seed, message):
    result = CliRunner().invoke(app, ["check", "gram_flow", "--seed", seed])
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_the_plugin_decides_as_the_command(pytester):
    names = ("activations_are_not_negative", "gains_agree")
    chosen = [part for name in names for part in ("--claim", f"{SPECIMENS}:{name}")]
    result = pytester.runpytest_inprocess(
        "-p",
        "no:benchmark",
        "--theorems",
        *chosen,
        "--theorems-examples",
        "10",
        "--theorems-seed",
        "random",
    )
    result.assert_outcomes(passed=2)
    result.stdout.re_match_lines([r"theorems: seed \d+, .*"])
