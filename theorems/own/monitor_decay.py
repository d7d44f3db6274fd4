"""The decay bound of kernel rank along a training: which λ acts on which weight, and what the rank
claim says of it at each step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from theorems.impl.kernel_flows.decayed import decayed_traces
from theorems.impl.networks.layers import LayerTrace, Traces
from theorems.impl.networks.row_plans import LayerRows
from theorems.impl.networks.row_samples import Samples
from theorems.own.places import Subject

LARGEST = 1024
"""Rows or columns of a weight up to which it is decomposed."""


class Decays:
    """Weight decay λ of each layer: what was said of the network, else what the optimisers that
    train it say.

    Args:
        model: the network.
        given: λ of every layer; None to read it off the optimisers, parameter by parameter, when
            they step.
    """

    def __init__(self, model: nn.Module, given: float | None) -> None:
        """Know nothing of optimisers yet."""
        self._model, self._given = model, given
        self._of: dict[int, float] = {}

    def learn(self, optimiser: torch.optim.Optimizer) -> None:
        """Read the ``weight_decay`` of every parameter; a scheduler may have changed it."""
        for group in optimiser.param_groups:
            self._of |= {
                id(parameter): float(group.get("weight_decay", 0.0))
                for parameter in group["params"]
            }

    @property
    def known(self) -> bool:
        """Whether λ is known, if only to be zero."""
        return self._given is not None or bool(self._of)

    @property
    def absent(self) -> bool:
        """Whether it is known that nothing decays."""
        return self.known and not (self._given or any(self._of.values()))

    def of(self, layer: str) -> float | None:
        """The positive λ of a layer's weight; None if there is none."""
        weight = dict(self._model.named_modules())[layer]._parameters.get("weight")  # noqa: SLF001
        found = self._given if self._given is not None else self._of.get(id(weight))
        return found or None


@dataclass(frozen=True)
class Decayed:
    """A weight of which the outputs are a linear function, and on which alone its decay acts.

    Args:
        weight: W, (d_out, d_in).
        gradient: ∇_Wℓ of the loss without the decay term, of the same shape.
        classes: C, the number of outputs.
    """

    weight: Tensor
    gradient: Tensor
    classes: int

    def bound(self, decay: float) -> tuple[float, float]:
        r"""σ_{C+1}(W) and what bounds it at every point, ‖∇_W J‖₂/λ with J = ℓ + (λ/2)‖W‖²
        (`kernel_rank_at_most_classes`).

        A matrix with at most C rows or columns has σ_{C+1} = 0. Argument: λ > 0.
        """
        values = torch.linalg.svdvals(self.weight)
        tail = float(values[self.classes]) if self.classes < len(values) else 0.0
        return tail, float(torch.linalg.matrix_norm(self.gradient + decay * self.weight, 2)) / decay


def decayed(subject: Subject, seen: Samples) -> dict[str, Decayed]:
    """The layers of which the outputs are a linear function and on whose weight alone decay acts,
    but for very large ones.
    """
    layers = {
        name: LayerTrace(
            layer.weight,
            layer.inputs,
            layer.weight_grad,
            _sent_back(layer),
            layer.output_grad,
            layer.outputs,
            name=name,
        )
        for name, layer in seen.linked.items()
    }
    if not layers:
        return {}
    points = decayed_traces(
        subject.model,
        Traces(layers, {}),
        seen.outputs,
        subject.loss,
        targets=subject.targets,
        decay=1.0,
    )
    return {
        name: Decayed(
            layers[name].weight.double(), layers[name].weight_grad.double(), point.classes
        )
        for name, point in points.items()
        if not point.gap and min(layers[name].weight.shape) <= LARGEST
    }


def _sent_back(layer: LayerRows) -> Tensor:
    """∇_H L; of a convolution, which reads patches, the one that its rows would send back."""
    return layer.output_grad @ layer.weight if layer.input_grad is None else layer.input_grad
