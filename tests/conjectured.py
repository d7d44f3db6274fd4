"""Conjectures made on the spot."""

from impl import LayerTrace, Operand
from theorems import equals

UNBIASED = {"layers without a bias": lambda layer: layer.bias is None}


def stated(observed, predicted, subject, make=equals, **options):
    def conjecture(instance) -> Operand:
        """A conjecture."""
        return predicted(instance)

    conjecture.__annotations__ = {"instance": subject, "return": Operand}
    return make(observed=observed, **{"mutants": {}, **options})(conjecture)


def gains_agree(**options):
    return stated(
        lambda layer: (layer.outputs * layer.output_grad).sum((-2, -1)),
        lambda layer: (layer.weight * layer.weight_grad).sum((-2, -1)),
        LayerTrace,
        **options,
    )
