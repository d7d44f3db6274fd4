"""½ d/dt(‖Φ‖² − ‖A‖²) = −λ(‖Φ‖² − ‖A‖²) at equal decays and rates."""

from impl import CoupledPoint, Operand
from impl.strategies import flows
from theorems import equals


@equals(
    observed=lambda it: (
        (it.features * it.features_velocity).sum() - (it.readout * it.readout_velocity).sum()
    ),
    on=flows.coupled_points,
)
def norms_come_together(it: CoupledPoint) -> Operand:
    """½ d/dt(‖Φ‖² − ‖A‖²) = −λ(‖Φ‖² − ‖A‖²) at equal decays and rates."""
    return -it.ridge * ((it.features**2).sum() - (it.readout**2).sum())
