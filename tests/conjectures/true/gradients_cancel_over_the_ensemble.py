"""Σ over an ensemble of readouts of mean zero of the gradients of the linearised loss is zero."""

from impl import Operand, ReadoutEnsemble
from impl.strategies import alignment
from theorems import equals


@equals(observed=lambda it: it.weight_grads.sum(0), on=alignment.readout_ensembles)
def gradients_cancel_over_the_ensemble(it: ReadoutEnsemble) -> Operand:
    """Σ over an ensemble of readouts of mean zero of the gradients of the linearised loss is
    zero.
    """
    return it.weight * 0
