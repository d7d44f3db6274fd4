"""A check cannot pass vacuously, and says honestly what it has seen."""

import dataclasses
import json
import math

import pytest
import torch
from hypothesis import strategies as st

from impl.errors import InputError
from impl.instances.instance import Instance
from theorems import Outcome
from theorems.checking.check import aim, check
from theorems.checking.check import dropped as dropped_hypothesis
from theorems.checking.collected import Evidence
from theorems.checking.measures import fingerprint, spread
from theorems.claim import Hypothesis, Source
from theorems.relations import Finding
from theorems.stating import at_most, equals
from theorems.verdict import Grade, Verdict


@dataclasses.dataclass(frozen=True, eq=False)
class Pair(Instance):
    """Two numbers."""

    left: torch.Tensor
    right: torch.Tensor


def pairs(low=-50, high=50):
    number = st.integers(low, high).map(lambda n: torch.tensor(float(n), dtype=torch.float64))
    return st.builds(Pair, number, number)


def claim(
    predict=lambda p: p.left + p.right, *, observed=lambda p: p.left + p.right, on=pairs, **options
):
    def statement(pair: Pair):
        """The sum."""
        return predict(pair)

    options.setdefault("mutants", {"difference": lambda p: p.left - p.right})
    return options.pop("make", equals)(
        observed=observed, on=on, source=Source("0000.00000", "here"), **options
    )(statement)


def squared(p):
    """Right where the second number is 0 or 1."""
    return p.left + p.right * p.right


def test_inapplicable_alone_is_not_a_pass():
    never = {"never": Hypothesis(pairs, lambda pair: "not today")}
    seen = check(claim(hypotheses=never), examples=30)
    assert seen.outcome is Outcome.INAPPLICABLE
    assert not seen.as_expected
    assert seen.survivors == ["difference"], (
        "a mutant that nothing could refute has not been refuted"
    )
    assert seen.grade is None


def test_undecided_alone_is_not_a_pass():
    class Shrug:
        def judge(self, observe, predict, instance):
            return Finding(Outcome.UNDECIDED, Grade.NUMERICAL, 1.0, 2.0)

    seen = check(dataclasses.replace(claim(), relation=Shrug()), examples=10)
    assert seen.outcome is Outcome.UNDECIDED
    assert not seen.as_expected


def test_one_undecided_instance_spoils_a_pass():
    seen = Evidence(claim())
    for outcome in (Outcome.HOLDS, Outcome.UNDECIDED, Outcome.HOLDS):
        seen.add(Verdict("c", outcome, Grade.NUMERICAL, 0.1, 1.0))
    assert seen.outcome is Outcome.UNDECIDED


def test_a_claim_that_compares_a_thing_with_itself_holds_but_its_mutants_live():
    """Observing what is predicted proves nothing, and the mutants are what shows it: changed, they
    are changed on both sides.
    """
    alone = claim(lambda p: p.left, observed=lambda p: p.left)
    blind = dataclasses.replace(
        alone, changes={"the other": {"predict": lambda p: p.right, "observe": lambda p: p.right}}
    )
    seen = check(blind, examples=30)
    assert seen.outcome is Outcome.HOLDS
    assert seen.survivors == ["the other"]


def test_a_strategy_that_draws_one_instance_says_so():
    one = claim(
        on=lambda: st.sampled_from([1.0, 2.0]).map(
            lambda _: Pair(torch.zeros(()).double(), torch.zeros(()).double())
        )
    )
    seen = check(one, examples=50)
    assert seen.distinct == 1
    assert seen.instances > 1
    assert seen.survivors == ["difference"], "zero minus zero is zero plus zero"


def test_counts_the_instances_that_a_mutant_takes():
    seen = check(
        claim(
            mutants={"always": lambda p: p.left + p.right + 1, "never": lambda p: p.right + p.left}
        ),
        examples=40,
    )
    always, never = seen.controls
    assert (always.refuted, always.instances) == (True, 1)
    assert (never.refuted, never.instances) == (False, seen.instances)
    assert seen.median_instances == 1


def test_a_refuted_claim_is_drawn_to_the_end_and_shrunk():
    wrong = claim(
        lambda p: p.left + p.right * p.right,
        expected=Outcome.REFUTED,
        mutants={"worse": lambda p: p.left},
    )
    seen = check(wrong, examples=60)
    assert seen.instances == 60
    assert 0 < seen.outcomes[Outcome.REFUTED] < 60
    assert (seen.worst.instance.left.item(), seen.worst.instance.right.item()) == (0.0, -1.0)
    assert seen.controls[0].refuted


