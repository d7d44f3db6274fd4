"""L(θ_{t+1}) ≤ L(θ_t) under plain descent of any rate."""

from impl import Operand, TrainingRun, strategies
from theorems import at_most


def observed(it: TrainingRun) -> Operand:
    return it.losses[1:]


@at_most(observed=observed, on=strategies.training_runs("sgd"))
def descent_never_climbs(it: TrainingRun) -> Operand:
    """L(θ_{t+1}) ≤ L(θ_t) under plain descent of any rate."""
    return it.losses[:-1]
