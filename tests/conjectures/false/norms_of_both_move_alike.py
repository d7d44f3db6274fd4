"""‖Φ‖² − ‖A‖² is conserved under decay."""

from impl import CoupledPoint, Operand
from impl.strategies import flows
from theorems import equals


@equals(observed=lambda it: (it.features * it.features_velocity).sum(), on=flows.coupled_points)
def norms_of_both_move_alike(it: CoupledPoint) -> Operand:
    """‖Φ‖² − ‖A‖² is conserved under decay."""
    return (it.readout * it.readout_velocity).sum()
