"""`NetworkSpec`, a network in one line of small integers, and the torch module that it stands
for.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from theorems.impl.errors import require

Activation: TypeAlias = Literal["relu", "identity", "tanh", "gelu", "silu"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "identity": nn.Identity,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A fully connected network and its batch; ``repr`` reproduces both.

    Args:
        widths: (d_in, n_1, …, n_L): input dimension, then the L hidden widths; L = 0 is a linear
            map.
        activation: between the layers.
        bias: whether the layers have one.
        batch: number N of samples.
        classes: number C of outputs of the readout.
        scale: standard deviation of a weight times √fan-in, or the largest entry on the lattice.
        lattice: integers in −scale … scale instead of Gaussian numbers, so that float64 is exact.
        seed: of weights and data.

    Raises:
        InputError: if a size is below one or the activation is unknown.
    """

    widths: tuple[int, ...] = (3, 4)
    activation: Activation = "relu"
    bias: bool = False
    batch: int = 5
    classes: int = 2
    scale: float = 1.0
    lattice: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require(len(self.widths) >= 1, "expected widths=(d_in, n_1, …), got widths=()")
        for name, value in (
            ("widths", min(self.widths)),
            ("batch", self.batch),
            ("classes", self.classes),
        ):
            require(value >= 1, f"expected {name} of at least 1, got {name}={getattr(self, name)}")
        require(
            self.activation in ACTIVATIONS,
            f"expected activation to be one of {', '.join(ACTIVATIONS)}, got "
            f"activation={self.activation!r}",
        )
        require(
            math.isfinite(self.scale) and self.scale > 0,
            f"expected a positive, finite scale, got scale={self.scale}",
        )

    @property
    def depth(self) -> int:
        """The number L of hidden layers."""
        return len(self.widths) - 1


def generator(seed: int) -> torch.Generator:
    """A CPU generator of its own for one seed."""
    return torch.Generator().manual_seed(seed)


def draw(shape: tuple[int, ...], *, scale: float, lattice: bool, source: torch.Generator) -> Tensor:
    """Float64 entries: N(0, scale²), or uniform integers in −scale … scale."""
    if lattice:
        top = int(scale)
        return torch.randint(-top, top + 1, shape, generator=source).double()
    return scale * torch.randn(shape, generator=source, dtype=torch.float64)


def build(spec: NetworkSpec) -> nn.Sequential:
    """The float64 module of ``spec``: layers ``fc1`` … ``fcL`` with activations ``act1`` … and
    ``readout``.
    """
    source = generator(spec.seed)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    sizes = (*spec.widths, spec.classes)
    for i, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), start=1):
        layer = nn.Linear(fan_in, fan_out, bias=spec.bias, dtype=torch.float64)
        scale = spec.scale if spec.lattice else spec.scale / math.sqrt(fan_in)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(
                    draw(tuple(parameter.shape), scale=scale, lattice=spec.lattice, source=source)
                )
        last = i == len(sizes) - 1
        parts["readout" if last else f"fc{i}"] = layer
        if not last:
            parts[f"act{i}"] = ACTIVATIONS[spec.activation]()
    return nn.Sequential(parts)
