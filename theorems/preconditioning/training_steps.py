"""The relation that reports how far a Gram-only run drifts from the real one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from impl.first_layer import PreconditionedSteps
from impl.operands import Instance
from theorems.claim import Claim
from theorems.relations import Comparison, Finding, Side


@dataclass(frozen=True)
class PathComparison(Comparison):
    """A comparison step by step that also tells how far a run without the inputs is from the real one at the end."""

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
