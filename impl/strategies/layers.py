"""Layers of networks, on which the claims about one layer are tried, and those that break one
hypothesis each.

Two kinds everywhere: small *lattice* instances (integer entries that shrink, on which float64 is
exact by construction), and *seeded* ones (larger, Gaussian; only their spec shrinks). Valid
instances are constructed, never filtered for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

from theorems.impl.networks.data import STREAM
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.spec import ACTIVATIONS, NetworkSpec, build, generator
from theorems.impl.networks.tracing import LayerTrace, trace
from theorems.impl.strategies.sizes import branches, pick, span
from theorems.impl.strategies.specimens import Specimen, conv_specimen, reused, skipping, tied

SEEDS = st.integers(0, 2**32 - 1)
"""All seeds that torch's generator tells apart: it reads 32 bits."""


@cache
def lattices(shape: tuple[int, ...], top: int = 3) -> st.SearchStrategy[Tensor]:
    """Float64 tensors of integers in −top … top, entry by entry, so that they shrink towards
    zero.
    """
    array = hnp.arrays("int64", shape, elements=st.integers(-top, top))
    return array.map(lambda values: torch.as_tensor(values).double())


def network_specs(
    *, lattice: bool | None = None, largest: int = 24, bias: bool | None = None
) -> st.SearchStrategy[NetworkSpec]:
    """Specs of depth 0 … 4 with N and C on either side of the widths; N < C, C = 1, width 1 and a
    batch of one included.

    Inside `larger_sizes` deep ones (depth 5 … 7) and wide ones (inputs from 20 on) take turns.
    """
    return _network_specs(lattice, largest, bias)


@st.composite
def _network_specs(
    draw: Callable[..., Any], lattice: bool | None, largest: int, bias: bool | None
) -> NetworkSpec:
    width = st.integers(1, 4) | st.integers(1, largest)
    deep, wide = draw(pick([(False, False)], [(True, False), (False, True)]))
    layers = st.integers(6, 8) if deep else st.integers(1, 2) if wide else st.integers(1, 5)
    widths = tuple(draw(_several(st.integers(20, 28) if wide else width, draw(layers))))
    return NetworkSpec(
        widths=widths,
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
        bias=draw(st.booleans()) if bias is None else bias,
        batch=draw(width),
        classes=draw(span(1, 5, 7)),
        scale=draw(st.sampled_from([1.0, 0.5, 2.0])),
        lattice=draw(st.booleans()) if lattice is None else lattice,
        seed=draw(SEEDS),
    )


