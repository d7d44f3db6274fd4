"""θ_T = θ₀ − η Σ_t g_t under plain descent."""

from impl import Operand, TrainingRun, strategies
from theorems import equals


def observed(it: TrainingRun) -> Operand:
    return it.parameters[-1]


@equals(observed=observed, on=strategies.training_runs("sgd"))
def descent_adds_up(it: TrainingRun) -> Operand:
    """θ_T = θ₀ − η Σ_t g_t under plain descent."""
    return it.parameters[0] - it.rate * it.gradients.sum(-2)
