r"""Relations in law: an observation that is random agrees with its prediction as a *test with a
stated error probability*.

The observed side draws its own independent replicates from the instance's seed, (R, …) with the
replicates in front; the predicted side is what they must obey: their exact mean (…), or their
distribution. Each relation is one fixed-size test whose level is proved for every R under the
condition that its name states, never an asymptotic one; ``alarm`` is the probability that a true
statement is called REFUTED (or, for ``>``, a false one HOLDS), split evenly over parts and entries
(Bonferroni).

>>> @in_law(VarianceBounded(variance=lambda i: i.scale**2), observed=lambda i: i.draw(2_000), on=spans,
...         source=Source("2605.06258", "..."), mutants={"twice": lambda i: 2 * i.mean})     #
doctest: +SKIP ... def mean_of_the_span(instance: Span) -> Operand: ...     '''Statement ...''' ...
return instance.mean

Which one? `NormalMean` if the replicates are exactly Gaussian, `BoundedMean` if they lie in a known
interval, `Proportion` if they are 0 or 1, `SubGammaMean` if their tails are known (Gaussian chaos),
`VarianceBounded` if nothing but their variance is, `Distributed` for a whole distribution;
`theorems.relations.sequential.Sequential` watches the first five for as long as one likes.
``measured`` is the statistic and ``bound`` its critical value, in units of the observation.
"""  # noqa: E501

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.rounded import UNIT
from theorems.relations import Finding, Side, Sign, tails
from theorems.relations.tails import Array, Test
from theorems.verdict import Grade, Outcome

ALARM = 1e-9
"""The false-alarm probability of one verdict unless a claim asks for a smaller one."""

Given: TypeAlias = "float | Callable[[Any], Any]"
"""A number, or a function of the instance that gives one per entry (or one for all)."""


@dataclass(frozen=True, kw_only=True)
class _Tested:
    """A relation that is tested on replicates, with a false-alarm probability."""

    alarm: float = ALARM

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        require(
            0 < self.alarm < 1,
            f"expected a false-alarm probability in (0, 1), got alarm={self.alarm}",
        )

    def _sides(
        self, observe: Side, predict: Side, instance: Instance
    ) -> tuple[dict[str, Array], Mapping[str, Any]]:
        """The replicates, drawn once, and the prediction, by part."""
        observed, predicted = named(observe(instance)), named(predict(instance))
        require(
            set(observed) == set(predicted),
            f"expected the parts {sorted(observed)} on both sides, got {sorted(predicted)} "
            "predicted",
        )
        return {part: as_array(sample) for part, sample in observed.items()}, predicted


