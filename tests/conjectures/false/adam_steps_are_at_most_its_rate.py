"""|θ_{t+1} − θ_t| ≤ 0.99 η under Adam: the first step has η."""

from impl import Operand, TrainingRun, strategies
from theorems import at_most


def observed(it: TrainingRun) -> Operand:
    return (it.parameters[1:] - it.parameters[:-1]).abs()


@at_most(observed=observed, on=strategies.training_runs("adam"))
def adam_steps_are_at_most_its_rate(it: TrainingRun) -> Operand:
    """|θ_{t+1} − θ_t| ≤ 0.99 η under Adam: the first step has η."""
    return 0.99 * it.rate + it.gradients * 0
