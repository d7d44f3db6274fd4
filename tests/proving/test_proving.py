"""Claims decided for all sizes: what is proved, what is not, and that no wrong statement ever
is.
"""

from dataclasses import replace
from pathlib import Path

import pytest

import theorems
from theorems import CLAIMS, Outcome
from theorems.loading import load_claims
from theorems.proving.deciding import decide

HERE = Path(__file__).parents[1]
PROVED = {
    "kernel_rank_at_most_classes": "rank",
    "softmax_kernel_rank_below_classes": "rank",
    "task_drive_is_low_rank": "rank",
    "task_drive_is_the_energy_gradient": "equal",
    "kernel_ode": "equal",
    "kernel_energy_decreases": "sign",
    "water_filling_path": "equal",
    "imbalance_decays_exponentially": "equal",
    "sgd_kernel_noise_is_low_rank": "rank",
    "sgd_kernel_noise_formula": "equal",
    "sgd_kernel_noise_vanishes_off_outputs": "equal",
    "sgd_feature_noise_is_low_rank": "rank",
    "sgd_feature_noise_stays_in_readout_rows": "equal",
    "spectral_bias_variance": "sign",
    "gram_sufficiency_in_training": "equal",
    "gram_sufficiency_at_inference": "equal",
    "same_gram_same_training": "equal",
    "information_needs_matched_initialisation": "equal",
    "covariance_power_sets_spectral_bias": "equal",
    "preconditioned_regression_risk": "equal",
    "alignment_decides_exponent": "equal",
    "feature_learning_equation": "equal",
    "gram_follows_virtual_covariance": "equal",
    "stationary_gram_is_feature_correlation": "equal",
    "gram_flow": "equal",
    "target_linearity_laws": "sign",
    "gram_whitening_keeps_the_gram": "sign",
    "rotation_is_orthogonal_to_learning": "equal",
    "surrogate_grows_over_the_ensemble": "equal",
    "neural_collapse_implies_target_linearity": "equal",
    "simplex_target_linearity": "equal",
    "imbalance_of_linear_layers_is_conserved": "equal",
    "balanced_linear_network_feature_ansatz": "equal",
    "affine_decoder_interpolates": "equal",
    "single_layer_residual_dynamics": "equal",
    "layerwise_kernel": "sign",
    "backward_pullback_recursion": "equal",
    "weight_gram_is_first_nontrivial_pullback": "equal",
    "forward_pushforward_recursion": "equal",
    "kernel_cut_identity": "equal",
    "closure_needs_gram_from_depth_three": "sign",
    "gram_operator_flow": "equal",
}
"""Claims of the catalogue that are proved, each with the strongest rule that it takes."""

EVERY_DEPTH = {
    "layerwise_kernel",
    "backward_pullback_recursion",
    "weight_gram_is_first_nontrivial_pullback",
    "forward_pushforward_recursion",
    "kernel_cut_identity",
    "gram_operator_flow",
}


CONJECTURES = {
    kind: [
        claim
        for file in sorted((HERE / "conjectures" / kind).glob("*.py"))
        for claim in load_claims(str(file))
    ]
    for kind in ("true", "false")
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROVED)
def test_proved_for_all_sizes(name):
    proof = decide(getattr(theorems, name))
    assert proof.proved, proof.sentence
    assert {part.how for part in proof.parts} <= {"equal", PROVED[name]}
    assert "every " in proof.words
    assert proof.sentence.startswith("proved for ")
    assert ("every depth by induction" in proof.words) == (name in EVERY_DEPTH)


def test_nothing_else_is_proved_and_nothing_false_is():
    assert {claim.name for claim in CLAIMS if decide(claim).proved} == set(PROVED)
    assert not [
        claim.name for claim in CLAIMS if claim.expected is Outcome.REFUTED and decide(claim).proved
    ]


def test_every_claim_that_is_not_proved_says_in_one_line_why():
    for claim in CLAIMS:
        said = decide(claim).sentence
        assert said
        assert "\n" not in said


@pytest.mark.slow
@pytest.mark.parametrize("name", PROVED)
def test_no_wrong_variant_is_proved(name):
    """Of each mutant some part differs or is open in some case, also without a look at what symbols
    build in; or its code asks for what has no one answer, and the reason says what.
    """
    claim = getattr(theorems, name)
    found = {title: decide(mutant) for title, mutant in claim.mutants.items()}
    statuses = {title: proof.status for title, proof in found.items()}
    assert "proved" not in statuses.values()
    reasons = [proof.reason for proof in found.values() if proof.reason]
    assert not [reason for reason in reasons if "symbols build in" in reason]
    words = (".py:", "relation", "parts", "shapes")
    assert all(any(word in reason for word in words) for reason in reasons), reasons
    proof = decide(claim)
    related = any(part.related for part in proof.parts) or any(case.wider for case in proof.cases)
    if PROVED[name] == "equal" and not related:
        assert "differs" in statuses.values()  # free variables: of another form


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, rule in PROVED.items() if rule != "rank"])
def test_a_claim_twice_over_is_not_proved(name):
    """Whatever a proved claim predicts, twice that is another form: nothing is proved because
    nothing is said.
    """
    claim = getattr(theorems, name)

    def doubled(instance):
        parts = claim.predict(instance)
        return {k: v * 2 for k, v in parts.items()} if isinstance(parts, dict) else parts * 2

    other = replace(claim, name=f"{name}: doubled", predict=doubled)
    assert not decide(other).proved


@pytest.mark.slow
@pytest.mark.parametrize("claim", CONJECTURES["false"], ids=lambda claim: claim.name)
def test_no_false_conjecture_is_proved(claim):
    assert not decide(claim).proved


@pytest.mark.slow
@pytest.mark.parametrize("claim", CONJECTURES["true"], ids=lambda claim: claim.name)
def test_no_true_conjecture_differs(claim):
    assert decide(claim).status != "differs", decide(claim).sentence


def test_many_true_conjectures_are_proved_without_a_word_about_proofs():
    proved = {claim.name for claim in CONJECTURES["true"] if decide(claim).proved}
    assert len(proved) >= 13
    assert {
        "homogeneous_layers_share_their_gain",
        "parallelogram_law",
        "speed_of_the_loss_is_not_negative",
    } <= proved


# -- the documentation -----------------------------------------------------------------------------


def test_the_table_of_what_is_proved_is_true():
    text = (HERE.parent / "docs" / "proved.md").read_text(encoding="utf-8")
    lines = text[text.index("## What is proved") :].splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| `")]
    found = {row[0].strip("| `"): (row[1], row[2]) for row in rows}
    assert found == {
        name: (proof.words, "; ".join(proof.rules))
        for name in PROVED
        for proof in [decide(getattr(theorems, name))]
    }
