"""Activations that act on every entry alone: their values and their slopes, as torch's own backward
pass has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

Slope: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Entrywise(NamedTuple):
    """One activation.

    Args:
        value: σ, of what comes in.
        slope: σ′, of what came in and what σ made of it.
    """

    value: Callable[[Tensor], Tensor]
    slope: Slope


class Kind(NamedTuple):
    """A class of modules whose ``forward`` is one function of torch on every entry.

    Args:
        name: of that function.
        home: where ``forward`` looks the function up.
        function: what stood there when this was imported.
        options: attributes that it reads.
        made: the activation, of these attributes.
    """

    name: str
    home: Any
    function: Any
    options: tuple[str, ...]
    made: Callable[[Mapping[str, Any]], Entrywise]


def _aten(name: str, *options: Any, **named: Any) -> Slope:
    """The slope that torch's backward function ``name`` multiplies a gradient with."""
    backward = getattr(torch.ops.aten, name).default
    return lambda h, _z: backward(torch.ones_like(h), h, *options, **named)


def _elu(alpha: float, scale: float, inner: float) -> Slope:
    backward = torch.ops.aten.elu_backward.default
    return lambda h, _z: backward(torch.ones_like(h), alpha, scale, inner, False, h)


def _relu_slope(_h: Tensor, z: Tensor) -> Tensor:
    return torch.sign(z)  # of a number that is zero or above


def _tanh_slope(_h: Tensor, z: Tensor) -> Tensor:
    return torch.ops.aten.tanh_backward.default(torch.ones_like(z), z)


def _sigmoid_slope(_h: Tensor, z: Tensor) -> Tensor:
    return torch.ops.aten.sigmoid_backward.default(torch.ones_like(z), z)


_RELU = Entrywise(torch.relu, _relu_slope)
_TANH = Entrywise(torch.tanh, _tanh_slope)
_SIGMOID = Entrywise(torch.sigmoid, _sigmoid_slope)
_SILU = Entrywise(functional.silu, _aten("silu_backward"))
_MISH = Entrywise(functional.mish, _aten("mish_backward"))
_SELU = Entrywise(functional.selu, _elu(1.6732632423543772, 1.0507009873554805, 1.0))
_HARDSWISH = Entrywise(functional.hardswish, _aten("hardswish_backward"))
_HARDSIGMOID = Entrywise(functional.hardsigmoid, _aten("hardsigmoid_backward"))


def _gelu(o: Mapping[str, Any]) -> Entrywise:
    how = o["approximate"]
    return Entrywise(
        lambda h: functional.gelu(h, approximate=how), _aten("gelu_backward", approximate=how)
    )


def _leaky(o: Mapping[str, Any]) -> Entrywise:
    slope = o["negative_slope"]
    return Entrywise(
        lambda h: functional.leaky_relu(h, slope),
        _aten("leaky_relu_backward", slope, False),
    )


def _hardtanh(o: Mapping[str, Any]) -> Entrywise:
    low, high = o["min_val"], o["max_val"]
    return Entrywise(
        lambda h: functional.hardtanh(h, low, high), _aten("hardtanh_backward", low, high)
    )


def _softplus(o: Mapping[str, Any]) -> Entrywise:
    beta, top = o["beta"], o["threshold"]
    return Entrywise(
        lambda h: functional.softplus(h, beta, top), _aten("softplus_backward", beta, top)
    )


def _exponential(o: Mapping[str, Any]) -> Entrywise:
    alpha = o["alpha"]
    return Entrywise(lambda h: functional.elu(h, alpha), _elu(alpha, 1.0, 1.0))


def _kind(
    name: str,
    made: Entrywise | Callable[[Mapping[str, Any]], Entrywise],
    *options: str,
    home: Any = functional,
) -> Kind:
    make = made if not isinstance(made, Entrywise) else lambda _options: made
    return Kind(name, home, getattr(home, name), options, make)


KINDS: dict[type[nn.Module], Kind] = {
    nn.ReLU: _kind("relu", _RELU),
    nn.Tanh: _kind("tanh", _TANH, home=torch),
    nn.Sigmoid: _kind("sigmoid", _SIGMOID, home=torch),
    nn.SiLU: _kind("silu", _SILU),
    nn.GELU: _kind("gelu", _gelu, "approximate"),
    nn.LeakyReLU: _kind("leaky_relu", _leaky, "negative_slope"),
    nn.ELU: _kind("elu", _exponential, "alpha"),
    nn.SELU: _kind("selu", _SELU),
    nn.Softplus: _kind("softplus", _softplus, "beta", "threshold"),
    nn.Hardtanh: _kind("hardtanh", _hardtanh, "min_val", "max_val"),
    nn.ReLU6: _kind("hardtanh", _hardtanh, "min_val", "max_val"),
    nn.Mish: _kind("mish", _MISH),
    nn.Hardswish: _kind("hardswish", _HARDSWISH),
    nn.Hardsigmoid: _kind("hardsigmoid", _HARDSIGMOID),
}
"""By the exact class: what a subclass computes is anybody's guess. CELU is none of them: its
backward pass rounds 1 / α to 32 bits.
"""
