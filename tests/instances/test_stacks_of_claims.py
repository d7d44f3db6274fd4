"""A stack of instances: the verdict of each member, the worst counts; or refused by name, never a
verdict of its own.
"""

import dataclasses
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch

from impl import FeatureSet, LayerTrace
from impl.errors import InputError
from impl.function_space.harmonics import Harmonic
from impl.kernel_flows.decayed import DecayedMatrix
from impl.kernel_flows.spectral import LaplacianTask
from impl.strategies.ranks import decayed_matrices
from impl.strategies.ridge import graph_laplacians, rational_laplacians
from theorems import (
    CLAIMS,
    feature_learning_equation,
    gram_flow,
    gram_follows_virtual_covariance,
    laplacian_filter_rank,
    softmax_kernel_rank_below_classes,
)
from theorems.checking.drawing import draws
from theorems.verdict import Grade, Outcome, Verdict, worst_of

SLOW = (
    "grows",
    "flow_reaches",
    "single_run_spike",
    "learned_weights",
    "first_step",
    "gaussian_equivalent",
    "escape",
)
SEVERITY = (Outcome.INAPPLICABLE, Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)


def shapes(value):
    """What two fields must share to be stacked."""
    if isinstance(value, tuple):
        return tuple(map(shapes, value))
    operand = isinstance(value, torch.Tensor | np.ndarray)
    return (type(value).__name__, tuple(value.shape)) if operand else repr(value)


def shapes_of(instance):
    return [shapes(getattr(instance, f.name)) for f in dataclasses.fields(instance)]


def alike(claim):
    """Up to three drawn instances of one shape with different numbers, where the strategy draws
    such.
    """
    groups = defaultdict(list)
    examples = 2 if any(word in claim.name for word in SLOW) else 9
    for instance in draws(claim.instances(), examples=examples, seed=0):
        groups[repr(shapes_of(instance))].append(instance)
    largest = max(groups.values(), key=len)[:3]
    return largest if len(largest) > 1 else largest * 3


def bent(instance):
    """The same with one operand doubled, of every field by itself where the type allows it."""
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, torch.Tensor | np.ndarray) and value.ndim:
            try:
                yield dataclasses.replace(instance, **{field.name: value + value})
            except (ValueError, RuntimeError):
                continue


def judged(claim, instance):
    """The verdict, or what was raised."""
    try:
        return claim(instance)
    except InputError as error:
        return error


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_stack_has_the_worst_verdict_of_its_members_or_is_refused_by_name(claim):
    first, *rest = alike(claim)
    tried = [
        (claim, [first, *rest]),
        *((mutant, [first, *rest]) for mutant in list(claim.mutants.values())[:2]),
    ]
    tried += [(claim, [first, wrong, rest[-1]]) for wrong in list(bent(rest[0]))[:3]]
    for judge, members in tried:
        try:
            stack = type(first).stack(members)
        except InputError as error:
            assert type(first).__name__ in str(error)  # noqa: PT017
            return
        alone = [judged(judge, member) for member in members]
        found = judged(judge, stack)
        if any(isinstance(verdict, InputError) for verdict in alone):
            assert isinstance(found, InputError), "what one member raises, the stack raises"
            continue
        assert found.outcome is max((verdict.outcome for verdict in alone), key=SEVERITY.index), (
            judge.name
        )
        assert found.instance is stack or found.instance is members[found.context["member"]]


def test_a_refutation_in_the_middle_of_a_long_stack_is_found_and_named():
    layer = next(
        x
        for x in draws(feature_learning_equation.instances(), examples=9, seed=0)
        if bool(x.weight.all())
    )
    wrong = dataclasses.replace(layer, weight_grad=layer.weight_grad + 1)
    stack = LayerTrace.stack([*[layer] * 20, wrong, *[layer] * 20])
    verdict = feature_learning_equation(stack)
    assert verdict.outcome is Outcome.REFUTED
    assert (verdict.context["member"], verdict.context["members"]) == (20, "40 HOLDS, 1 REFUTED")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [graph_laplacians, rational_laplacians])
def test_a_stack_of_laplacians_is_not_refuted(strategy):
    """Each holds; their stack was REFUTED, since one number counted the passing modes of all."""
    for task in draws(strategy(), examples=5, seed=1):
        assert laplacian_filter_rank(task).outcome is Outcome.HOLDS
        assert laplacian_filter_rank(LaplacianTask.stack([task, task])).outcome is Outcome.HOLDS


