"""Weights of a user's network: layers, stacks, layers under weight decay, single steps, deep linear
parts.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError
from theorems.impl.feature_learning.chains import LinearChain, linear_chains_of
from theorems.impl.feature_learning.polar_errors import (
    polar_radius,
    remember,
    spin,
    vertical_radius,
)
from theorems.impl.feature_learning.whitening import weight_motion, weight_step
from theorems.impl.gram_hierarchy.relu_stacks import LARGEST, most_rows, stacks
from theorems.impl.instances.instance import Instance
from theorems.impl.kernel_flows.decayed import decayed_traces
from theorems.impl.networks.parts import restricted
from theorems.impl.networks.tracing import LayerTrace
from theorems.impl.numbers.rounded import UNIT, Ball
from theorems.own.places.chunks import cut, sample_count
from theorems.own.places.subject import Places, Subject

MOST_ROWS, FEWEST_ROWS = 512, 4
"""Outputs times samples of a stack up to which it is looked at on all of them, since each pair of
rows is; of more, the first samples, these at least.
"""
LARGEST_WEIGHT = 512
"""Rows or columns of a weight up to which it is decomposed with proof."""


def layer_traces(subject: Subject) -> Places | str:
    """Every linear and convolutional layer; large ones at a few of their inputs, on all rows."""
    places: Places = {}
    for name, layer in subject.layers.items():
        seen = restricted(layer, seed=subject.seed, layers=len(subject.layers))
        places[f"{name}, {seen.part}" if seen.part else name] = seen
    return {
        **places,
        **subject.layers.left_out,
    } or "the network has no layer whose weight multiplies features"


def relu_stacks(subject: Subject) -> Places | str:
    """Every bias-free ReLU stack, of a large batch on its first samples alone."""
    linear = [m for m in subject.model.modules() if isinstance(m, nn.Linear)]
    if len(linear) < 2 or all(m.bias is not None for m in linear):
        return (
            "the network has no two linear layers of which one has no bias: it has no "
            "bias-free stack"
        )
    part, fewer = _fewer(subject)
    if part and subject.later:
        return {}
    found = stacks(*fewer.task, seed=subject.seed)
    return {f"{where}{part}": stack for where, stack in found.items()} or (
        "the network has no stack of bias-free linear layers with ReLU between them, which "
        "autograd follows and nothing else reads, that ends in a linear readout (with at most "
        f"{LARGEST} outputs times samples)"
    )


def _fewer(subject: Subject) -> tuple[str, Subject]:
    """The network on as many samples as its stacks are looked at on, and how the place says so."""
    count, rows = sample_count(subject), most_rows(*subject.task, seed=subject.seed)
    kept = 0 if count is None or rows <= MOST_ROWS else max(FEWEST_ROWS, count * MOST_ROWS // rows)
    if count is None or not 0 < kept < count:
        return "", subject
    try:
        few = cut(subject, 0, kept)
        _ = few.outputs
    except InputError:  # it does not run on a part of its batch
        return "", subject
    return f", first {kept} samples", few


def decayed_matrices(subject: Subject) -> Places | str:
    """Every layer below the readout as a matrix under weight decay.

    Where λ is not known each layer gets the power of two at which decay and loss pull on it alike:
    the inequality holds for every λ > 0.
    """
    found = decayed_traces(
        subject.model,
        subject.whole,
        subject.outputs,
        subject.loss,
        targets=subject.targets,
        decay=subject.decay,
    )
    places: Places = {}
    for name, point in found.items():
        assumed = "" if subject.decay is not None else ", assumed"
        places[name if point.gap else f"{name}, λ = {float(point.decay):.3g}{assumed}"] = point
    places |= subject.too_large
    for name, layer in subject.whole.items():
        if layer.weight.ndim != 2:
            places[name] = (
                "it is a convolution in groups: several matrices, of which each sees a part of the "
                "outputs"
            )
    return places or "no linear layer stands below the readout: the readout alone bounds nothing"


def _matrices(subject: Subject, make: Callable[[LayerTrace], Instance | str]) -> Places | str:
    places: Places = {**subject.too_large}
    for name, layer in subject.whole.items():
        if layer.weight.ndim != 2 or max(layer.weight.shape) > LARGEST_WEIGHT:
            places[name] = f"its weight is no matrix of at most {LARGEST_WEIGHT} rows and columns"
        elif not bool(layer.weight_grad.any()):
            places[name] = "the loss does not move it: its gradient is zero"
        else:
            places[name] = make(layer)
    return places


def _loose(radius: Tensor, what: str) -> str:
    """Why a measured rotation decides nothing, or "": the weakest rows are too weak for float64 to
    say how they are turned.
    """
    return (
        ""
        if float(radius) <= UNIT**0.5
        else f"its weakest directions are so weak that float64 encloses {what} to "
        f"{float(radius):.1g} only, fewer than half its digits"
    )


def weight_steps(subject: Subject) -> Places | str:
    """One gradient step of every linear layer, as large as the weights themselves."""

    def step(layer: LayerTrace) -> Instance | str:
        weight = layer.weight.double()
        after = weight - layer.rate * layer.weight_grad.double()
        return _loose(polar_radius(Ball(weight), Ball(after)), "its rotation") or weight_step(
            weight, after, seed=subject.seed
        )

    return _matrices(subject, step)


def weight_motions(subject: Subject) -> Places | str:
    """The gradient flow's velocity of every linear layer."""

    def motion(layer: LayerTrace) -> Instance | str:
        weight, velocity = layer.weight.double(), -layer.weight_grad.double()
        size, spun = torch.linalg.matrix_norm(velocity), spin(weight, velocity)
        radius = vertical_radius(Ball(weight), Ball(velocity), spun)
        loose = _loose(radius / size, "their spin")
        if loose:
            return loose
        made = weight_motion(weight, velocity, spun=spun)
        remember(made, spun, radius)
        return made

    return _matrices(subject, motion)


def linear_chains(subject: Subject) -> Places | str:
    """Every two or more linear layers in a row."""
    found: dict[str, LinearChain] = linear_chains_of(subject.whole)
    return (
        dict(found)
        or "no two linear layers follow one another without anything between them: it has no "
        "deep linear part"
    )
