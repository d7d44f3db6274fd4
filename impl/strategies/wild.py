"""Hypothesis strategies for instances at the edges of a format: ill-conditioned, huge, tiny,
denormal, of mixed magnitudes; four formats.

The *inputs* of each construction are wild (weights, features, targets, decays), and everything that
is measured is measured anew, by real autograd in the drawn format. What the constructors refuse
(overflow to infinity, say) comes out as a `Refusal`. Claims must hold on the rest, or say UNDECIDED
or INAPPLICABLE; see `theorems.commands.audit`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from theorems.impl.errors import InputError
from theorems.impl.gram_hierarchy.gated import GatedNetwork, gated_network
from theorems.impl.gram_hierarchy.relu_stacks import stacks
from theorems.impl.kernel_flows.decayed import DecayedMatrix, decayed_layers, free_features
from theorems.impl.kernel_flows.minibatches import (
    MinibatchNoise,
    feature_noise,
    minibatches,
    readout_noise,
)
from theorems.impl.kernel_flows.objectives import LOSSES
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.spec import ACTIVATIONS, NetworkSpec, build, generator
from theorems.impl.networks.tracing import LayerTrace, trace
from theorems.impl.preconditioning.first_layer import PreconditionedSteps, preconditioned_steps
from theorems.impl.strategies.layer_specimens import KINDS as FIRST_LAYERS
from theorems.impl.strategies.layer_specimens import seeded_model
from theorems.impl.strategies.layers import SEEDS
from theorems.impl.strategies.trained import suited_labels

KINDS = ("tame", "ill-conditioned", "huge", "tiny", "denormal", "mixed")
"""What the drawn matrices of an instance can be like; a tame one also beside wild ones."""

FORMATS = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

_DECADES: dict[torch.dtype, dict[str, tuple[int, ...]]] = {
    torch.float64: {"huge": (3, 30, 100, 150), "denormal": (306, 312, 320)},
    torch.float32: {"huge": (3, 10, 18), "denormal": (36, 40, 44)},
    torch.bfloat16: {"huge": (3, 10, 18), "denormal": (36, 39)},
    torch.float16: {"huge": (1, 2), "denormal": (4, 6, 7)},
}


@dataclass(frozen=True)
class Refusal:
    """An instance that its constructor refused, and why."""

    reason: str


class Numbers:
    """Draws wild matrices of one format: the kind and the size of each are drawn, its entries come
    from one seed.
    """

    def __init__(self, draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> None:
        """Remember how to draw."""
        self.draw, self.kind, self.dtype, self.seed = draw, kind, dtype, draw(SEEDS)
        self.source = generator(self.seed)

    def size(self) -> float:
        """A power of ten, as large or small as the kind wants, or one."""
        decades = _DECADES[self.dtype]
        choices = {
            "huge": decades["huge"],
            "tiny": [-e for e in decades["huge"]],
            "denormal": [-e for e in decades["denormal"]],
        }
        return 10.0 ** self.draw(st.sampled_from([0, *choices.get(self.kind, ())]))

    def normal(self, *shape: int) -> Tensor:
        """Gaussian numbers of size one, float64."""
        return torch.randn(shape, generator=self.source, dtype=torch.float64)

    def matrix(self, *shape: int) -> Tensor:
        """A wild matrix (or a tame one, in a third of the draws), in the format."""
        out = self.normal(*shape)
        if self.kind == "tame" or self.draw(st.integers(0, 2)) == 0:
            return out.to(self.dtype)
        if self.kind == "ill-conditioned" and len(shape) == 2 and min(shape) > 1:
            left, _, right = torch.linalg.svd(out, full_matrices=False)
            decades = self.draw(st.sampled_from([3, 6, 9, 12]))
            out = (left * torch.logspace(0, -decades, min(shape), dtype=torch.float64)) @ right
        elif self.kind == "mixed":
            reach = _DECADES[self.dtype]["huge"][-1]
            out = out * 10.0 ** (
                (torch.rand(shape[-1], generator=self.source, dtype=torch.float64) * 2 - 1) * reach
            )
        return (out * self.size()).to(self.dtype)

    def strength(self) -> float:
        """A positive number for a decay, a ridge or a rate."""
        return self.draw(st.sampled_from([1.0, 0.1, 3.0])) * self.size()

    def fill(self, model: nn.Module) -> nn.Module:
        """Every parameter of a model drawn anew, divided by the root of its fan-in, in the
        format.
        """
        model = model.to(self.dtype)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(self.matrix(*parameter.shape) / parameter.shape[-1] ** 0.5)
        return model


def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a constructor refuses becomes a `Refusal`; warnings of overflow are expected here."""

    @functools.wraps(function)
    def build_or_refuse(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except InputError as error:
            return Refusal(str(error))

    return build_or_refuse


class Autocast(nn.Module):
    """A network that runs under autocast: weights in one format, products in another."""

    def __init__(self, inner: nn.Module, dtype: torch.dtype) -> None:
        """Wrap."""
        super().__init__()
        self.inner, self.dtype = inner, dtype

    def forward(self, inputs: Tensor) -> Tensor:
        """Run in the narrow format; return float32."""
        with torch.autocast("cpu", dtype=self.dtype):
            return self.inner(inputs).float()


@st.composite
@refusing
def layer_traces(draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> LayerTrace | Refusal:
    """Layers of networks of depth 0 … 3 with wild weights and data, on rows or tokens; narrow
    formats also under autocast.
    """
    spec = NetworkSpec(
        widths=tuple(draw(st.lists(st.integers(1, 10), min_size=1, max_size=4))),
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
        bias=draw(st.booleans()),
        batch=draw(st.integers(1, 10)),
        classes=draw(st.integers(1, 4)),
    )
    cast = dtype.itemsize == 2 and draw(st.booleans())
    numbers = Numbers(draw, kind, torch.float32 if cast else dtype)
    model = numbers.fill(build(spec))
    if cast:
        model = Autocast(model, dtype)
    shape = (spec.batch, spec.widths[0]) if draw(st.booleans()) else (spec.batch, 3, spec.widths[0])
    inputs = numbers.matrix(*shape)
    targets = numbers.matrix(*shape[:-1], spec.classes)
    layers = trace(
        model,
        inputs,
        targets,
        draw(st.sampled_from([nn.functional.mse_loss, half_squared_error])),
        decay=numbers.strength(),
        products=False,
    )
    return layers[draw(st.sampled_from(sorted(layers)))]


@st.composite
@refusing
def gated_networks(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype, *, least: int = 1, most: int = 3
) -> GatedNetwork | Refusal:
    """ReLU networks of depth 1 … 3 with wild weights, readout, data and targets, built directly or
    found in a torch module.
    """
    numbers, depth = Numbers(draw, kind, dtype), draw(st.integers(least, most))
    widths, rows = [draw(st.integers(1, 8)) for _ in range(depth + 1)], draw(st.integers(1, 6))
    if draw(st.booleans()):
        weights = [numbers.matrix(b, a) for a, b in zip(widths[:-1], widths[1:], strict=True)]
        return gated_network(
            weights,
            numbers.matrix(1, widths[-1])[0],
            numbers.matrix(rows, widths[0]),
            numbers.matrix(1, rows)[0],
        )
    model = numbers.fill(build(NetworkSpec(widths=tuple(widths), bias=False, classes=2)))
    found = stacks(
        model, numbers.matrix(rows, widths[0]), numbers.matrix(rows, 2), half_squared_error
    )
    return next(iter(found.values()), Refusal("no stack was found: a unit underflowed or is dead"))


@st.composite
@refusing
def decayed_matrices(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype, *, softmax: bool = False
) -> DecayedMatrix | Refusal:
    """Wild free features under the four losses, and linear layers of networks in the format."""
    numbers, rows, width = (
        Numbers(draw, kind, dtype),
        draw(st.integers(2, 10)),
        draw(st.integers(2, 10)),
    )
    loss, classes = (
        "softmax" if softmax else draw(st.sampled_from(sorted(LOSSES))),
        draw(st.integers(2, 4)),
    )
    if dtype == torch.float64 and draw(st.booleans()):
        labels = (
            numbers.matrix(rows, classes)
            if loss in ("squared", "huber")
            else suited_labels(loss, rows, classes, numbers.source)
        )
        return free_features(
            numbers.matrix(rows, width),
            numbers.matrix(classes, width),
            labels,
            loss=loss,
            decay=numbers.strength(),
        )
    model = numbers.fill(
        nn.Sequential(
            *(nn.Linear(a, b) for a, b in ((width, width), (width, width), (width, classes)))
        )
    )
    targets = (
        torch.randint(classes, (rows,), generator=numbers.source)
        if softmax
        else numbers.matrix(rows, classes)
    )
    layers = decayed_layers(
        model,
        numbers.matrix(rows, width),
        targets,
        nn.functional.cross_entropy if softmax else half_squared_error,
        decay=numbers.strength(),
    )
    return layers[draw(st.sampled_from(sorted(layers)))]


@st.composite
@refusing
def minibatch_noises(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> MinibatchNoise | Refusal:
    """Wild free features under the four losses, and readouts of networks in the format under
    cross-entropy or squared loss.
    """
    numbers, rows, width = (
        Numbers(draw, kind, dtype),
        draw(st.integers(2, 10)),
        draw(st.integers(1, 8)),
    )
    loss, classes = draw(st.sampled_from(sorted(LOSSES))), draw(st.integers(2, 3))
    counts = minibatches(
        rows,
        draw(st.integers(1, rows)),
        draw(st.integers(1, 3)),
        replacement=draw(st.booleans()),
        seed=numbers.seed,
    )
    if dtype == torch.float64 and draw(st.booleans()):
        labels = (
            numbers.matrix(rows, classes)
            if loss in ("squared", "huber")
            else suited_labels(loss, rows, classes, numbers.source)
        )
        return feature_noise(
            numbers.matrix(rows, width), numbers.matrix(classes, width), labels, counts, loss=loss
        )
    model = numbers.fill(
        build(NetworkSpec(widths=(width, width), classes=classes, bias=draw(st.booleans())))
    )
    inputs = numbers.matrix(rows, width)
    if draw(st.booleans()):
        labels = torch.randint(classes, (rows,), generator=numbers.source)
        return readout_noise(model, inputs, labels, nn.functional.cross_entropy, counts)
    return readout_noise(
        model, inputs, numbers.matrix(rows, classes), half_squared_error, counts, reduction="sum"
    )


@st.composite
@refusing
def preconditioned_runs(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> PreconditionedSteps | Refusal:
    """Steps of networks of every kind with wild weights, data, preconditioners and rates."""
    numbers, d, k, rows = (
        Numbers(draw, kind, dtype),
        draw(st.integers(1, 8)),
        draw(st.integers(1, 8)),
        draw(st.integers(1, 8)),
    )
    which = draw(st.sampled_from(sorted(FIRST_LAYERS)))
    model = numbers.fill(seeded_model(which, d, k, bias=draw(st.booleans()), seed=numbers.seed))
    inputs = numbers.matrix(*((rows, 3, d) if which in ("attention", "tokens") else (rows, d)))
    with torch.no_grad():
        targets = numbers.matrix(*model(inputs).shape)
    root = numbers.matrix(d, d)
    return preconditioned_steps(
        model,
        inputs,
        targets,
        draw(st.sampled_from([nn.functional.mse_loss, half_squared_error])),
        steps=2,
        preconditioner=root @ root.mT,
        rate=numbers.strength(),
        decay=draw(st.sampled_from([0.0, 0.1])),
        rest=draw(st.sampled_from(["sgd", "momentum", "adam"])),
        rest_rate=0.01,
        seed=numbers.seed % 1000,
    )
