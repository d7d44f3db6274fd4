"""Claims decided for all sizes: what is proved, what is not, and that no wrong statement ever
is.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import theorems
from impl import Operand
from theorems import CLAIMS, Outcome, equals
from theorems.checking.check import check
from theorems.evidence import file as evidence
from theorems.evidence.badges import wording
from theorems.gram_hierarchy.operators import STATED, no_mask
from theorems.impl.feature_learning.chains import LinearChain
from theorems.impl.generic.networks import gated_network
from theorems.impl.gram_hierarchy.gated import fields
from theorems.impl.kernel_flows.minibatches import MinibatchNoise
from theorems.impl.strategies import grams as strategies
from theorems.impl.strategies.noise import minibatch_noises
from theorems.impl.symbolic import NotOfThisFormError
from theorems.loading import load_claims
from theorems.proving.cases import Case
from theorems.proving.counterexamples import counterexample
from theorems.proving.deciding import decide, symbolic
from theorems.proving.induction import CUT, LAYER, PULLBACK, PUSHFORWARD, layer
from theorems.verdict import Grade

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


def stated(path):
    return {claim.name: claim for claim in load_claims(str(HERE / path))}


FIVE, HOSTILE = stated("proofs/five.py"), stated("proofs/hostile.py")
CONJECTURES = {
    kind: [
        claim
        for file in sorted((HERE / "conjectures" / kind).glob("*.py"))
        for claim in load_claims(str(file))
    ]
    for kind in ("true", "false")
}


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


@pytest.mark.parametrize("name", PROVED)
def test_no_wrong_variant_is_proved(name):
    claim = getattr(theorems, name)
    statuses = {title: decide(mutant).status for title, mutant in claim.mutants.items()}
    assert "proved" not in statuses.values()
    proof = decide(claim)
    related = any(part.related for part in proof.parts) or any(case.wider for case in proof.cases)
    if PROVED[name] == "equal" and not related:
        assert "differs" in statuses.values()  # free variables: of another form


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


@pytest.mark.parametrize("claim", CONJECTURES["false"], ids=lambda claim: claim.name)
def test_no_false_conjecture_is_proved(claim):
    assert not decide(claim).proved


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


# -- five conjectures of a user --------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["layers_stay_balanced", "every_layer_gains_alike", "the_tangent_kernel_is_positive"]
)
def test_true_conjectures_of_a_user(name):
    proof = decide(FIVE[name])
    assert proof.proved, proof.sentence
    assert "every width" in proof.sentence


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("gradients_pass_twice", (1, 1, 1)), ("layers_gain_by_their_depth", (1, 1, 1, 1))],
)
def test_false_conjectures_of_a_user(name, sizes):
    proof = decide(FIVE[name])
    assert proof.status == "differs"
    found = counterexample(FIVE[name], proof)
    assert found.sizes == sizes
    assert found.verdict.outcome is Outcome.REFUTED
    assert found.verdict.grade is Grade.EXACT
    assert FIVE[name](found.verdict.instance).outcome is Outcome.REFUTED


# -- code that branches ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_code_that_branches_is_not_proved(name):
    assert not decide(HOSTILE[name]).proved


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wide_layers_differ", "n2 > 40"),
        ("square_layers_differ", "n2 == n3"),
        ("large_weights_differ", "a comparison of variables"),
        ("caught_and_covered_up", "n2 > 40"),
        ("many_calls_differ", "a branch on 'calls'"),
        ("names_differ", "a branch on a name"),
        ("floats_differ", "a branch on the kind of number"),
        ("nearly", "the float 1.0000000001"),
    ],
)
def test_what_branches_is_named_with_its_line(name, said):
    proof = decide(HOSTILE[name])
    assert proof.status == "not of this form"
    assert said in proof.sentence
    assert "hostile.py:" in proof.sentence


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("biased_layers_differ", "differs"),
        ("gates_by_name_differ", "no normal form found"),  # masks of ReLU follow from weights
        ("deep_networks_differ", "differs"),
    ],
)
def test_every_alternative_is_looked_at(name, status):
    assert decide(HOSTILE[name]).status == status


def test_what_holds_of_real_batches_is_proved():
    """Symbols are selections of b samples: Σ n_i = b is one of their relations."""

    @equals(observed=lambda noise: noise.counts.sum(-1), on=minibatch_noises)
    def counts_add_up(noise: MinibatchNoise) -> Operand:
        """Σ n_i = b."""
        return noise.counts.sum(-1) * 0 + noise.size

    proof = decide(counts_add_up)
    assert proof.proved, proof.sentence
    assert "one 1 in each selection" in proof.sentence
    wrong = replace(
        counts_add_up,
        name="wrong",
        predict=lambda noise: noise.counts.sum(-1) * 0 + noise.size * noise.size,
    )
    assert decide(wrong).status == "no normal form found"  # batches without replacement are fewer


def test_a_claim_about_a_part_of_the_domain_is_proved_for_that_part():
    claim = HOSTILE["biased_layers_differ"]
    part = replace(claim, where={"layers without a bias": lambda layer: layer.bias is None})
    assert decide(part).proved
    other = replace(claim, where={"layers with a bias": lambda layer: layer.bias is not None})
    assert decide(other).status == "differs"
    none = replace(claim, where={"nothing": lambda layer: False})
    assert not decide(none).proved


def pairs_of_layers(source):
    """Two linear layers, one behind the other."""
    middle, width, into = source.size(2, 4), source.size(2, 4), source.size(2, 4)
    return LinearChain(
        (source.entries(middle, into), source.entries(width, middle)),
        source.entries(source.size(1, 3), into),
    )


def chooses(source):
    """Chains of one layer or two."""
    return pairs_of_layers(source) if source.shape % 2 else None


@pytest.mark.parametrize(
    ("generic", "wrong", "status"),
    [
        (pairs_of_layers, 1, "proved"),
        (pairs_of_layers, 2, "differs"),
        (chooses, 1, "not of this form"),
    ],
)
def test_a_constructor_of_ones_own_is_handed_symbols(generic, wrong, status):
    def both(chain):
        first, second = chain.weights
        return (chain.inputs @ first.mT @ second.mT).mT

    @equals(observed=both, on=strategies.balanced_chains, generic=generic)
    def products(chain: LinearChain) -> Operand:
        """(XAᵀBᵀ)ᵀ = BAXᵀ."""
        first, second = chain.weights
        return second @ first @ chain.inputs.mT * wrong

    proof = decide(products)
    assert proof.status == status, proof.sentence
    assert status != "proved" or "every size of Two linear layers" in proof.sentence
    # as asked for
    assert status != "differs" or counterexample(products, proof).sizes == (
        2,
        2,
        2,
        1,
    )
    assert status != "not of this form" or "a choice between shapes" in proof.sentence


# -- every depth -----------------------------------------------------------------------------------


def same_forms(observed, predicted):
    net = symbolic(layer())
    return not (observed(net) - predicted(net)).terms


@pytest.mark.parametrize("step", [PULLBACK, PUSHFORWARD, CUT, LAYER], ids=lambda step: step.name)
def test_steps_from_depth_to_depth_hold(step):
    assert same_forms(step.observed, step.predicted)


@pytest.mark.parametrize(
    "wrong",
    [
        {"left": no_mask},
        {"right": no_mask},
        {"gram": False},
        {"local": False},
        {"transposed": True},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_recursions_fail_the_step(wrong, monkeypatch):
    for step in (PULLBACK, PUSHFORWARD):
        try:
            assert not same_forms(*_with(wrong, monkeypatch, step))
        except NotOfThisFormError as error:  # it hands the other layers something else
            assert "on another vector" in str(error) or "comparison of sizes" in str(error)  # noqa: PT017


def _with(wrong, monkeypatch, step):
    monkeypatch.setattr("theorems.proving.induction.STATED", replace(STATED, **wrong))
    return step.observed, step.predicted


def test_the_other_layers_matter_for_the_step():
    """With other layers that stand still the step says something else: the hypothesis of the
    induction is used.
    """
    still = lambda net: -STATED.pullback(net, fields(net), 0, net.inputs)  # noqa: E731
    assert not same_forms(PULLBACK.observed, still)


def test_depth_six_directly():
    case = Case("depth 6", partial(gated_network, depths=(6, 6)), 0, ("gate",))
    net = symbolic(case)
    claim = theorems.backward_pullback_recursion
    seen, told = claim.observe(net), claim.predict(net)
    assert all(not (seen[part] - told[part]).terms for part in told)


# -- evidence --------------------------------------------------------------------------------------


def test_the_evidence_keeps_the_proof_and_what_was_drawn():
    claim = FIVE["every_layer_gains_alike"]
    seen = check(claim, examples=20)
    assert seen.grade is Grade.PROVED
    entry = evidence.record(seen)
    assert entry["grade"] == "PROVED"
    assert entry["grades"].get("EXACT")
    assert entry["proof"]["status"] == "proved"
    assert "every width" in entry["proof"]["words"]
    assert "proved for depth 1 to 4" in seen.earned
    assert wording(entry)[0] == "holds, proved"
    content = evidence.document([entry], seed=0, profile="drawn", false_alarm=None)
    assert evidence.first_problem(content) is None


def test_a_refutation_outweighs_a_proof():
    """Drawn instances test the code: where they refute, no proof makes that good."""
    claim = FIVE["every_layer_gains_alike"]
    seen = check(claim, examples=20)
    seen.outcomes[Outcome.REFUTED] += 1
    assert seen.grade is not Grade.PROVED


def test_false_conjectures_keep_their_refutation():
    seen = check(FIVE["gradients_pass_twice"], examples=20)
    assert seen.outcome is Outcome.REFUTED
    assert seen.grade is Grade.EXACT
    assert evidence.record(seen)["proof"]["status"] == "differs"


def test_proved_is_the_strongest_grade():
    assert max(Grade) is Grade.PROVED
    assert tuple(grade.name for grade in sorted(Grade)) == evidence.GRADES


# -- the command -----------------------------------------------------------------------------------


def test_prove_prints_forms_rules_and_time(run):
    code, out, _ = run("prove", "feature_learning_equation", "--show")
    assert code == 0
    assert "PROVED" in out
    assert " ms" in out
    assert "observed = weight[k,i]·inputs[l,j]·output_grad[l,k]" in out
    assert r"\mathrm{inputs}_{l j}" in out
    assert "by equal normal forms" in out


def test_prove_shows_where_the_sides_differ_and_a_small_instance(run):
    code, out, _ = run("prove", f"{HERE / 'proofs' / 'five.py'}:gradients_pass_twice")
    assert code == 1
    assert "only predicted: output_grad[j,i]" in out
    assert "refuted at sizes 1, 1, 1" in out


def test_prove_says_what_is_not_of_this_form(run):
    code, out, _ = run("prove", "kernel_views_agree")
    assert code == 3
    assert "no identity for all sizes, but roots and arccosines" in out


def test_prove_writes_json(run):
    code, out, _ = run("prove", "gram_flow", "--json", "-")
    assert code == 0
    assert '"status": "proved"' in out


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
