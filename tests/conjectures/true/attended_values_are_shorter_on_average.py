"""‖O_i‖² ≤ Σ_j A_ij ‖V_j‖², by Jensen."""

from impl import AttentionHead, Operand, strategies
from theorems import at_most


def observed(it: AttentionHead) -> Operand:
    return (it.outputs**2).sum(-1)


@at_most(
    observed=observed,
    on=strategies.attention_heads().filter(lambda head: head.values.shape[-1] > 1),
)
def attended_values_are_shorter_on_average(it: AttentionHead) -> Operand:
    """‖O_i‖² ≤ Σ_j A_ij ‖V_j‖², by Jensen."""
    return it.attention @ (it.values**2).sum(-1)