@pytest.mark.slow
def test_a_stack_of_points_one_of_which_rests_does_not_hide_it():
    """ "Nothing at rest" is refuted by a point at rest; it held on a stack, where another member
    moved.
    """
    mutant = softmax_kernel_rank_below_classes.mutants["nothing at rest"]
    points = draws(softmax_kernel_rank_below_classes.instances(), examples=60, seed=0)
    resting = next(point for point in points if mutant(point).outcome is Outcome.REFUTED)
    moving = dataclasses.replace(resting, gradient=resting.decay * resting.matrix)
    assert mutant(moving).outcome is Outcome.HOLDS
    assert mutant(DecayedMatrix.stack([moving, resting, moving])).outcome is Outcome.REFUTED


@pytest.mark.slow
@pytest.mark.parametrize(
    "claim", [feature_learning_equation, gram_follows_virtual_covariance, gram_flow]
)
def test_a_small_member_is_not_answered_for_by_a_large_one(claim):
    """Rounding as large as what is compared is UNDECIDED alone; beside a large member it was within
    the bound of that.
    """
    tried = 0
    for layer in draws(claim.instances(), examples=40, seed=0):
        fields = {
            k: getattr(layer, k) * 1e-18 for k in ("weight_grad", "output_grad", "input_grad")
        }
        faint = dataclasses.replace(layer, **fields)
        if claim(layer).outcome is Outcome.HOLDS and claim(faint).outcome is Outcome.UNDECIDED:
            tried += 1
            verdict = claim(LayerTrace.stack([layer, faint, layer]))
            assert (verdict.outcome, verdict.context["member"]) == (Outcome.UNDECIDED, 1)
    assert tried > 3


def test_a_stack_made_by_hand_is_refused_by_name():
    """Which of its operands are shared by the members cannot be read off their shapes."""
    task = next(task for task in draws(rational_laplacians(), examples=9, seed=1))
    handmade = task.map(
        lambda value: np.stack([value, value]) if isinstance(value, np.ndarray) else value
    )
    with pytest.raises(
        InputError,
        match=r"laplacian_filter_rank .* one LaplacianTask.*make it with LaplacianTask\.stack",
    ):
        laplacian_filter_rank(handmade)


@pytest.mark.slow
def test_groups_of_one_layer_are_no_stack():
    """A grouped convolution is one layer with a leading dimension."""
    grouped = next(
        x
        for x in draws(feature_learning_equation.instances(), examples=60, seed=0)
        if x.weight.ndim == 3
    )
    assert not grouped.stacked
    assert feature_learning_equation(grouped).outcome is Outcome.HOLDS
    assert feature_learning_equation(LayerTrace.stack([grouped, grouped])).outcome is Outcome.HOLDS


def test_members_that_disagree_in_what_is_no_operand_are_not_stacked():
    """The first one's flag stood for all."""
    first, *_ = draws(decayed_matrices(), examples=1, seed=0)
    for changes, said in (
        ({"shift_free": not first.shift_free}, "agree in shift_free of DecayedMatrix"),
        ({"gap": "a nonlinearity"}, "agree in gap of"),
        (
            {"inputs": None} if first.inputs is not None else {"inputs": first.matrix},
            "whose inputs of DecayedMatrix is of one kind",
        ),
    ):
        with pytest.raises(InputError, match=said):
            DecayedMatrix.stack([first, dataclasses.replace(first, **changes)])
    with pytest.raises(InputError, match="Harmonic without either: judge them one by one"):
        Harmonic.stack([Harmonic(3, 1), Harmonic(3, 1)])


def test_shapes_that_differ_are_named():
    one, other = (
        FeatureSet(
            **dict.fromkeys(("features", "targets", "mixing", "linear_map", "head"), torch.eye(n)),
            relative_rate=torch.tensor(1.0),
        )
        for n in (2, 3)
    )
    with pytest.raises(
        InputError, match=r"got features of FeatureSet of shapes \[\(2, 2\), \(3, 3\)\]"
    ):
        FeatureSet.stack([one, other])


def test_the_worst_of_verdicts():
    def verdict(outcome, grade=Grade.EXACT, measured=0.0):
        return Verdict("c", outcome, grade, measured, 1.0)

    held = [verdict(Outcome.HOLDS, Grade.NUMERICAL, 0.1), verdict(Outcome.HOLDS, Grade.EXACT, 0.3)]
    found = worst_of([verdict(Outcome.INAPPLICABLE, None), *held])
    assert (found.outcome, found.grade, found.measured) == (Outcome.HOLDS, Grade.NUMERICAL, 0.3)
    assert Counter(found.context["members"].split(", ")) == Counter(["1 INAPPLICABLE", "2 HOLDS"])
    assert worst_of([*held, verdict(Outcome.UNDECIDED)]).context["member"] == 2
