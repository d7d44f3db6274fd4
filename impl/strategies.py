"""Hypothesis strategies: the instances on which claims are tried, and those that break one hypothesis each.

Two kinds everywhere: small *lattice* instances (integer entries that shrink, on which float64 is exact by construction), and
*seeded* ones (larger, Gaussian; only their spec shrinks). Valid instances are constructed, never filtered for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

from impl.data import STREAM
from impl.gated import GatedNetwork, gated_network
from impl.losses import half_squared_error
from impl.networks import ACTIVATIONS, NetworkSpec, build, generator
from impl.specimens import Specimen, conv_specimen, reused, skipping, tied
from impl.tracing import LayerTrace, trace

SEEDS = st.integers(0, 2**32 - 1)


def lattices(shape: tuple[int, ...], top: int = 3) -> st.SearchStrategy[Tensor]:
    """Float64 tensors of integers in −top … top, entry by entry, so that they shrink towards zero."""
    array = hnp.arrays("int64", shape, elements=st.integers(-top, top))
    return array.map(lambda values: torch.as_tensor(values).double())


def network_specs(*, lattice: bool | None = None, largest: int = 24) -> st.SearchStrategy[NetworkSpec]:
    """Specs of depth 0 … 4 with N and C on either side of the widths; N < C, C = 1, width 1 and a batch of one included."""
    width = st.integers(1, 4) | st.integers(1, largest)
    return st.builds(
        NetworkSpec,
        widths=st.lists(width, min_size=1, max_size=5).map(tuple),
        activation=st.sampled_from(sorted(ACTIVATIONS)),
        bias=st.booleans(),
        batch=width,
        classes=st.integers(1, 5),
        scale=st.sampled_from([1.0, 0.5, 2.0]),
        lattice=st.booleans() if lattice is None else st.just(lattice),
        seed=SEEDS,
    )


def _fill(model: nn.Module, draw: Callable[..., Any], top: int) -> nn.Module:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(draw(lattices(tuple(parameter.shape), top)))
    return model


@st.composite
def lattice_networks(draw: Callable[..., Any]) -> Specimen:
    """Small integer ReLU networks with integer data: plain, reused, tied, with a skip, or convolutional; some rows doubled."""
    kind = draw(st.sampled_from(["plain", "plain", "conv", "skip", "tied", "reused"]))
    small = st.integers(1, 3)
    rows = draw(st.integers(1, 4))
    bias = draw(st.booleans())
    if kind == "conv":
        model, shape = draw(_convolutions())
        model = _fill(model, draw, 2)
    elif kind == "plain":
        widths = tuple(draw(st.lists(small, min_size=1, max_size=4)))
        spec = NetworkSpec(widths=widths, bias=bias, classes=draw(st.integers(1, 4)), batch=rows)
        model, shape = _fill(build(spec), draw, 2), (spec.widths[0],)
    else:
        width = draw(small)
        make = {"skip": skipping, "tied": tied, "reused": reused}[kind]
        model, shape = _fill(make(width, bias=bias), draw, 2), (width,)
    inputs = draw(lattices((rows, *shape), 2))
    if rows > 1 and draw(st.booleans()):
        inputs[1] = inputs[0]
    with torch.no_grad():
        targets = draw(lattices(tuple(model(inputs).shape), 3))
    return Specimen(model, inputs, targets, half_squared_error)


@st.composite
def _convolutions(draw: Callable[..., Any]) -> tuple[nn.Module, tuple[int, ...]]:
    groups = draw(st.integers(1, 2))
    kernel, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    size = draw(st.integers(dilation * (kernel - 1) + 1, 4))
    mode = draw(st.sampled_from(["zeros", "circular", "replicate"]))
    conv = nn.Conv2d(
        groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), kernel, groups=groups, dilation=dilation,
        stride=draw(st.integers(1, 2)), padding=draw(st.integers(0, 1)), padding_mode=mode, bias=draw(st.booleans()),
        dtype=torch.float64,
    )  # fmt: skip
    return nn.Sequential(conv, nn.ReLU()), (conv.in_channels, size, size)


@st.composite
def seeded_networks(draw: Callable[..., Any]) -> Specimen:
    """Gaussian networks up to width 24, any activation, sum or mean loss, tokens, convolutions, skips; only the spec shrinks."""
    spec = draw(network_specs(lattice=False))
    if spec.activation == "gelu":  # its Gaussian tail would let gradients underflow where pre-activations are large
        spec = dataclasses.replace(spec, scale=0.5)
    kind = draw(st.sampled_from(["plain", "plain", "tokens", "conv", "skip"]))
    mean = draw(st.booleans())
    loss = nn.functional.mse_loss if mean else half_squared_error
    if kind == "conv":
        return conv_specimen(spec.batch, seed=spec.seed, groups=draw(st.sampled_from([1, 2])), loss=loss)
    source = generator(spec.seed ^ STREAM)  # not the stream of the weights: inputs would repeat their numbers
    if kind == "skip":
        with torch.random.fork_rng():
            torch.manual_seed(spec.seed)
            model: nn.Module = skipping(spec.widths[-1], bias=spec.bias)
        shape: tuple[int, ...] = (spec.batch, spec.widths[-1])
    else:
        model = build(spec)
        shape = (spec.batch, 3, spec.widths[0]) if kind == "tokens" else (spec.batch, spec.widths[0])
    inputs = spec.scale * torch.randn(shape, generator=source, dtype=torch.float64)
    with torch.no_grad():
        targets = torch.randn(model(inputs).shape, generator=source, dtype=torch.float64)
    return Specimen(model, inputs, targets, loss)


@st.composite
def _layer_of(draw: Callable[..., Any], /, networks: st.SearchStrategy[Specimen], **options: Any) -> LayerTrace:
    layers = trace(*draw(networks), **options)
    return layers[draw(st.sampled_from(sorted(layers)))]


@st.composite
def lattice_layers(draw: Callable[..., Any]) -> LayerTrace:
    """A layer of a lattice network, η and λ integers: every identity is exact through torch autograd."""
    rate, decay = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return draw(_layer_of(lattice_networks(), rate=float(rate), decay=float(decay)))


def seeded_layers() -> st.SearchStrategy[LayerTrace]:
    """A layer of a seeded network, η balanced, λ = 0.1."""
    return _layer_of(seeded_networks(), decay=0.1)


def layer_traces() -> st.SearchStrategy[LayerTrace]:
    """Layers of lattice networks and of seeded ones."""
    return lattice_layers() | seeded_layers()


# -- gated networks ------------------------------------------------------------------------------------------------


@st.composite
def lattice_gated_networks(draw: Callable[..., Any], depth: int | None = None) -> GatedNetwork:
    """Integer ReLU networks with no pre-activation on a switch, by parity.

    Coordinate 0 of every layer is odd and positive, the others enter with even weights: so every h is odd, hence
    not zero, whatever the entries are. Depth 1 … 4, widths 1 … 3, small enough to stay below 2^53 throughout.
    """
    depth = draw(st.integers(1, 4)) if depth is None else depth
    rows = draw(st.integers(1, 4))
    widths = [draw(st.integers(1, 3)) for _ in range(depth + 1)]
    inputs = 2 * draw(lattices((rows, widths[0]), 1))
    inputs[:, 0] = inputs[:, 0].abs() + 1
    if rows > 1 and draw(st.booleans()):
        inputs[1] = inputs[0]
    weights = []
    for i in range(depth):
        weight = 2 * draw(lattices((widths[i + 1], widths[i]), 1))
        weight[:, 0] += 1
        weight[0] = weight[0].abs()
        if i == 0:
            weight[0, 1:] = 0  # inputs may be negative: the odd coordinate alone keeps unit 0 alive
        weights.append(weight)
    readout = draw(lattices((widths[-1],), 2))
    targets = draw(lattices((rows,), 3))
    return gated_network(weights, readout, inputs, targets)


@st.composite
def free_gated_networks(draw: Callable[..., Any], depth: int | None = None) -> GatedNetwork:
    """Integer networks whose masks are data: any 0/1 pattern, so any two samples may differ in any unit."""
    depth = draw(st.integers(1, 4)) if depth is None else depth
    rows = draw(st.integers(1, 4))
    widths = [draw(st.integers(1, 3)) for _ in range(depth + 1)]
    weights = [draw(lattices((b, a), 2)) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    bits = [hnp.arrays("int64", (rows, width), elements=st.integers(0, 1)) for width in widths[1:]]
    masks = [torch.as_tensor(draw(bit)).double() for bit in bits]
    inputs, targets = draw(lattices((rows, widths[0]), 2)), draw(lattices((rows,), 3))
    return gated_network(weights, draw(lattices((widths[-1],), 2)), inputs, targets, gate="data", masks=masks)


@st.composite
def seeded_gated_networks(
    draw: Callable[..., Any], depth: int | None = None, gate: str = "relu", largest: int = 16
) -> GatedNetwork:
    """Gaussian bias-free networks with one or several outputs (a row per output and sample)."""
    depth = draw(st.integers(1, 4)) if depth is None else depth
    widths = [draw(st.integers(1, largest)) for _ in range(depth + 1)]
    samples, classes, seed = draw(st.integers(1, 12)), draw(st.integers(1, 3)), draw(SEEDS)
    source = generator(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64)

    weights = [normal(b, a) * (2 / a) ** 0.5 for a, b in zip(widths[:-1], widths[1:], strict=True)]
    inputs = normal(samples, widths[0])
    inputs[:, 0] = inputs[:, 0].abs()  # unit 0 stays alive on every sample: a dead layer would sit on its switch
    weights[0][0, 1:] = 0
    for weight in weights:
        weight[0] = weight[0].abs()
    inputs = inputs.repeat_interleave(classes, 0)
    readout = normal(classes, widths[-1]).repeat(samples, 1)
    return gated_network(weights, readout, inputs, normal(samples * classes), gate=gate)


def gated_networks(depth: int | None = None) -> st.SearchStrategy[GatedNetwork]:
    """Lattice ReLU networks, integer networks with free masks, and seeded ReLU networks, of one depth or of 1 … 4."""
    return lattice_gated_networks(depth) | free_gated_networks(depth) | seeded_gated_networks(depth)


def deep_gated_networks() -> st.SearchStrategy[GatedNetwork]:
    """Gated networks of depth 2 … 4."""
    return st.sampled_from([2, 3, 4]).flatmap(gated_networks)


def generic_gated_networks() -> st.SearchStrategy[GatedNetwork]:
    """Networks whose Gram terms act: positive integer ones, and seeded ones (all but never silent)."""
    return positive_gated_networks() | seeded_gated_networks()


@st.composite
def positive_gated_networks(draw: Callable[..., Any]) -> GatedNetwork:
    """Integer networks of depth 1 … 4 that carry every field: weights, inputs and readouts are positive, residuals not zero."""
    depth, rows = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    widths = [draw(st.integers(1, 3)) for _ in range(depth + 1)]

    def positive(*shape: int) -> Tensor:
        return draw(lattices(shape, 1)) + 2

    weights = [positive(b, a) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    if draw(st.booleans()):
        weights[0][1:] *= -1  # dead units: only unit 0 of the first layer stays alive
    readout, inputs = positive(widths[-1]), positive(rows, widths[0])
    net = gated_network(weights, readout, inputs, torch.zeros(rows, dtype=torch.float64))
    return gated_network(weights, readout, inputs, draw(lattices((rows,), 3)) - net.residual.abs() - 4)


def silent_gated_networks() -> st.SearchStrategy[GatedNetwork]:
    """Networks of depth 2 … 4 that fit their targets: zero residuals, so no term of the hierarchy acts."""

    def fit(net: GatedNetwork) -> GatedNetwork:
        from impl.gated import outputs

        return gated_network(net.weights, net.readout, net.inputs, outputs(net, net.weights))

    return st.sampled_from([2, 3, 4]).flatmap(lattice_gated_networks).map(fit)


def tanh_networks(depth: int | None = None) -> st.SearchStrategy[GatedNetwork]:
    """Networks with tanh in place of ReLU: the hierarchy would need σ'' terms."""
    return seeded_gated_networks(depth, gate="tanh")


@st.composite
def switching_networks(draw: Callable[..., Any], depth: int | None = None) -> GatedNetwork:
    """ReLU networks with a sample exactly on a switch: one input row is zero."""
    net = draw(lattice_gated_networks(depth))
    inputs = net.inputs.clone()
    inputs[draw(st.integers(0, inputs.shape[0] - 1))] = 0
    return gated_network(net.weights, net.readout, inputs, net.residual)


# -- layers that break one hypothesis -------------------------------------------------------------------------------


def nonlinear_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces of a subclass of ``nn.Linear`` whose forward is not linear in H (it squares its inputs)."""
    from impl.specimens import squaring_layer

    return st.builds(squaring_layer, st.integers(1, 4), seed=SEEDS)


def unreached_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces of a layer whose output is detached: the loss has no path to it."""
    from impl.specimens import detached_layer

    return st.builds(detached_layer, st.integers(1, 4), seed=SEEDS)


def total_gradient_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces whose ∇_H is the naive total gradient of a tensor that also feeds a skip connection."""
    from impl.specimens import total_gradient_layer

    return st.builds(total_gradient_layer, st.integers(1, 4), seed=SEEDS)


def mixed_loss_layers() -> st.SearchStrategy[LayerTrace]:
    """Traces with ∇_W of the mean loss and ∇_H of the summed one."""
    from impl.specimens import mixed_loss_layer

    return st.builds(mixed_loss_layer, st.integers(2, 5), seed=SEEDS)
