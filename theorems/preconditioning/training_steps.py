"""The relation that reports how far a Gram-only run drifts from the real one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from theorems.claim import Claim
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball
from theorems.impl.preconditioning.first_layer import PreconditionedSteps
from theorems.impl.preconditioning.step_errors import LARGEST
from theorems.relations import Comparison, Finding, Side


def rounds_nowhere(steps: PreconditionedSteps) -> bool:
    """Whether the recorded steps run on exact numbers or on symbols, or on whole ones below 2^50
    throughout: then a run without X meets the same numbers.
    """
    if is_exact(steps.weight) or hasattr(steps.weight, "fresh"):
        return True
    fields = (
        "inputs",
        "weight",
        "weight_after",
        "preconditioner",
        "before",
        "after",
        "seen_grad",
        "rate",
        "decay",
    )
    x, w, after, p, *others, eta, decay = (_numbers(getattr(steps, name)) for name in fields)
    delta, kept = others[2], 1 + (eta * decay)[..., None, None]
    sums = [x @ w.mT, x @ after.mT, w * kept + (delta.mT @ x) @ p * eta[..., None, None]]
    sums += [others[0] * kept + (x @ p @ x.mT) @ delta * eta[..., None, None]]
    whole = all(
        bool((value == value.round()).all()) for value in (x, w, after, p, *others, eta, decay)
    )
    same = bool((_center(steps.output_grad) == _center(steps.seen_grad)).all())
    return whole and same and all(bool((value < LARGEST).all()) for value in sums)


def _center(value: Operand) -> Tensor:
    numbers: Tensor = value.center if isinstance(value, Ball) else value
    return numbers.double()


def _numbers(value: Operand) -> Tensor:
    return _center(value).abs()


@dataclass(frozen=True)
class PathComparison(Comparison):
    """A comparison step by step that also tells how far a run without the inputs is from the real
    one at the end.
    """

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Compare as `Comparison` does; add the drift to what the reader is told."""
        found = super().judge(observe, predict, instance)
        assert isinstance(instance, PreconditionedSteps)
        label = f"drift of a Gram-only run after these {instance.rate.shape[0]} steps"
        return replace(found, context={**found.context, label: instance.drift})


def reports_drift(claim: Claim) -> Claim:
    """The claim with the end-to-end drift of a Gram-only run in the context of its verdicts."""
    assert isinstance(claim.relation, Comparison)
    return replace(claim, relation=PathComparison(claim.relation.sign, claim.relation.signs))
