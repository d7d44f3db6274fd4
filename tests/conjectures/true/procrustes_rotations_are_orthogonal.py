"""A measured polar factor is orthogonal up to its rounding."""

from impl import Operand, WeightStep
from impl.numbers.inverses import eye_like
from impl.strategies.grams import weight_steps
from theorems import equals


def observed(step: WeightStep) -> Operand:
    return step.rotation @ step.rotation.mT


@equals(observed=observed, on=weight_steps)
def procrustes_rotations_are_orthogonal(step: WeightStep) -> Operand:
    """QQᵀ = I."""
    return eye_like(step.rotation @ step.rotation.mT)
