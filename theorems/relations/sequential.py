"""Tests that may be looked at any time: the replicates of a claim in law arrive in batches, and the
capital of bets against it is watched.

`Sequential` is the relation: it draws batch after batch from fresh seeds, refutes once the capital
reaches 1/alarm, and stops there. `open_ended` does the same to several instances in turn for as
long as there is time. Why the level holds at every stopping time is in `theorems.relations.wagers`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from theorems.impl.errors import InputError, require
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.rounded import UNIT
from theorems.relations import Finding, Side
from theorems.relations.laws import ALARM, MeanLaw, as_array, named
from theorems.relations.tails import Array, detectable
from theorems.relations.wagers import SIZES, log_factors
from theorems.verdict import Grade, Outcome

_SIDES = {"=": (1, -1), "<=": (1,), ">=": (-1,), ">": (-1,)}


def reseeded(instance: Instance, batch: int) -> Any:
    """The instance with the seed of its ``batch``-th batch of replicates: independent of those of
    all other batches.

    Raises:
        InputError: if the instance has no seed to replace.
    """
    seed = getattr(instance, "seed", None)
    if not isinstance(seed, int):
        kind = type(instance).__name__
        raise InputError(
            f"expected a {kind} with an integer field seed, from which observed= draws its "
            f"replicates, got seed={seed!r}"
        )
    fresh = np.random.SeedSequence([abs(seed), batch]).generate_state(1, np.uint64)[0] >> np.uint64(
        2
    )
    return replace(instance, seed=int(fresh))  # type: ignore[call-arg]


class Capital:
    """What bets against one prediction on one instance have made of one: an e-process.

    Args:
        law: what is known of the replicates.
        predicted: their mean, by part.
        instance: from which the constants of the law are read.
    """

    def __init__(self, law: MeanLaw, predicted: dict[str, Array], instance: Instance) -> None:
        """Start with a capital of one, spread evenly over entries, sides and sizes of bets."""
        self.law, self.predicted, self.instance = law, predicted, instance
        sides = _SIDES[law.sign]
        self.logs = {
            (part, side): np.zeros((len(SIZES), *mean.shape))
            for part, mean in predicted.items()
            for side in sides
        }
        self.squares = {part: np.full(mean.shape, math.nan) for part, mean in predicted.items()}
        self.sums = {part: np.zeros(mean.shape) for part, mean in predicted.items()}
        self.replicates = 0

    def bet(self, observed: dict[str, Array]) -> None:
        """Take in one batch of replicates, (R, …) by part."""
        count = len(next(iter(observed.values())))
        for part, sample in observed.items():
            mean, seen = self.predicted[part], self.squares[part]
            slack = 4 * UNIT * (np.abs(sample).max(0) + np.abs(mean))
            for side in _SIDES[self.law.sign]:
                moved = mean + side * slack
                self.logs[part, side] = self.logs[part, side] + log_factors(
                    self.law, sample, moved, side, seen, self.instance
                )
            fresh = ((sample - mean) ** 2).mean(0)
            total = self.replicates + count
            self.squares[part] = np.where(
                np.isnan(seen), fresh, (seen * self.replicates + fresh * count) / total
            )
            self.sums[part] = self.sums[part] + sample.sum(0)
        self.replicates += count

    @property
    def log(self) -> float:
        """Logarithm of the capital."""
        from scipy.special import logsumexp

        flat = np.concatenate([values.reshape(-1) for values in self.logs.values()])
        return (
            math.nan if bool(np.isnan(flat).any()) else float(logsumexp(flat) - math.log(flat.size))
        )

    def reach(self, part: str, entry: tuple[int, ...], log: float) -> float:
        """Half the shift of a mean at which bets of the best size are expected to reach e^log by
        now: √(2v(log + ln #bets)/R).
        """
        bets = sum(values.size for values in self.logs.values())
        variance = float(self.squares[part][entry])
        return math.sqrt(2 * variance * (log + math.log(bets)) / max(self.replicates, 1))

    def worst(self) -> tuple[str, tuple[int, ...]]:
        """The part and entry against which the bets did best."""
        best = {key: values.max(0) for key, values in self.logs.items()}
        part, side = max(best, key=lambda key: float(best[key].max()))
        values = best[part, side]
        return part, tuple(int(i) for i in np.unravel_index(int(values.argmax()), values.shape))


@dataclass(frozen=True, kw_only=True)
class Sequential:
    """A law of the mean, tested in batches with fresh seeds until it is refuted or they are used
    up; looking costs nothing.

    Args:
        law: of the replicates; its own `alarm` and fixed-size test are not used.
        alarm: probability with which a true claim is ever REFUTED.
        batches: after how many it HOLDS.
    """

    law: MeanLaw
    alarm: float = ALARM
    batches: int = 32

    def __post_init__(self) -> None:
        """Refuse what is no probability, no law, or no batch."""
        require(
            0 < self.alarm < 1,
            f"expected a false-alarm probability in (0, 1), got alarm={self.alarm}",
        )
        require(self.batches >= 1, f"expected at least one batch, got batches={self.batches}")
        require(
            isinstance(self.law, MeanLaw),
            f"expected a law of the mean (NormalMean …), got {type(self.law).__name__}",
        )

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Bet on batch after batch; ``measured`` is the logarithm of the capital, ``bound`` that of
        1/alarm.
        """
        capital = started(self.law, predict, instance)
        for batch in range(self.batches):
            step(capital, observe, instance, batch)
            if not capital.log < math.log(1 / self.alarm):
                break
        return finding(capital, self.alarm)


def started(law: MeanLaw, predict: Side, instance: Instance) -> Capital:
    """A capital of one against the prediction."""
    return Capital(
        law, {part: as_array(mean) for part, mean in named(predict(instance)).items()}, instance
    )


def step(capital: Capital, observe: Side, instance: Instance, batch: int) -> None:
    """Draw one batch and bet on it.

    Raises:
        InputError: if its parts or shapes are not those of the prediction.
    """
    observed = {
        part: as_array(sample) for part, sample in named(observe(reseeded(instance, batch))).items()
    }
    wanted = {part: mean.shape for part, mean in capital.predicted.items()}
    got = {part: sample.shape[1:] for part, sample in observed.items()}
    require(
        got == wanted,
        f"expected replicates of the predicted shapes {wanted}, got {got} per replicate",
    )
    capital.bet(observed)


def finding(capital: Capital, alarm: float) -> Finding:
    """REFUTED if the capital has reached 1/alarm, UNDECIDED if it is no number, else HOLDS so
    far.
    """
    log, bound = capital.log, math.log(1 / alarm)
    part, entry = capital.worst()
    outcome = (
        Outcome.UNDECIDED if math.isnan(log) else Outcome.REFUTED if log >= bound else Outcome.HOLDS
    )
    context = ({"part": part} if part else {}) | {
        "entry": entry,
        "mean": float((capital.sums[part] / capital.replicates)[entry]),
        "predicted": float(capital.predicted[part][entry]),
        "replicates": capital.replicates,
        "detectable effect": "about "
        + detectable(capital.reach(part, entry, bound), float(capital.predicted[part][entry])),
        "test": "logarithm of the capital of bets against the claim, to be below log(1/alarm) at "
        "all times",
        "false-alarm probability": alarm,
    }
    return Finding(outcome, Grade.STATISTICAL, log, bound, context)