@pytest.mark.parametrize(
    ("check_", "dropped", "predict", "without", "bites", "noticed"),
    [
        (
            lambda p: "negative" if p.right < 0 else None,
            lambda: pairs(-9, -1),
            squared,
            "refuted",
            True,
            True,
        ),
        (
            lambda p: "negative" if p.right < 0 else None,
            lambda: pairs(-9, -1),
            lambda p: p.left + p.right,
            "holds",
            False,
            True,
        ),
        (
            lambda p: "zero" if p.right == 0 else None,
            lambda: pairs(0, 0),
            lambda p: p.left @ p.right,
            "raises",
            True,
            True,
        ),
        (
            lambda p: "zero" if p.right == 0 else None,
            lambda: pairs(1, 9),
            lambda p: p.left + p.right,
            "holds",
            False,
            False,
        ),
        (None, lambda: pairs(-9, -1), squared, "refuted", True, True),
        (None, lambda: pairs(0, 1), squared, "holds", False, False),
    ],
    ids=[
        "needed",
        "not needed",
        "cannot be evaluated",
        "blind check",
        "unchecked",
        "unchecked and harmless",
    ],
)
def test_dropped_hypotheses(check_, dropped, predict, without, bites, noticed):
    stated = claim(predict, hypotheses={"h": Hypothesis(dropped, check_)}, on=lambda: pairs(0, 1))
    if without == "raises":
        stated = dataclasses.replace(stated, predict=lambda p: 1 / 0)
    condition = dropped_hypothesis(stated, "h", examples=5, seed=0)
    assert (condition.without, condition.bites, condition.noticed) == (without, bites, noticed)


def test_record_is_plain_json():
    seen = check(
        claim(make=at_most, expected=Outcome.REFUTED, predict=lambda p: p.left, mutants={}),
        examples=40,
    )
    record = json.loads(json.dumps(seen.record(), allow_nan=False))
    assert record["mutants"] == {"refuted": 0, "total": 0, "median_instances": None, "each": []}
    assert record["counterexample"]["text"].startswith("statement: REFUTED")
    assert record["refuted"] > 0
    assert record["earned"].startswith("REFUTED on")


def test_spread_counts_decades_and_zeros():
    assert spread([]) is None
    found = spread([0.0, 0.5, 0.002, 0.009, 3.0])
    assert found["histogram"] == [[-3, 2], [-1, 1], [0, 1]]
    assert found["zeros"] == 1
    assert found["median"] == 0.009
    assert math.isclose(found["largest"], 3.0)


def test_fingerprints_see_numbers_and_nothing_else():
    left, right = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5])
    assert fingerprint(Pair(left, right)) == fingerprint(Pair(left.clone(), right.clone()))
    assert fingerprint(Pair(left, right)) != fingerprint(Pair(right, left))
    assert fingerprint(left) != fingerprint(left.reshape(2, 1))


def test_refuses_no_examples():
    with pytest.raises(InputError, match="at least one example"):
        check(claim(), examples=0)


def spoken(share):
    """A claim that speaks of some of the pairs drawn."""
    only = {
        "small": Hypothesis(pairs, lambda pair: None if abs(int(pair.left)) <= share else "large")
    }
    return check(claim(hypotheses=only), examples=60)


def test_a_claim_that_speaks_of_next_to_none_has_not_been_tried():
    seen = Evidence(claim())
    for outcome in [Outcome.HOLDS] + [Outcome.INAPPLICABLE] * 20:
        grade = Grade.EXACT if outcome is Outcome.HOLDS else None
        seen.add(Verdict("c", outcome, grade, context={"hypothesis": "small"}))
    assert seen.outcome is Outcome.UNDECIDED
    assert seen.untried.startswith("spoke of 1 of 21 instances; not met: 'small' on 20.")
    entry = seen.record()
    assert (entry["judged"], entry["inapplicable"], entry["outcome"]) == (1, 20, "UNDECIDED")
    seen.add(Verdict("c", Outcome.HOLDS, Grade.EXACT))
    assert seen.outcome is Outcome.HOLDS, "two of 22 are more than one in twenty"
    assert seen.untried is None
    assert "spoke of 2 of 22" in seen.spoken_of
    seen.add(Verdict("c", Outcome.REFUTED, Grade.EXACT))
    assert seen.outcome is Outcome.REFUTED, "one refutation is enough, however few were tried"


def test_how_many_were_spoken_of_is_counted():
    few, most = spoken(0), spoken(100)
    assert few.judged == few.instances - few.outcomes[Outcome.INAPPLICABLE] < few.instances
    assert most.judged == most.instances
    assert most.spoken_of is None


def test_a_search_climbs_by_what_all_processors_agree_on(monkeypatch):
    """Last bits of a ratio would decide what is drawn next."""
    seen = []
    monkeypatch.setattr("theorems.checking.check.target", lambda value, label: seen.append(value))
    for ratio in (0.123456789, 0.123456789 * (1 + 2**-52), 3.999e-7):
        aim(Verdict("x", Outcome.HOLDS, Grade.NUMERICAL, ratio, 1.0))
    assert seen == [0.12, 0.12, 4e-7]
