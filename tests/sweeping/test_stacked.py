"""Sweeps in stacks: networks of one shape made at once are those that torch makes one by one, each
gets the verdict that it gets alone, and the bounds count stacks.
"""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from random import Random

import pytest
import torch
from hypothesis import event, given
from hypothesis import strategies as st

import theorems
from impl import trace
from impl.errors import InputError
from theorems.claim import Claim, Source
from theorems.impl.instances.instance import Instance
from theorems.impl.networks.layers import LayerTrace
from theorems.impl.strategies.bulk import STACKS, stacked_gated, stacked_layers
from theorems.relations import Comparison
from theorems.relations.stacked import _sure, holding_together
from theorems.stacks import verdicts_on
from theorems.sweeping import units
from theorems.sweeping.bounds import fixed
from theorems.sweeping.engine import refutation, sweep
from theorems.sweeping.store import Store, Total
from theorems.sweeping.units import STACK, code_version, stacks
from theorems.verdict import Outcome


@pytest.fixture
def alone(monkeypatch):
    """The instances that claims are called with, one by one."""
    seen, judge = [], Claim.__call__
    monkeypatch.setattr(Claim, "__call__", lambda claim, one: seen.append(one) or judge(claim, one))
    return seen


CLAIMS = [
    "gram_flow",
    "feature_learning_equation",
    "kernel_cut_identity",
    "layerwise_kernel",
    "closure_needs_gram_from_depth_three",
]


@pytest.mark.parametrize("seed", range(6))
def test_layers_are_those_of_torch(seed):
    """One layer alone, its outputs and gradients by torch's own module and loss."""
    stack = stacked_layers(Random(seed), 5)
    for one in stack.members:
        layer = torch.nn.Linear(one.weight.shape[1], one.weight.shape[0], bias=one.bias is not None)
        layer = layer.double()
        with torch.no_grad():
            layer.weight.copy_(one.weight)
            if one.bias is not None:
                layer.bias.copy_(one.bias)
        pulled = one.output_grad
        seen = trace(layer, one.inputs, pulled, lambda z, g: (z * g).sum())["Linear"]
        for name in ("outputs", "weight_grad", "input_grad", "output_grad"):
            torch.testing.assert_close(getattr(one, name), getattr(seen, name))


@pytest.mark.parametrize("make", [stacked_layers, stacked_gated])
def test_a_split_stack_is_a_stack_of_its_members(make):
    for seed in range(4):
        stack = make(Random(seed), 3)
        again = type(stack).stack(stack.members)
        assert len(stack.members) == 3
        for field in dataclasses.fields(stack):
            one, other = getattr(stack, field.name), getattr(again, field.name)
            pairs = zip(one, other, strict=True) if isinstance(one, tuple) else [(one, other)]
            assert all(torch.equal(a, b) if torch.is_tensor(a) else a == b for a, b in pairs)


def test_operands_without_a_common_dimension_are_not_split():
    (layer,) = stacked_layers(Random(0), 1).members
    with pytest.raises(InputError, match="expected operands with one leading dimension"):
        layer.split()


@pytest.mark.slow
@pytest.mark.parametrize("name", CLAIMS)
def test_members_get_the_verdicts_that_they_get_alone(name, monkeypatch):
    claim = getattr(theorems, name)
    monkeypatch.setattr(units, "STACK", 6)
    for stack in islice(stacks(claim, 3, 0), 3):
        for seen, one in zip(verdicts_on(claim, stack), stack.members, strict=True):
            alone = claim(one)
            assert (seen.outcome, seen.grade is None) == (alone.outcome, alone.grade is None)
            assert alone.outcome is Outcome.HOLDS


@given(st.integers(0, 2**32 - 1), st.sampled_from(["=", "<=", ">=", ">"]))
def test_a_member_counts_as_judged_only_if_it_holds_alone(seed, sign):
    """Sides and bounds of all sizes, drawn so that each entry is within its bound."""
    source = torch.Generator().manual_seed(seed)
    rows = [torch.randn(5, 3, generator=source, dtype=torch.float64) for _ in range(3)]
    scales = 10.0 ** torch.randint(-3, 3, (4, 5, 1), generator=source)
    observed, bound = rows[0] * scales[0], rows[1].abs() * scales[1]
    bound = bound * (torch.rand(5, 1, generator=source) < 0.8)
    step = (rows[2].abs() * scales[2]) * (0 if sign == "=" else 1)
    away = step if sign in ("<=", "=") else -step
    predicted = observed + away + bound * (0.9 if sign == "=" else 0)
    predicted = predicted - 2 * bound - 1e-9 if sign == ">" else predicted
    sure = _sure(sign, observed, predicted, bound)
    judge = Comparison(sign)._compare
    alone = [judge("", *one).outcome for one in zip(observed, predicted, bound, strict=True)]
    event(f"{sign}: {int(sure.sum())} of 5 sure")
    assert all(one is Outcome.HOLDS for one, judged in zip(alone, sure, strict=True) if judged)