@dataclass(frozen=True, kw_only=True)
class MeanLaw(_Tested):
    """The mean of independent, identically distributed replicates is (at most, above …) what is
    predicted.

    Args:
        alarm: false-alarm probability of the verdict.
        sign: how the true mean relates to the prediction; ``>`` HOLDS only if proved at level
            ``alarm``.
        resolution: largest critical value that still counts as a test; above it the verdict is
            UNDECIDED, not HOLDS.
    """

    sign: Sign = "="
    resolution: Given = math.inf

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Draw the replicates once and test every entry of every part; the worst entry answers."""
        samples, predicted = self._sides(observe, predict, instance)
        tests = sum(sample[0].size for sample in samples.values()) * (2 if self.sign == "=" else 1)
        found = [
            self._part(part, samples[part], as_array(predicted[part]), tests, instance)
            for part in samples
        ]
        return max(found, key=_severity)

    def _part(
        self, part: str, sample: Array, mean: Array, tests: int, instance: Instance
    ) -> Finding:
        label = {"part": part} if part else {}
        if sample.shape[1:] != mean.shape:
            shapes = f"predicted {mean.shape}, observed {sample.shape[1:]} per replicate"
            return Finding(Outcome.REFUTED, Grade.EXACT, math.inf, 0.0, label | {"shapes": shapes})
        log = math.log(tests / self.alarm)  # each one-sided test has level alarm/tests = e^−log
        gap, bound = self.test(sample, mean, log, instance)
        # what rounding alone can do to the mean of R numbers: a law that is no law at all (variance
        # zero) needs it
        bound = bound + 2 * (len(sample) + 2) * UNIT * (np.abs(sample).mean(0) + np.abs(mean))
        residual = {"=": np.abs(gap), "<=": gap, ">=": -gap, ">": -gap}[self.sign]
        limit = given(self.resolution, instance)
        index = _worst(residual, bound, strict=self.sign == ">")
        outcome = self._decide(float(residual[index]), float(bound[index]))
        if outcome is Outcome.HOLDS and bool((bound > limit).any()):
            outcome = Outcome.UNDECIDED
        context = label | {
            "entry": index,
            "mean": float(sample.mean(0)[index]),
            "predicted": float(mean[index]),
            "replicates": len(sample),
            "detectable effect": tails.detectable(float(bound[index]), float(mean[index])),
            "false-alarm probability": self.alarm,
        }
        return Finding(
            outcome, Grade.STATISTICAL, float(residual[index]), float(bound[index]), context
        )

    def _decide(self, residual: float, bound: float) -> Outcome:
        if math.isnan(residual) or not math.isfinite(bound):
            return Outcome.UNDECIDED
        if self.sign != ">":
            return Outcome.HOLDS if residual <= bound else Outcome.REFUTED
        if residual < -bound:
            return Outcome.HOLDS
        return Outcome.REFUTED if residual > bound else Outcome.UNDECIDED

    def test(self, sample: Array, mean: Array, log: float, instance: Instance) -> Test:
        """Signed statistic and critical value of a one-sided test at level e^−log."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class NormalMean(MeanLaw):
    """Gaussian replicates of unknown variance: Student's t, exact at every R ≥ 2."""

    def test(self, sample: Array, mean: Array, log: float, instance: Instance) -> Test:  # noqa: ARG002
        """`theorems.relations.tails.student`."""
        return tails.student(sample, mean, log)


