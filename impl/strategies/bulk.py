"""Stacks of networks of one shape, whose numbers come from one generator: what sweeps draw that are
to judge a million networks.

A shape is drawn up to width 16, and then so many networks of it at once: forward, backward and both
sides of a claim are done once for all of them. Networks of a stack share their shape, so that the
stacks are what is independent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.gram_hierarchy.gated import GatedNetwork, gated_network
from theorems.impl.instances.instance import Instance
from theorems.impl.networks.layers import LayerTrace
from theorems.impl.networks.spec import ACTIVATIONS
from theorems.impl.strategies import gated, layers

LARGEST = 16
Maker = Callable[[Random, int], Instance]


class _Numbers:
    """Integers or Gaussian numbers, whichever was drawn, from one generator."""

    def __init__(self, rng: Random) -> None:
        self.whole = rng.random() < 0.5
        self._source = torch.Generator().manual_seed(rng.getrandbits(63))

    def __call__(self, *shape: int, top: int = 2, scale: float = 1.0) -> Tensor:
        """Integers in −top … top, or Gaussian numbers of this scale."""
        if self.whole:
            drawn = torch.randint(-top, top + 1, shape, generator=self._source)
            return drawn.double()
        return torch.randn(shape, generator=self._source, dtype=torch.float64) * scale


def stacked_layers(rng: Random, count: int, *, bias: bool | None = None) -> LayerTrace:
    """A layer of ``count`` fully connected networks of one shape under the sum or the mean of
    squared errors: whole numbers under ReLU or no activation, or Gaussian ones under any.
    """
    numbers = _Numbers(rng)
    largest = 4 if numbers.whole else LARGEST
    rows = rng.randint(1, largest)
    widths = [rng.randint(1, largest) for _ in range(rng.randint(1, 5))]
    sizes = [*widths, rng.randint(1, 5)]
    exact = ("identity", "relu")
    act: nn.Module = ACTIVATIONS[rng.choice(exact if numbers.whole else sorted(ACTIVATIONS))]()
    biased = rng.random() < 0.5 if bias is None else bias
    weights = [
        numbers(count, b, a, scale=a**-0.5) for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    shifts = [numbers(count, b) if biased else None for b in sizes[1:]]
    seen: list[Tensor] = []
    outputs: list[Tensor] = []
    value = numbers(count, rows, sizes[0], scale=rng.choice([0.5, 1.0, 2.0])).requires_grad_()
    for weight, shift in zip(weights, shifts, strict=True):
        weight.requires_grad_()
        if seen:
            value = act(value)
        seen.append(value)
        value = value @ weight.mT
        value = value if shift is None else value + shift[:, None]
        outputs.append(value)
    loss = 0.5 * (value - numbers(*value.shape, top=3)).square()
    if not numbers.whole and rng.random() < 0.5:
        loss = 2 * loss / (rows * sizes[-1])
    at = rng.randrange(len(weights))
    wanted = (weights[at], seen[at], outputs[at])
    by_weight, by_input, by_output = torch.autograd.grad(loss.sum(), wanted)
    return LayerTrace(
        weight=weights[at].detach(),
        inputs=seen[at].detach(),
        weight_grad=by_weight,
        input_grad=by_input,
        output_grad=by_output,
        outputs=outputs[at].detach(),
        bias=shifts[at],
        rate=float(rng.randint(1, 3)) if numbers.whole else 1.0,
        decay=float(rng.randint(1, 3)) if numbers.whole else 0.1,
    ).split()


def stacked_gated(
    rng: Random, count: int, *, depths: tuple[int, int] = (1, 4), acting: bool = False
) -> GatedNetwork:
    """``count`` bias-free networks of one shape: whole numbers with masks as data, or Gaussian ReLU
    networks no layer of which is dead; these alone if the terms of the hierarchy are to act.
    """
    numbers = _Numbers(rng)
    numbers.whole &= not acting
    largest = 3 if numbers.whole else LARGEST
    depth, rows = rng.randint(*depths), rng.randint(1, 4 if numbers.whole else 12)
    widths = [rng.randint(1, largest) for _ in range(depth + 1)]
    weights = [
        numbers(count, b, a, scale=(2 / a) ** 0.5)
        for a, b in zip(widths[:-1], widths[1:], strict=True)
    ]
    inputs, readout = numbers(count, rows, widths[0]), numbers(count, widths[-1])
    targets = numbers(count, rows, top=3)
    if numbers.whole:
        masks = [(numbers(count, rows, width, top=1) >= 0).double() for width in widths[1:]]
        return gated_network(weights, readout, inputs, targets, gate="data", masks=masks).split()
    # unit 0 stays alive on every sample: a dead layer would sit on its switch
    inputs[..., 0] = inputs[..., 0].abs()
    weights[0][:, 0, 1:] = 0
    for weight in weights:
        weight[:, 0] = weight[:, 0].abs()
    return gated_network(weights, readout, inputs, targets).split()


STACKS: dict[Callable[[], Any], Maker] = {
    layers.layer_traces: stacked_layers,
    layers.bias_free_layers: partial(stacked_layers, bias=False),
    gated.gated_networks: stacked_gated,
    gated.activated_networks: stacked_gated,
    gated.generic_gated_networks: partial(stacked_gated, acting=True),
    gated.deep_gated_networks: partial(stacked_gated, depths=(2, 4)),
}
"""What draws stacks in place of a strategy that draws one instance at a time."""


def stacks_of(on: Callable[[], Any]) -> Maker | None:
    """What draws stacks in place of this strategy, which may be one of gated networks of one depth;
    None if nothing does.
    """
    if isinstance(on, partial) and on.func is gated.gated_networks and len(on.args) == 1:
        return partial(stacked_gated, depths=(on.args[0], on.args[0]))
    return STACKS.get(on)
