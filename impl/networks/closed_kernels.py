"""The tangent kernel of a module in closed form, where the module is a multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from theorems.impl.networks.factored_kernels import factored
from theorems.impl.networks.perceptron_kernels import Summed, empty, trace_terms
from theorems.impl.networks.perceptron_passes import Pass, forward
from theorems.impl.networks.perceptron_readings import read
from theorems.impl.networks.perceptrons import Affine, NoPerceptron, Perceptron

_FORMATS = (torch.float32, torch.float64)
_FEW = 2**14
"""Entries up to which numbers are looked at all together."""
_INFINITE = "there are numbers that are not finite, or too large to tell"


def closed_form_obstacle(model: nn.Module) -> str | None:
    """Why `impl.tangent_kernel` of ``model`` takes the way of any module, through autograd; None
    where it takes the closed form of a multilayer perceptron, which is many times faster on small
    networks.

    The closed form is for an ``nn.Sequential`` (also of others) of ``nn.Linear``, activations of
    ``torch.nn`` that act on every entry alone, ``nn.Identity``, ``nn.Flatten`` and ``nn.Dropout``
    that is off: of these very classes, without hooks, parametrizations, modes of torch or
    attributes that hide their methods.

    Args:
        model: any module.

    Returns:
        the first thing that stands in the way, in a few words.
    """
    try:
        read(model)
    except NoPerceptron as reason:
        return str(reason)
    return None


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
    net = read(model)
    wanted = chosen_layers(net.layers, layers)
    biases = [bias and layer.bias is not None for layer in net.layers]
    one = _batch(net, inputs)
    other = None if others is None else _batch(net, others)
    terms = closed_terms(net, one, other, outputs=outputs, biases=biases, wanted=wanted)
    return terms, left_out(model, net, layers, bias=bias)


def left_out(
    model: nn.Module, net: Perceptron, layers: Collection[str] | None, *, bias: bool
) -> tuple[str, ...]:
    """Names of the parameters that no term contains."""
    if layers is None and bias:
        return ()
    chosen = [net.layers[i] for i in chosen_layers(net.layers, layers)]
    held = {id(layer.weight) for layer in chosen}
    held |= {id(layer.bias) for layer in chosen if bias}
    return tuple(name for name, p in model.named_parameters() if id(p) not in held)


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
    names = [net.layers[i].name for i in wanted]
    shape = (len(wanted), *net.layers[0].weight.shape[:-2], one.shape[-2], one.shape[-2])
    if other is not None:
        shape = (*shape[:-1], other.shape[-2])
    stack = empty(one, shape if outputs == "trace" else ())
    with torch.inference_mode():  # in which torch keeps no books
        try:
            left = forward(net, one)
            right = left if other is None else forward(net, other)
        except RuntimeError as error:
            raise NoPerceptron("the batch does not fit the network") from error
        numbers = _numbers(net, one, other, left, right)
        if outputs == "trace":
            trace_terms(stack, net, left, right, biases, wanted)
            numbers.append(stack)
        _require_finite(numbers)
        if outputs == "full":
            terms = factored(net, left, right, names, biases, wanted)
            if not terms.finite():
                raise NoPerceptron(_INFINITE)
            return terms
    return Summed(names, stack)


def _numbers(
    net: Perceptron, one: Tensor, other: Tensor | None, left: Pass, right: Pass
) -> list[Tensor]:
    """All that must be finite."""
    numbers = [one, left.outputs]
    if other is not None:
        numbers += [other, right.outputs]
    for _, weight, bias, _ in net.layers:
        numbers.append(weight)
        if bias is not None:
            numbers.append(bias)
    return numbers


def chosen_layers(layers: list[Affine], names: Collection[str] | None) -> list[int]:
    """Places of the layers of these names.

    Raises:
        NoPerceptron: there is none of some name, or none is wanted.
    """
    if names is None:
        return list(range(len(layers)))
    chosen = {names} if isinstance(names, str) else set(names)
    found = [i for i, layer in enumerate(layers) if layer.name in chosen]
    if len(found) < len(chosen) or not found:
        raise NoPerceptron("unknown names of layers")
    return found


def _batch(net: Perceptron, inputs: Any) -> Tensor:
    """The numbers of one batch as rows."""
    if type(inputs) is not Tensor or inputs.dtype not in _FORMATS:
        raise NoPerceptron("the inputs are no tensor of 32 or 64 bits")
    if inputs.layout is not torch.strided or inputs.is_nested or inputs.is_meta:
        raise NoPerceptron("the inputs are no plain tensor")
    rows = inputs.flatten(1) if net.flat and inputs.numel() > 0 < inputs.ndim else inputs
    if rows.ndim != 2 or rows.numel() == 0:
        raise NoPerceptron("the inputs are no rows, one per sample")
    return rows


def _require_finite(tensors: Sequence[Tensor]) -> None:
    """A NaN or an infinity survives every summation; small tensors are summed all at once."""
    if sum(map(Tensor.numel, tensors)) <= _FEW:
        tensors = (torch._utils._flatten_dense_tensors(tensors),)
    for tensor in tensors:
        if not math.isfinite(tensor.sum().item()):
            raise NoPerceptron(_INFINITE)