@dataclasses.dataclass(frozen=True, eq=False)
class Pair(Instance):
    alone = ("x", 1)
    together = True
    x: torch.Tensor
    y: torch.Tensor


class Telling(Pair):
    telling = ("y",)


def _pair(x, kind=Pair):
    return kind(torch.tensor([x, 3 * x]).double(), torch.tensor([5.0]).double())


def test_a_small_member_does_not_hold_for_the_large_ones_beside_it():
    """What rounding leaves of it is no larger than its bound: alone it is open."""
    claim = Claim(
        "large_terms_cancel",
        "x + 2⁵² − 2⁵² = x.",
        Source("2601.00276", "nowhere"),
        Comparison(certify=False),
        observe=lambda it: it.x + 2.0**52 + 0.1 - 0.1 - 2.0**52,
        predict=lambda it: it.x,
        instances=lambda: st.just(_pair(1.0)),
        subject=Pair,
    )
    stack = Pair.stack([_pair(x) for x in (2e5, 1e5, 1e-3, 3e5)])
    alone = [claim(one).outcome.name for one in stack.members]
    assert alone == ["HOLDS", "HOLDS", "UNDECIDED", "HOLDS"]
    assert [verdict.outcome.name for verdict in verdicts_on(claim, stack)] == alone


def test_an_inequality_that_is_proved_needs_no_small_bound():
    low, high, bound = (torch.tensor([[x]]).double() for x in (-5.0, 5.0, 8.0))
    assert bool(_sure("<=", low, high, bound))
    assert bool(_sure(">=", high, low, bound))
    assert not bool(_sure("<=", low, high, bound + 3))


@pytest.mark.parametrize("name", ["layerwise_kernel", "closure_needs_gram_from_depth_three"])
def test_inequalities_that_are_proved_are_judged_together(name, alone, monkeypatch):
    claim = getattr(theorems, name)
    monkeypatch.setattr(units, "STACK", 6)
    drawn = list(islice(stacks(claim, 3, 0), 4))
    assert {v.outcome for stack in drawn for v in verdicts_on(claim, stack)} == {Outcome.HOLDS}
    assert len(alone) <= 2


def test_half_of_a_field_is_seen_in_an_equation_only():
    """An inequality that half of a field leaves far from its bound says nothing of its size."""
    pairs = Telling.stack([_pair(2.0, Telling)] * 3)
    claim = Comparison(signs={"bounded": "<="})
    both = {"equal": lambda it: it.x, "bounded": lambda it: it.x * 0 - it.y * it.y}
    seen = holding_together(
        claim,
        lambda it: {name: side(it) for name, side in both.items()},
        lambda it: {"equal": it.x, "bounded": it.x * 0},
        pairs,
    )
    assert seen is None or seen[1] == [0, 1, 2]


def test_one_wrong_member_is_refuted_and_no_other():
    stack = stacked_layers(Random(2), 8)
    wrong = stack.weight_grad.clone()
    wrong[5] = wrong[5] * 2 + 1
    stack = dataclasses.replace(stack, weight_grad=wrong).split()
    found = [verdict.outcome.name for verdict in verdicts_on(theorems.gram_flow, stack)]
    assert found == ["HOLDS"] * 5 + ["REFUTED"] + ["HOLDS"] * 2


def _stack_with_a_dead_layer():
    """Networks to which claims apply, but for the third: its first layer is on its switch."""
    stack = next(s for k in range(99) if (s := stacked_gated(Random(k), 6)).gate == "relu")
    weights = [weight.clone() for weight in stack.weights]
    weights[0][2] = 0
    return dataclasses.replace(stack, weights=tuple(weights)).split()