def _several(entries: st.SearchStrategy[int], count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(entries, min_size=count, max_size=count)


def _fill(model: nn.Module, draw: Callable[..., Any], top: int) -> nn.Module:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(draw(lattices(tuple(parameter.shape), top)))
    return model


_KINDS = ["plain", "plain", "conv", "skip", "tied", "reused"]
_LARGER = ["reused", "deep", "tied", "wide", "conv"]


@st.composite
def lattice_networks(draw: Callable[..., Any], *, bias: bool | None = None) -> Specimen:
    """Small integer ReLU networks with integer data: plain, reused, tied, with a skip, or
    convolutional; some rows doubled.

    In most of them a path of positive numbers carries the first input to the first output and no
    residual is zero, so that gradients arrive everywhere; in the others anything may be zero.
    Inside `larger_sizes` deep (5 or 6 layers) and wide ones (20 inputs) take turns.
    """
    kind = draw(pick(_KINDS, _LARGER))
    small = st.integers(1, 3)
    rows = draw(span(1, 4, 6))
    bias, anything = draw(st.booleans()) if bias is None else bias, draw(st.integers(0, 15)) == 0
    if kind == "conv":
        model, shape = draw(_convolutions(bias=bias))
        model = _fill(model, draw, 2)
    elif kind in ("plain", "deep", "wide"):
        length = {"plain": st.integers(1, 4), "deep": st.integers(5, 6), "wide": st.integers(1, 2)}[
            kind
        ]
        size = st.integers(20, 24) if kind == "wide" else small
        widths = tuple(draw(_several(size, draw(length))))
        spec = NetworkSpec(widths=widths, bias=bias, classes=draw(st.integers(1, 4)), batch=rows)
        model, shape = _fill(build(spec), draw, 2 if kind == "plain" else 1), (spec.widths[0],)
    else:
        width = draw(small)
        make = {"skip": skipping, "tied": tied, "reused": reused}[kind]
        model, shape = _fill(make(width, bias=bias), draw, 2), (width,)
    inputs = draw(lattices((rows, *shape), 2))
    if not anything:
        inputs = inputs.clone()
        inputs[:, 0] = inputs[:, 0].abs() + 1
        _open(model)
    if rows > 1 and draw(st.booleans()):
        inputs[1] = inputs[0]
    with torch.no_grad():
        outputs = model(inputs)
        targets = draw(lattices(tuple(outputs.shape), 3))
        if not anything:
            targets = torch.where(targets == outputs, outputs + 1, targets)
    return Specimen(model, inputs, targets, half_squared_error)


def _open(model: nn.Module) -> None:
    """Unit 0 of every layer reads unit 0 of the layer below with a positive weight and nothing
    else; its bias is not negative.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            first = parameter.view(len(parameter), -1)[0]
            first[0] = first[0].abs() + (parameter.ndim > 1 and float(first[0]) == 0)
            first[1:] = 0


@st.composite
def _convolutions(draw: Callable[..., Any], *, bias: bool) -> tuple[nn.Module, tuple[int, ...]]:
    groups = draw(st.integers(1, 2))
    kernel, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    size = draw(st.integers(dilation * (kernel - 1) + 1, 4))
    mode = draw(st.sampled_from(["zeros", "circular", "replicate"]))
    conv = nn.Conv2d(
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 2)),
        kernel,
        groups=groups,
        dilation=dilation,
        stride=draw(st.integers(1, 2)),
        padding=draw(st.integers(0, 1)),
        padding_mode=mode,
        bias=bias,
        dtype=torch.float64,
    )
    return nn.Sequential(conv, nn.ReLU()), (conv.in_channels, size, size)


@st.composite
def seeded_networks(draw: Callable[..., Any], *, bias: bool | None = None) -> Specimen:
    """Gaussian networks up to width 24, any activation, sum or mean loss, tokens, convolutions,
    skips, tied and reused; only the spec shrinks.
    """
    spec = draw(network_specs(lattice=False, bias=bias))
    kind = draw(
        pick(
            ["plain", "plain", "tokens", "conv", "skip", "tied", "reused"],
            ["reused", "plain", "plain", "tied"],
        )
    )
    mean = draw(st.booleans())
    loss = nn.functional.mse_loss if mean else half_squared_error
    if kind == "conv":
        return conv_specimen(
            spec.batch,
            seed=spec.seed,
            groups=draw(st.sampled_from([1, 2])),
            loss=loss,
            bias=bias is not False,
        )
    # not the stream of the weights: inputs would repeat their numbers
    source = generator(spec.seed ^ STREAM)
    if kind in ("skip", "tied", "reused"):
        with torch.random.fork_rng():
            torch.manual_seed(spec.seed)
            make = {"skip": skipping, "tied": tied, "reused": reused}[kind]
            model: nn.Module = make(spec.widths[-1], bias=spec.bias)
        shape: tuple[int, ...] = (spec.batch, spec.widths[-1])
    else:
        model = build(spec)
        shape = (
            (spec.batch, 3, spec.widths[0]) if kind == "tokens" else (spec.batch, spec.widths[0])
        )
    inputs = spec.scale * torch.randn(shape, generator=source, dtype=torch.float64)
    with torch.no_grad():
        targets = torch.randn(model(inputs).shape, generator=source, dtype=torch.float64)
    return Specimen(model, inputs, targets, loss)


@st.composite
def _layer_of(
    draw: Callable[..., Any], /, networks: st.SearchStrategy[Specimen], **options: Any
) -> LayerTrace:
    layers = trace(*draw(networks), products=False, **options)
    return layers[draw(st.sampled_from(sorted(layers)))]


@st.composite
def lattice_layers(draw: Callable[..., Any]) -> LayerTrace:
    """A layer of a lattice network, η and λ integers: every identity is exact through torch
    autograd.
    """
    rate, decay = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return draw(_layer_of(lattice_networks(), rate=float(rate), decay=float(decay)))


def seeded_layers() -> st.SearchStrategy[LayerTrace]:
    """A layer of a seeded network, η balanced, λ = 0.1."""
    return _layer_of(seeded_networks(), decay=0.1)


def bias_free_layers() -> st.SearchStrategy[LayerTrace]:
    """Layers of networks without a single bias, of the kinds that `layer_traces` draws: Z = H
    Wᵀ.
    """
    small = _layer_of(lattice_networks(bias=False), rate=1.0, decay=1.0)
    return branches(small, _layer_of(seeded_networks(bias=False), decay=0.1))


def layer_traces() -> st.SearchStrategy[LayerTrace]:
    """Layers of lattice networks and of seeded ones."""
    return branches(lattice_layers(), seeded_layers())


# -- layers that break one hypothesis --------------------------------------------------------------


def nonlinear_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces of a subclass of ``nn.Linear`` whose forward is not linear in H (it squares its
    inputs).
    """
    from theorems.impl.strategies.specimens import squaring_layer

    return st.builds(squaring_layer, st.integers(1, 4), seed=SEEDS)


def unreached_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces of a layer whose output is detached: the loss has no path to it."""
    from theorems.impl.strategies.specimens import detached_layer

    return st.builds(detached_layer, st.integers(1, 4), seed=SEEDS)


def vanishing_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces of a layer whose gradients are subnormal: every GELU above it is deep in its Gaussian
    tail.
    """
    from theorems.impl.strategies.specimens import vanishing_layer

    return st.builds(vanishing_layer, st.integers(1, 4), depth=st.floats(37.5, 38.2), seed=SEEDS)


def total_gradient_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces whose ∇_H is the naive total gradient of a tensor that also feeds a skip
    connection.
    """
    from theorems.impl.strategies.specimens import total_gradient_layer

    return st.builds(total_gradient_layer, st.integers(1, 4), seed=SEEDS)


def mixed_loss_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces with ∇_W of the mean loss and ∇_H of the summed one."""
    from theorems.impl.strategies.specimens import mixed_loss_layer

    return st.builds(mixed_loss_layer, st.integers(2, 5), seed=SEEDS)
