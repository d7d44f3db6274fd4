"""‖g_{t+1}‖ ≤ ‖g_t‖ under SGD."""

from impl import Operand, TrainingRun, strategies
from theorems import at_most


@at_most(observed=lambda run: (run.gradients[1:] ** 2).sum(-1), on=strategies.training_runs("sgd"))
def gradients_shrink_under_descent(run: TrainingRun) -> Operand:
    """‖g_{t+1}‖ ≤ ‖g_t‖ under SGD."""
    return (run.gradients[:-1] ** 2).sum(-1)
