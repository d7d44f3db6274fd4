"""‖θ_T − θ₀‖² ≤ η² T Σ_t ‖g_t‖² under plain descent."""

from impl import Operand, TrainingRun, strategies
from theorems import at_most


def observed(it: TrainingRun) -> Operand:
    return ((it.parameters[-1] - it.parameters[0]) ** 2).sum()


@at_most(observed=observed, on=strategies.training_runs("sgd"))
def descent_does_not_go_far(it: TrainingRun) -> Operand:
    """‖θ_T − θ₀‖² ≤ η² T Σ_t ‖g_t‖² under plain descent."""
    return it.rate**2 * it.steps * (it.gradients**2).sum()
