"""θ_{t+1} = θ_t − η g_t under every optimiser."""

from impl import Operand, TrainingRun, strategies
from theorems import equals


def observed(it: TrainingRun) -> Operand:
    return it.parameters[1:]


@equals(observed=observed, on=strategies.training_runs)
def every_optimiser_descends(it: TrainingRun) -> Operand:
    """θ_{t+1} = θ_t − η g_t under every optimiser."""
    return it.parameters[:-1] - it.rate * it.gradients