def test_a_member_to_which_a_claim_does_not_apply_leaves_the_others_together(alone):
    stack = _stack_with_a_dead_layer()
    found = [v.outcome.name for v in verdicts_on(theorems.kernel_cut_identity, stack)]
    assert found == ["HOLDS"] * 2 + ["INAPPLICABLE"] + ["HOLDS"] * 3
    assert alone == [stack.members[2]]


def test_refuted_members_cost_the_others_few_verdicts_of_their_own(alone):
    stack = stacked_layers(Random(2), 32)
    wrong = stack.weight_grad.clone()
    wrong[[5, 20]] = wrong[[5, 20]] * 2 + 1
    stack = dataclasses.replace(stack, weight_grad=wrong).split()
    found = [verdict.outcome.name for verdict in verdicts_on(theorems.gram_flow, stack)]
    assert [at for at, name in enumerate(found) if name == "REFUTED"] == [5, 20]
    assert found.count("HOLDS") == 30
    assert len(alone) <= 8


def test_some_members_of_a_stack_are_a_stack():
    stack = stacked_gated(Random(4), 6)
    some = stack.picked([1, 4, 5])
    again = type(stack).stack([stack.members[at] for at in (1, 4, 5)])
    assert some.members == again.members
    assert all(torch.equal(a, b) for a, b in zip(some.weights, again.weights, strict=True))
    assert torch.equal(some.residual, again.residual)
    assert stack.picked(range(6)) is stack


def test_every_strategy_with_stacks_draws_its_own_type():
    for on, make in STACKS.items():
        stack = make(Random(1), 2)
        assert len(stack.members) == 2
        assert on() is not None
    deep = [stacked_gated(Random(k), 1, depths=(2, 4)).depth for k in range(12)]
    assert set(deep) == {2, 3, 4}


@pytest.mark.slow
def test_a_wrong_claim_stops_and_is_drawn_again(tmp_path, monkeypatch):
    """Its first refuted network is found again at its position among those of its unit."""
    monkeypatch.setattr(units, "STACK", 2)
    wrong = next(iter(theorems.gram_flow.mutants.values()))
    monkeypatch.setattr(units, "named", lambda _: wrong)
    monkeypatch.setattr("theorems.sweeping.engine.named", lambda _: wrong)
    store = Store(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        seen = sweep(["wrong"], store, pool, count=10, seed=4, stacked=True)
    (total,) = store.totals()
    assert seen.refuted == ["wrong"]
    assert total.stacked
    assert (total.instances, total.draws) == (units.STACKS * 2, units.STACKS)
    _, verdict = refutation("wrong", total.refuted, stacked=True)
    assert verdict.outcome is Outcome.REFUTED
    assert isinstance(verdict.instance, LayerTrace)


def test_a_claim_without_stacks_is_refused_by_name(tmp_path):
    with ThreadPoolExecutor(1) as pool, pytest.raises(InputError, match="kernel_ode, on KernelP"):
        sweep(["kernel_ode"], Store(tmp_path), pool, count=10, stacked=True)


def test_units_are_told_apart_from_those_of_the_strategy():
    file = theorems.gram_flow.file
    assert code_version(file) != code_version(file, stacked=True)
    assert code_version(file) == code_version(file, stacked=False)


def test_bounds_count_stacks():
    total = Total("x", "y", units=1, draws=16, stacked=True)
    total.outcomes.update({"HOLDS": 1000, "INAPPLICABLE": 24})
    assert total.share == (0, 16)
    total.outcomes.update({"REFUTED": 1024})
    assert fixed(*total.share) == 1.0


def test_bounds_hold_where_stacks_are_refuted_whole_or_not_at_all():
    """Networks of a stack that all share one fate: to count them as independent would be wrong."""
    rng, share, stacks_drawn, runs = Random(0), 0.1, 20, 2000
    missed = counted = 0
    for _ in range(runs):
        refuted = sum(rng.random() < share for _ in range(stacks_drawn)) * STACK
        total = Total("x", "y", units=1, draws=stacks_drawn, stacked=True)
        total.outcomes.update({"HOLDS": stacks_drawn * STACK - refuted, "REFUTED": refuted})
        missed += fixed(*total.share) < share
        counted += fixed(refuted, stacks_drawn * STACK) < share
    assert missed <= 0.05 * runs + 3 * (0.05 * runs) ** 0.5
    assert counted > 0.3 * runs