@dataclass(frozen=True, kw_only=True)
class BoundedMean(MeanLaw):
    """Replicates in a known interval, any distribution: the empirical Bernstein bound.

    Args:
        low: lower end.
        high: upper end.
    """

    low: Given
    high: Given

    def test(self, sample: Array, mean: Array, log: float, instance: Instance) -> Test:
        """`theorems.relations.tails.empirical_bernstein`."""
        low, high = given(self.low, instance), given(self.high, instance)
        return tails.empirical_bernstein(sample, mean, log, low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Proportion(MeanLaw):
    """Replicates that are 0 or 1: Clopper and Pearson, exact binomial tails."""

    def test(self, sample: Array, mean: Array, log: float, instance: Instance) -> Test:  # noqa: ARG002
        """`theorems.relations.tails.clopper_pearson`."""
        return tails.clopper_pearson(sample, mean, log)


@dataclass(frozen=True, kw_only=True)
class SubGammaMean(MeanLaw):
    """Replicates with log E exp(t(x − μ)) ≤ t²v/(2(1 − c|t|)): Bernstein's bound.

    A quadratic form Σ a_i(ξ_i² − 1) of independent standard Gaussian ξ has v = 2‖a‖₂² and c =
    2‖a‖_∞.

    Args:
        variance: v.
        scale: c.
    """

    variance: Given
    scale: Given

    def test(self, sample: Array, mean: Array, log: float, instance: Instance) -> Test:
        """`theorems.relations.tails.bernstein`."""
        v, c = given(self.variance, instance), given(self.scale, instance)
        return tails.bernstein(sample, mean, log, variance=v, scale=c)


@dataclass(frozen=True, kw_only=True)
class VarianceBounded(MeanLaw):
    """Replicates of which only an upper bound on the variance is known, however heavy their tails:
    Catoni's test.

    Args:
        variance: the bound.
    """

    variance: Given

    def test(self, sample: Array, mean: Array, log: float, instance: Instance) -> Test:
        """`theorems.relations.tails.catoni`."""
        return tails.catoni(sample, mean, log, variance=given(self.variance, instance))


@dataclass(frozen=True, kw_only=True)
class Distributed(_Tested):
    """The replicates follow the predicted distribution: Kolmogorov and Smirnov, exact.

    The prediction is a distribution (anything with a vectorised ``cdf``, such as those of
    ``scipy.stats``), or a sample from it. Against a ``cdf`` the critical value is that of the exact
    null distribution (conservative where the cdf jumps); between two samples it is the sum of two
    Dvoretzky–Kiefer–Wolfowitz radii with Massart's constant. Columns of (R, k) replicates are k
    variables, one law.

    Args:
        alarm: false-alarm probability of the verdict.
        resolution: largest critical value that still counts as a test (no two laws are further
            apart than 1).
    """

    resolution: float = 0.5

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Draw the replicates once and test every column of every part."""
        samples, predicted = self._sides(observe, predict, instance)
        columns = {part: sample.reshape(len(sample), -1) for part, sample in samples.items()}
        level = self.alarm / sum(values.shape[1] for values in columns.values())
        found = [
            self._column(part, j, values[:, j], predicted[part], level)
            for part, values in columns.items()
            for j in range(values.shape[1])
        ]
        return max(found, key=_severity)

    def _column(self, part: str, column: int, sample: Array, law: Any, level: float) -> Finding:
        from scipy import stats

        count = len(sample)
        if hasattr(law, "cdf"):
            statistic, bound = tails.largest_gap(sample, law.cdf), tails.kolmogorov(count, level)
            detectable = bound + tails.massart(count, level)
        else:
            other = as_array(law).reshape(len(law), -1)[:, column]
            statistic = float(stats.ks_2samp(sample, other, method="asymp").statistic)
            bound = tails.massart(count, level / 2) + tails.massart(len(other), level / 2)
            detectable = 2 * bound
        outcome = Outcome.HOLDS if statistic <= bound else Outcome.REFUTED
        if math.isnan(statistic) or (outcome is Outcome.HOLDS and not bound <= self.resolution):
            outcome = Outcome.UNDECIDED
        context: dict[str, Any] = {
            **({"part": part} if part else {}),
            "column": column,
            "replicates": count,
        }
        # a law further away than this is within a Dvoretzky–Kiefer–Wolfowitz radius of the sample
        # with the same probability
        context |= {"detectable effect": detectable, "false-alarm probability": self.alarm}
        return Finding(outcome, Grade.STATISTICAL, statistic, bound, context)


def drawn_once(observe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Keep the replicates of an instance while it lives: its mutants are judged on the same ones,
    at the price of one draw.
    """
    kept: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def remembered(instance: Any) -> Any:
        if instance not in kept:
            kept[instance] = observe(instance)
        return kept[instance]

    remembered.__doc__ = observe.__doc__
    return remembered


_SEVERITY = (Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)


def _severity(found: Finding) -> tuple[int, float]:
    ratio = (
        found.measured / found.bound
        if found.bound > 0
        else (math.inf if found.measured > 0 else 0.0)
    )
    return _SEVERITY.index(found.outcome), ratio


def _worst(residual: Array, bound: Array, *, strict: bool) -> tuple[int, ...]:
    """Index of the entry nearest to refutation (for ``>``, furthest from proof); NaN first."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(bound > 0, residual / bound, np.where(residual > 0, math.inf, 0.0))
    score = np.where(
        np.isnan(residual) | ~np.isfinite(bound), math.inf, residual + bound if strict else ratio
    )
    return tuple(int(i) for i in np.unravel_index(int(score.argmax()), score.shape))


def named(side: Any) -> Mapping[str, Any]:
    """The parts of a side by name; "" if it has none."""
    return side if isinstance(side, Mapping) else {"": side}


def as_array(value: Any) -> Array:
    """A float64 array of whatever numbers came."""
    if isinstance(value, Tensor):
        value = value.detach().to(torch.float64).cpu().numpy()
    return np.asarray(value, dtype=np.float64)


def given(value: Given, instance: Instance) -> Array:
    """The number, or what the function of the instance gives."""
    return as_array(value(instance) if callable(value) else value)
