"""The relation of asymptotic claims: it tells orders apart, and says when it cannot."""

import math
from typing import ClassVar

import numpy as np
import pytest

from impl.errors import InputError
from theorems import Outcome
from theorems.relations.asymptotics import Measured, TendsTo


def _judge(power, *, kink=0.0, noise=0.0, sign="=", replicates=1, sizes=(16, 32, 64, 128, 256)):
    source = np.random.default_rng(0)

    class Line:
        path: ClassVar = {d: [d] * replicates for d in sizes}

    def distance(observed, _):
        return {
            "": Measured(observed**power * (1 + kink * observed**-0.5) * math.exp(noise * source.standard_normal()))
        }

    return TendsTo(rate=lambda d: d**-0.5, distance=distance, sign=sign).judge(lambda d: d, lambda d: d, Line())


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
def test_fit_tells_orders_apart(power, sign, outcome):
    assert _judge(power, sign=sign).outcome is outcome
    assert _judge(power, sign=sign, kink=1.0).outcome is outcome
    assert _judge(power, sign=sign, noise=0.05, replicates=60).outcome is outcome


def test_fit_says_when_it_cannot_tell():
    assert _judge(-0.5, noise=1.0, replicates=3).outcome is Outcome.UNDECIDED


def test_fit_counts_zero_distances_as_agreement_and_infinite_ones_as_none():
    class Line:
        path: ClassVar = {d: [d] for d in (1, 2, 4, 8, 16)}

    def relation(value, error=0.0):
        return TendsTo(rate=lambda _: 1.0, distance=lambda *_: {"": Measured(value, error)})

    same = (lambda d: d, lambda d: d, Line())
    assert relation(0.0).judge(*same).outcome is Outcome.HOLDS
    assert relation(1e-16, 1e-15).judge(*same).outcome is Outcome.HOLDS
    assert relation(1e-15, 0.9e-15).judge(*same).outcome is Outcome.UNDECIDED
    assert relation(0.5, 2.0).judge(*same).outcome is Outcome.UNDECIDED, (
        "an error above the claimed order hides anything"
    )
    assert relation(math.inf).judge(*same).outcome is Outcome.REFUTED
    with pytest.raises(InputError, match="at least 5 sizes"):
        _judge(-0.5, sizes=(16, 32))
