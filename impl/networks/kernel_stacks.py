"""The tangent kernels of many networks of one shape in one call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError, require
from theorems.impl.networks.closed_kernels import chosen_layers, closed_terms, left_out
from theorems.impl.networks.perceptron_readings import read
from theorems.impl.networks.perceptrons import NoPerceptron, Perceptron
from theorems.impl.networks.tangent_kernels import TangentKernel, tangent_kernel

_BYTES = 2**21
"""Of δ that one pass carries, over as many networks as fit."""
Batches: TypeAlias = Tensor | list[Tensor]


def tangent_kernels(
    models: Sequence[nn.Module] | nn.Module,
    inputs: Batches,
    others: Batches | None = None,
    *,
    parameters: Mapping[str, Tensor] | None = None,
    outputs: Literal["trace", "full"] = "trace",
    layers: Collection[str] | None = None,
    bias: bool = True,
) -> TangentKernel:
    """`impl.tangent_kernel` of B networks at once, in one pass where they are multilayer
    perceptrons of one shape.

    Others are taken one by one: the numbers are the same.

    Args:
        models: B modules whose layers have the same names and shapes; or one, with ``parameters``.
        inputs: (N, …) that every network reads, or a list of B batches.
        others: M samples for the inner products, likewise.
        parameters: of B networks, by the names that they have in ``models``, B first: what
            `torch.func.stack_module_state` returns.
        outputs: "trace" or "full".
        layers: module names to restrict the kernels to.
        bias: whether biases count as parameters.

    Returns:
        terms by module name, each (B, N, M) or (B, N, C, M, C), and their total.

    Raises:
        InputError: for what `impl.tangent_kernel` refuses, saying in which network; networks whose
            kernels differ in layers or shape; ``parameters`` of a module that is no multilayer
            perceptron, or that do not fit it.
    """
    require(
        outputs in ("trace", "full"),
        f"expected outputs to be 'trace' or 'full', got outputs={outputs!r}",
    )
    if parameters is not None:
        return _of_parameters(models, parameters, inputs, others, outputs, layers, bias=bias)
    if isinstance(models, nn.Module):
        raise InputError(
            "expected a list of networks, or one with parameters= of several, got one module alone"
        )
    models = list(models)
    require(bool(models), "expected at least one network, got none")
    count = len(models)
    require_batches("inputs", inputs, count)
    require_batches("others", others, count)
    try:
        nets = [read(model) for model in models]
        terms = _stacked(_together(nets), inputs, others, outputs, layers, bias=bias)
        return TangentKernel(terms, left_out(models[0], nets[0], layers, bias=bias))
    except NoPerceptron:
        return _one_by_one(models, inputs, others, outputs, layers, bias=bias)


def require_batches(name: str, batches: Any, count: int) -> None:
    """A tensor, or one for each network.

    Raises:
        InputError: with what came.
    """
    if isinstance(batches, list):
        shapes = sorted({tuple(getattr(batch, "shape", ())) for batch in batches})
        require(
            len(batches) == count and len(shapes) == 1,
            f"expected {name} to be a tensor, or a list of {count} of one shape, got "
            f"{len(batches)} of shapes {', '.join(map(str, shapes))}",
        )


def _together(nets: list[Perceptron]) -> Perceptron:
    """One perceptron with all weights, (B, d_out, d_in)."""
    if any(net.kind != nets[0].kind for net in nets):
        raise NoPerceptron("the networks are of several shapes")
    layers = []
    for column in zip(*(net.layers for net in nets), strict=True):
        weight = torch.stack([layer.weight.detach() for layer in column])
        biases = [layer.bias.detach() for layer in column if layer.bias is not None]
        layers.append(
            column[0]._replace(weight=weight, bias=torch.stack(biases) if biases else None)
        )
    return nets[0]._replace(layers=layers)


def _of_parameters(
    model: Any,
    parameters: Mapping[str, Tensor],
    inputs: Batches,
    others: Batches | None,
    outputs: Literal["trace", "full"],
    layers: Collection[str] | None,
    *,
    bias: bool,
) -> TangentKernel:
    require(
        isinstance(model, nn.Module),
        f"expected one torch nn.Module beside parameters=, got {type(model).__name__}",
    )
    try:
        net = read(model)
    except NoPerceptron as reason:
        raise InputError(
            "expected parameters= of a multilayer perceptron, an nn.Sequential of nn.Linear and "
            f"entrywise activations, got another module: {reason}; pass a list of networks"
        ) from None
    wanted = {
        f"{layer.name}.{which}": getattr(layer, which)
        for layer in net.layers
        for which in ("weight", "bias")
        if getattr(layer, which) is not None
    }
    require(
        parameters.keys() == wanted.keys(),
        f"expected parameters {sorted(wanted)}, got {sorted(parameters)}",
    )
    counts = {len(value) if value.ndim else 0 for value in parameters.values()}
    require(
        len(counts) == 1 and counts != {0},
        f"expected the parameters of as many networks under every name, got {sorted(counts)}",
    )
    (count,) = counts
    for name, value in parameters.items():
        shape = (count, *wanted[name].shape)
        require(
            tuple(value.shape) == shape,
            f"expected parameters {name!r} of shape {shape}, got {tuple(value.shape)}",
        )
    require_batches("inputs", inputs, count)
    require_batches("others", others, count)
    stacked = [
        layer._replace(
            weight=parameters[f"{layer.name}.weight"].detach(),
            bias=None if layer.bias is None else parameters[f"{layer.name}.bias"].detach(),
        )
        for layer in net.layers
    ]
    try:
        whole = net._replace(layers=stacked)
        terms = _stacked(whole, inputs, others, outputs, layers, bias=bias)
    except NoPerceptron as reason:
        raise InputError(
            "expected finite parameters and inputs of one floating-point format and of sizes that "
            f"fit, and names of layers among {[layer.name for layer in net.layers]}, got: {reason}"
        ) from None
    return TangentKernel(terms, left_out(model, net, layers, bias=bias))


def _stacked(
    net: Perceptron,
    inputs: Batches,
    others: Batches | None,
    outputs: Literal["trace", "full"],
    layers: Collection[str] | None,
    *,
    bias: bool,
) -> Mapping[str, Tensor]:
    """As many networks at a time as fit into the cache."""
    one, other = _rows(net, inputs), None if others is None else _rows(net, others)
    wanted = chosen_layers(net.layers, layers)
    biases = [bias and layer.bias is not None for layer in net.layers]
    count, classes, _ = net.layers[-1].weight.shape
    widest = max(layer.weight.shape[-1] for layer in net.layers)
    if outputs == "full":
        return closed_terms(net, one, other, outputs=outputs, biases=biases, wanted=wanted)
    size = max(1, _BYTES // (one.shape[-2] * classes * widest * one.element_size()))
    found: dict[str, list[Tensor]] = {}
    for start in range(0, count, size):
        part = slice(start, start + size)
        cut = [
            layer._replace(
                weight=layer.weight[part], bias=None if layer.bias is None else layer.bias[part]
            )
            for layer in net.layers
        ]
        terms = closed_terms(
            net._replace(layers=cut),
            one[part],
            None if other is None else other[part],
            outputs=outputs,
            biases=biases,
            wanted=wanted,
        )
        for name in terms:
            found.setdefault(name, []).append(terms[name])
    return {
        name: parts[0] if len(parts) == 1 else torch.cat(parts) for name, parts in found.items()
    }


def _rows(net: Perceptron, batches: Batches) -> Tensor:
    """(B, N, d)."""
    count, own = len(net.layers[0].weight), isinstance(batches, list)
    plain = batches if isinstance(batches, list) else [batches]
    if any(type(batch) is not Tensor or batch.numel() == 0 for batch in plain):
        raise NoPerceptron("the inputs are no tensors of at least one sample")
    if net.flat and all(batch.ndim > 1 for batch in plain):
        plain = [batch.flatten(1) for batch in plain]
    if any(batch.ndim != 2 for batch in plain):
        raise NoPerceptron("the inputs are no rows, one per sample")
    formats = {
        (value.dtype, value.device)
        for layer in net.layers
        for value in layer[1:3]
        if value is not None
    }
    if formats != {(batch.dtype, batch.device) for batch in plain}:
        raise NoPerceptron("inputs and weights are of several formats")
    if plain[0].dtype not in (torch.float32, torch.float64):
        raise NoPerceptron("inputs and weights are not of 32 or 64 bits")
    if own:
        return torch.stack([batch.detach() for batch in plain])
    return plain[0].detach().expand(count, *plain[0].shape)


def _one_by_one(
    models: list[nn.Module],
    inputs: Batches,
    others: Batches | None,
    outputs: Literal["trace", "full"],
    layers: Collection[str] | None,
    *,
    bias: bool,
) -> TangentKernel:
    found: list[TangentKernel] = []
    for index, model in enumerate(models):
        one = inputs[index] if isinstance(inputs, list) else inputs
        other = others[index] if isinstance(others, list) else others
        try:
            kernel = tangent_kernel(model, one, other, outputs=outputs, layers=layers, bias=bias)
        except InputError as error:
            raise InputError(f"network {index}: {error}") from error
        shapes = {name: tuple(term.shape) for name, term in kernel.terms.items()}
        first = found[0] if found else kernel
        wanted = {name: tuple(term.shape) for name, term in first.terms.items()}
        require(
            shapes == wanted and kernel.left_out == first.left_out,
            f"expected networks whose kernels have the same layers and shapes, got {wanted} of "
            f"network 0 and {shapes} of network {index}",
        )
        found.append(kernel)
    terms = {name: torch.stack([kernel.terms[name] for kernel in found]) for name in found[0].terms}
    return TangentKernel(terms, found[0].left_out)
