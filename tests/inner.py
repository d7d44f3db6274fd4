"""Claims that take no time to check."""

import dataclasses

import torch
from hypothesis import strategies as st

from impl import trace
from impl.generic.families import LAYERS
from theorems import feature_learning_equation, function_space, gram_flow


def quick(claim, instance=None, **changes):
    """The claim over one instance; over the layer below, it also speaks of generic layers."""
    if instance is None:
        changes = {"generic": LAYERS, **changes}
    return dataclasses.replace(
        claim, instances=lambda: st.just(LAYER if instance is None else instance), **changes
    )


def _layer():
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2).double()
    inputs = torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], dtype=torch.float64)
    return trace(model, inputs, torch.tensor([0, 1, 1]), torch.nn.functional.cross_entropy)[
        "Linear"
    ]


LAYER = _layer()
HOLDS, OTHER = quick(gram_flow), quick(feature_learning_equation)
WRONG = quick(
    feature_learning_equation,
    predict=lambda layer: feature_learning_equation.predict(layer) * 2,
    changes={},
)
AS_STATED = function_space.spiked_covariance_series_as_stated
