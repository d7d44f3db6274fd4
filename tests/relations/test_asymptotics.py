"""The relation of asymptotic claims: it tells orders apart, says when it cannot, and refutes
nothing true of its class.
"""

import itertools
import math
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest

from impl.errors import InputError
from theorems import Outcome
from theorems.relations.asymptotics import Measured, TendsTo
from theorems.relations.corrections import Corrections

SIZES = (32, 64, 128, 256, 512, 1024)
LONG = tuple(2**k for k in range(5, 18, 2))
PLAIN = Corrections(logs=0.0)


def judged(distance, *, claimed, sizes=SIZES, replicates=1, **options):
    class Line:
        path: ClassVar = {d: [d] * replicates for d in sizes}

    relation = TendsTo(
        rate=lambda d: float(d) ** claimed,
        distance=lambda d, _: {"": Measured(distance(d))},
        **{"random": replicates > 1, "corrections": PLAIN} | options,
    )
    return relation.judge(lambda d: d, lambda d: d, Line())


def law(power, coefficients, *, log=0.0, logs_inside=False):
    def distance(d):
        first = math.log(d) if logs_inside else 1.0
        bracket = 1 + sum(
            a * d ** (-(j + 1) / 2) * (first if j == 0 else 1) for j, a in enumerate(coefficients)
        )
        return abs(d**power * math.log(d) ** log * bracket)

    return distance


# -- nothing true is refuted -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["=", "<="])
@pytest.mark.parametrize("largest", [1, 5])
@pytest.mark.parametrize(("logs", "terms"), [(0.0, 2), (0.0, 5), (1.0, 2)])
def test_no_law_of_the_class_is_refuted(sign, largest, logs, terms):
    """f = d^-1 (log d)^p (1 + a d^-1/2 + b/d + …) with random coefficients, zeros of f at small
    sizes included.
    """
    rng, seen = np.random.default_rng(0), Counter()
    for _ in range(100):
        distance = law(-1, rng.uniform(-largest, largest, terms), log=rng.uniform(-logs, logs))
        seen[
            judged(distance, claimed=-1, sign=sign, corrections=Corrections(logs=logs)).outcome
        ] += 1
    assert seen[Outcome.REFUTED] == 0
    assert seen[Outcome.HOLDS] > 95


@pytest.mark.parametrize("corner", list(itertools.product([-5, 5], repeat=3)), ids=str)
def test_the_corners_of_the_class_are_not_refuted(corner):
    assert judged(law(-1, corner), claimed=-1).outcome is Outcome.HOLDS


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["=", "<="])
def test_laws_outside_the_class_that_change_sign_are_left_open(sign):
    """Coefficients of up to 35, with logarithms in them: f crosses zero within the sizes."""
    rng, seen = np.random.default_rng(1), Counter()
    for _ in range(100):
        distance = law(-1, rng.uniform(-5, 5, 2), logs_inside=True)
        seen[judged(distance, claimed=-1, sign=sign, corrections=Corrections()).outcome] += 1
    assert seen[Outcome.REFUTED] == 0
    assert seen[Outcome.UNDECIDED] > 15


def test_a_coefficient_of_the_leading_order_that_is_almost_zero_is_no_refutation():
    """As at a pair where the second order of the kernel nearly vanishes: the local exponents come
    back to −2 from above.
    """
    verdict = judged(
        lambda d: abs(0.002 - 1 / d) / d**2, claimed=-2, sign="<=", sizes=(64, 128, 256, 512, 1024)
    )
    assert verdict.outcome is not Outcome.REFUTED


def test_the_bounds_of_a_class_are_attained_and_never_passed():
    corrections = Corrections(ladders=((0.5, 1.0),), largest=2.0, logs=0.0)
    low, high = corrections.between(100, 200)

    def change(a, b):
        small, large = (1 + a * s**-0.5 + b / s for s in (100, 200))
        return math.log(large / small)

    changes = [change(*pair) for pair in np.random.default_rng(2).uniform(-2, 2, (2000, 2))]
    assert low <= min(changes)
    assert max(changes) <= high
    top = [
        sum(sign * 2 * s ** (-j / 2) for j in range(1, 60)) for sign in (-1,) for s in (100, 200)
    ]
    assert high == pytest.approx(math.log((1 + top[1]) / (1 + top[0])), rel=1e-9)
    assert Corrections(largest=1.0).between(4, 8) == (-math.inf, math.inf), (
        "1 − ½ − ¼ − … vanishes at size 4"
    )
    assert Corrections(ladders=(), logs=1.0).between(16, 256) == pytest.approx(
        (-math.log(2), math.log(2))
    )


# -- what is false is refuted ----------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("off", "sizes", "largest"),
    [(0.5, SIZES, 1), (0.25, SIZES, 1), (0.25, LONG, 5), (0.1, LONG, 1)],
)
def test_wrong_exponents_are_refuted(side, off, sizes, largest):
    rng, seen = np.random.default_rng(3), Counter()
    for _ in range(30):
        distance = law(-1, rng.uniform(-largest, largest, 2))
        seen[judged(distance, claimed=-1 + side * off, sizes=sizes).outcome] += 1
    assert seen[Outcome.REFUTED] >= 27
    assert (
        judged(law(-1, (1, 1)), claimed=-1 - off, sizes=sizes, sign="<=").outcome is Outcome.REFUTED
    )


