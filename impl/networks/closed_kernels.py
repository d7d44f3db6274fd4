"""The tangent kernel of a module in closed form, where the module is a multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from theorems.impl.networks.perceptron_kernels import Summed, factored, forward, trace_terms
from theorems.impl.networks.perceptrons import Affine, NoPerceptron, Perceptron, perceptron

_FORMATS = (torch.float32, torch.float64)
_FEW = 2**14
"""Entries up to which parameters are looked at all together."""


def closed_kernel(
    model: nn.Module,
    inputs: Any,
    others: Any,
    *,
    outputs: Literal["trace", "full"],
    layers: Collection[str] | None,
    bias: bool,
) -> tuple[Mapping[str, Tensor], tuple[str, ...]]:
    """Terms by layer name, and the parameters that no term contains.

    Nothing of ``model`` is called or written, and no random number is drawn.

    Raises:
        NoPerceptron: for all modules and batches that have no such form, and for all that are wrong
            in some way: whoever asked says how.
    """
    net = perceptron(model)
    wanted = _wanted(net.layers, layers)
    biases = [bias and layer.bias is not None for layer in net.layers]
    one = _batch(net, inputs)
    other = None if others is None else _batch(net, others)
    terms = closed_terms(net, one, other, outputs=outputs, biases=biases, wanted=wanted)
    if len(wanted) == len(net.layers) and (bias or not any(layer.bias is not None for layer in net.layers)):
        return terms, ()
    held = {id(net.layers[i].weight) for i in wanted}
    held |= {id(net.layers[i].bias) for i in wanted if biases[i]}
    named = model.named_parameters()
    return terms, tuple(name for name, parameter in named if id(parameter) not in held)


def closed_terms(
    net: Perceptron,
    one: Tensor,
    other: Tensor | None,
    *,
    outputs: Literal["trace", "full"],
    biases: list[bool],
    wanted: list[int],
) -> Mapping[str, Tensor]:
    """Terms of a perceptron, or of a stack of them.

    Raises:
        NoPerceptron: numbers that do not fit or are not finite.
    """
    if torch.is_inference_mode_enabled():
        with torch.inference_mode(False):  # noqa: FBT003
            return closed_terms(net, one, other, outputs=outputs, biases=biases, wanted=wanted)
    with torch.no_grad():
        _require_finite(net.layers)
        try:
            left = forward(net, one)
            right = left if other is None else forward(net, other)
        except RuntimeError as error:
            raise NoPerceptron("the batch does not fit the network") from error
        for seen in (left,) if other is None else (left, right):
            _require_sum(seen.outputs)
        names = [net.layers[i].name for i in wanted]
        if outputs == "trace":
            stack = trace_terms(net, left, right, biases, wanted)
            _require_sum(stack)
            return Summed(names, stack)
        terms = factored(net, left, right, names, biases, wanted)
        if not terms.finite():
            raise NoPerceptron("numbers that are not finite, or too large to tell")
        return terms


def _wanted(layers: list[Affine], names: Collection[str] | None) -> list[int]:
    if names is None:
        return list(range(len(layers)))
    chosen = {names} if isinstance(names, str) else set(names)
    found = [i for i, layer in enumerate(layers) if layer.name in chosen]
    if len(found) < len(chosen) or not found:
        raise NoPerceptron("unknown names of layers")
    return found


def _batch(net: Perceptron, inputs: Any) -> Tensor:
    """The numbers of one batch as rows, nobody else's."""
    if type(inputs) is not Tensor or inputs.dtype not in _FORMATS:
        raise NoPerceptron("the inputs are no tensor of 32 or 64 bits")
    if inputs.layout is not torch.strided or inputs.is_nested or inputs.is_meta:
        raise NoPerceptron("the inputs are no plain tensor")
    rows = inputs.detach()
    if net.flat and rows.ndim > 1 and len(rows) > 0:
        rows = rows.flatten(1)
    if rows.ndim != 2 or rows.numel() == 0:
        raise NoPerceptron("the inputs are no rows, one per sample")
    _require_sum(rows)
    return rows.clone()


def _require_finite(layers: Iterable[Affine]) -> None:
    parameters = [p for layer in layers for p in (layer.weight, layer.bias) if p is not None]
    if sum(p.numel() for p in parameters) <= _FEW:
        _require_sum(torch._utils._flatten_dense_tensors(parameters))
        return
    for parameter in parameters:
        _require_sum(parameter)


def _require_sum(tensor: Tensor) -> None:
    """A NaN or an infinity survives every summation."""
    if not math.isfinite(tensor.sum().item()):
        raise NoPerceptron("numbers that are not finite, or too large to tell")