@pytest.mark.parametrize("replicates", [1, 60])
@pytest.mark.parametrize("kink", [0.0, 1.0])
@pytest.mark.parametrize(
    ("power", "sign", "outcome"),
    [
        (-0.5, "=", Outcome.HOLDS),
        (-0.5, "<=", Outcome.HOLDS),
        (-0.5, "<", Outcome.REFUTED),
        (-1.0, "=", Outcome.REFUTED),
        (-1.0, "<=", Outcome.HOLDS),
        (-1.0, "<", Outcome.HOLDS),
        (0.0, "=", Outcome.REFUTED),
        (0.0, "<=", Outcome.REFUTED),
        (0.0, "<", Outcome.REFUTED),
    ],
)
def test_fit_tells_orders_apart(power, sign, outcome, kink, replicates):
    noise = np.random.default_rng(0).standard_normal
    scatter = 0.05 if replicates > 1 else 0.0
    plain = law(power, (kink,))
    verdict = judged(
        lambda d: plain(d) * math.exp(scatter * noise()),
        claimed=-0.5,
        sign=sign,
        replicates=replicates,
    )
    assert verdict.outcome is outcome, verdict


def test_what_would_have_been_seen_is_said_and_is_so():
    verdict = judged(law(-1, (1, -1)), claimed=-1)
    effect, constant = (
        verdict.context[key]
        for key in ("detectable effect", "a part of the distance that does not fall is seen from")
    )
    for side in (1, -1):
        assert (
            judged(law(-1, (1, -1)), claimed=-1 + side * 1.01 * effect).outcome is Outcome.REFUTED
        )
    plain = law(-1, (1, -1))
    assert (
        judged(lambda d: math.hypot(plain(d), 1.2 * constant), claimed=-1).outcome
        is Outcome.REFUTED
    )
    assert (
        judged(lambda d: math.hypot(plain(d), constant / 2), claimed=-1).outcome
        is not Outcome.REFUTED
    )


# -- chance and drift are kept apart ---------------------------------------------------------------


def test_nothing_random_has_no_false_alarm_probability():
    verdict = judged(law(-1, (1, 1)), claimed=-1)
    assert "false-alarm probability" not in verdict.context
    assert "chance 0," in verdict.context["of the interval"]
    assert TendsTo(rate=lambda _: 1.0, random=False).alarm is None
    assert "false-alarm probability" in judged(law(-1, (1, 1)), claimed=-1, replicates=2).context


def test_one_replicate_of_something_random_is_refused():
    with pytest.raises(InputError, match="at least 2 replicates at each of the sizes"):
        judged(law(-1, (1, 1)), claimed=-1, random=True)


@pytest.mark.slow
def test_chance_alone_refutes_no_more_often_than_it_says():
    """At a level of 0.05 in place of 1e-9, the guards against drift switched off by noise: 300 null
    paths.
    """
    rng, refuted, runs = np.random.default_rng(4), 0, 200
    none = Corrections(ladders=(), logs=0.0)
    for _ in range(runs):
        verdict = judged(
            lambda d: d**-0.5 * math.exp(0.3 * rng.standard_normal()),
            claimed=-0.5,
            replicates=12,
            alarm=0.05,
            corrections=none,
        )
        refuted += verdict.outcome is Outcome.REFUTED
    assert refuted <= 25  # binomial(200, 0.05) exceeds this with probability 1e-5
    assert refuted >= 1


def test_fit_says_when_it_cannot_tell():
    noise = np.random.default_rng(0).standard_normal
    verdict = judged(lambda d: d**-0.5 * math.exp(noise()), claimed=-0.5, replicates=3)
    assert verdict.outcome is Outcome.UNDECIDED
    assert "Take more replicates" in verdict.context["reason"]
    small = judged(law(-1, (1, 1)), claimed=-1, sizes=(2, 4, 8, 16, 32))
    assert small.outcome is Outcome.UNDECIDED
    assert "Take larger sizes" in small.context["reason"]


def test_fit_counts_zero_distances_as_agreement_and_infinite_ones_as_none():
    class Line:
        path: ClassVar = {d: [d] for d in (1, 2, 4, 8, 16)}

    def relation(value, error=0.0):
        return TendsTo(
            rate=lambda _: 1.0, distance=lambda *_: {"": Measured(value, error)}, random=False
        )

    same = (lambda d: d, lambda d: d, Line())
    assert relation(0.0).judge(*same).outcome is Outcome.HOLDS
    assert relation(1e-16, 1e-15).judge(*same).outcome is Outcome.HOLDS
    assert relation(1e-15, 0.9e-15).judge(*same).outcome is Outcome.UNDECIDED
    assert relation(0.5, 2.0).judge(*same).outcome is Outcome.UNDECIDED, (
        "an error above the claimed order hides anything"
    )
    assert relation(math.inf).judge(*same).outcome is Outcome.REFUTED


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("at least 5 sizes", {"sizes": (16, 32)}),
        ("increasing sizes above 0", {"sizes": (16, 32, 64, 128, 96)}),
        ("false-alarm probability", {"random": True, "alarm": 2.0}),
        ("window=1", {"window": 1}),
    ],
)
def test_bad_paths_and_options_say_what_is_wrong(message, options):
    with pytest.raises(InputError, match=message):
        judged(law(-1, ()), claimed=-1, **options)


def test_bad_classes_say_what_is_wrong():
    with pytest.raises(InputError, match="fall with the size"):
        Corrections(ladders=((0.0, 1.0),))
    with pytest.raises(InputError, match="largest=-1"):
        Corrections(largest=-1)
