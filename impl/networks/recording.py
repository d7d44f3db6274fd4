"""Watch the linear layers of any module during one forward pass, without changing what it
computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from theorems.impl.errors import InputError, require, require_finite
from theorems.impl.networks import patches
from theorems.impl.networks.running import Inputs, require_usable, run, undisturbed

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
Layer: TypeAlias = nn.Linear | patches.Conv
__all__ = [
    "LAYERS",
    "Call",
    "Inputs",
    "Layer",
    "Recording",
    "record",
    "require_layers",
    "run",
    "undisturbed",
]


@dataclass(frozen=True)
class Call:
    """One call of one layer: tensors of the autograd graph that only this call reads (inputs) or
    writes (outputs).
    """

    name: str
    layer: Layer
    inputs: Tensor
    outputs: Tensor
    bias: Tensor | None = None

    @property
    def layer_name(self) -> str:
        """Name of the module: that of the call, but for what follows # if the module ran with
        several weights.
        """
        return self.name.split("#")[0]


class _Differentiated:
    """Layers through which the model or the loss differentiates; kept apart from the calls, or
    their hooks would be cycles.
    """

    def __init__(self) -> None:
        self.watching = True
        self.names: set[str] = set()

    def watch(self, name: str, outputs: Tensor) -> None:
        def mark(_gradient: Tensor) -> None:
            if self.watching and torch.is_grad_enabled():
                self.names.add(name)

        outputs.register_hook(mark)


@dataclass
class Recording:
    """What `record` saw.

    Args:
        layers: every linear layer of the model by module name.
        calls: the calls in order; those that ran with a second weight (``functional_call``, say)
            bear a second name.
        weights: per name in ``calls`` the tensor that only those calls read.
        refused: layers of which no call counts, with the reason.
        skipped: layers of which some call was left alone, with the reason.
        differentiated: see `_Differentiated`.
        forward: whether the forward pass is still on: what runs later (recomputed activations) is
            not recorded.
    """

    layers: dict[str, Layer] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    differentiated: _Differentiated = field(default_factory=_Differentiated)
    forward: bool = True

    def finish(self) -> None:
        """The forward pass and the loss are done: drop what cannot be judged, record no more."""
        self.forward = self.differentiated.watching = False
        self.refused |= dict.fromkeys(self.differentiated.names, _DIFFERENTIATED)
        self.calls = [call for call in self.calls if call.layer_name not in self.refused]

    @property
    def left_out(self) -> dict[str, str]:
        """The layers without any call, with the reason why."""
        called = {call.name for call in self.calls}
        reasons = dict.fromkeys(self.layers, _NOT_CALLED) | self.skipped | self.refused
        return {name: reason for name, reason in reasons.items() if name not in called}


_DIFFERENTIATED = (
    "the model or the loss differentiates through it with create_graph: the loss then depends on "
    "its weight through the backward pass as well"
)
_NOT_CALLED = (
    "the network never calls it as a module on any rows, and no product of its weight with "
    "features was seen either"
)
_MISSING = object()


class _Watch:
    """Hooks of one layer. While it runs it reads an alias of its weight that nothing else reads.

    So a tied parameter yields this layer's gradient alone. The alias is made at the call, of the
    weight that the layer has then: a parametrization, an older norm's hook or ``functional_call``
    may have put another one there.
    """

    def __init__(self, name: str, layer: Layer, seen: Recording) -> None:
        self.name, self.layer, self.seen = name, layer, seen
        self.kind, self.before = type(layer), layer.__dict__.get("weight", _MISSING)
        self.parametrized = parametrize.is_parametrized(layer, "weight")
        own = layer._parameters.get("weight")
        self.frozen = not (
            any(p.requires_grad for p in layer.parameters()) if own is None else own.requires_grad
        )
        self.known: list[
            tuple[str, Tensor]
        ] = []  # names, and the weight that the layer had under each
        self.running: list[tuple[str, Tensor] | None] = []
        self.shadowed: list[Any] = []

    def enter(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Alias input and weight, unless this call cannot be traced."""
        value, put = _argument(args, kwargs)
        reason = _untraceable(value)
        weight = layer.weight if reason is None else None
        reason = reason or _untraceable(weight)
        if reason is not None:
            self.seen.skipped[self.name] = reason
        if reason is not None or weight is None or value.numel() == 0:
            self.running.append(None)
            return args, kwargs
        _check_input(self.name, weight, value)
        # a frozen layer does not keep its input for the backward pass, so the network may overwrite
        # it
        value = _alias(value, copied=self.frozen) if torch.is_grad_enabled() else value
        self.running.append((self._shadow(weight), value))
        return put(value)

    def leave(self, _layer: Any, _args: tuple[Any, ...], outputs: Any) -> Any:
        """Record the call; hand a copy of the outputs on, so that in-place operations do no
        harm.
        """
        running = self.running.pop()
        if running is None:
            return outputs
        self._unshadow()
        name, value = running
        reason = _not_a_layer(self.layer, self.seen.weights[name], value, outputs)
        if reason is not None:
            self.seen.refused[self.name] = reason
            return outputs
        if self.seen.forward:
            if outputs.requires_grad:
                self.seen.differentiated.watch(self.name, outputs)
            self.seen.calls.append(Call(name, self.layer, value, outputs, self.layer.bias))
        return outputs.clone()

    def _shadow(self, weight: Tensor) -> str:
        """Put an alias in the weight's place; the name of the calls that read it."""
        name = next(
            (name for name, other in self.known if other is weight or _equal(other, weight)), None
        )
        if name is None:
            name = f"{self.name}#{len(self.known) + 1}" if self.known else self.name
            self.known.append((name, weight))
            with torch.enable_grad():
                self.seen.weights[name] = _alias(weight)
        alias = self.seen.weights[name]
        # the weight is a property of the class, which hides what the instance has
        if self.parametrized:
            self.shadowed.append(type(self.layer))
            self.layer.__class__ = type(self.kind.__name__, (type(self.layer),), {"weight": alias})
        else:  # instance attributes come before registered parameters
            self.shadowed.append(self.layer.__dict__.get("weight", _MISSING))
            self.layer.__dict__["weight"] = alias
        return name

    def _unshadow(self) -> None:
        before = self.shadowed.pop()
        if self.parametrized:
            self.layer.__class__ = before
        else:
            self._put(before)

    def _put(self, weight: Any) -> None:
        if weight is _MISSING:
            self.layer.__dict__.pop("weight", None)
        else:
            self.layer.__dict__["weight"] = weight

    def remove(self) -> None:
        """Leave the layer as it was before the recording, also after an error in the middle of a
        call.
        """
        if self.parametrized:
            self.layer.__class__ = self.kind
        else:
            self._put(self.before)


def _alias(tensor: Tensor, *, copied: bool = False) -> Tensor:
    """The same numbers as a tensor of their own in the autograd graph, still connected to what they
    come from.
    """
    if not tensor.requires_grad:
        return (tensor.detach().clone() if copied else tensor.detach()).requires_grad_()
    return tensor.clone() if copied else tensor.view_as(tensor)


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and torch.equal(one, other)


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Callable[[Any], Any]]:
    """The layer's input, whatever its name, and how to put another in its place."""
    if args:
        return args[0], lambda value: ((value, *args[1:]), kwargs)
    name = next((key for key, value in kwargs.items() if isinstance(value, Tensor)), "input")
    return kwargs.get(name), lambda value: ((), kwargs | {name: value})


COMPLEX = "its numbers are complex, and the claims about layers are about real ones"


def _untraceable(value: Any) -> str | None:  # noqa: PLR0911
    """Why a call with this input or weight is left alone, or None."""
    if not isinstance(value, Tensor):
        return f"it is called with {type(value).__name__}, not a tensor"
    if value.is_nested:
        return "it is called with a nested tensor, whose rows are of several lengths"
    if value.layout is not torch.strided:
        return "it is called with a sparse tensor"
    if value.is_complex():
        return COMPLEX
    if torch._C._functorch.is_functorch_wrapped_tensor(value):
        return (
            "it is called inside a transformation (torch.vmap, torch.func), where no single "
            "number can be seen"
        )
    if torch.is_inference_mode_enabled():
        return "it is called in inference mode, where autograd finds no path from the loss"
    return None


def _check_input(name: str, weight: Tensor, value: Tensor) -> None:
    if not value.dtype.is_floating_point:
        raise InputError(
            f"expected floating-point inputs at layer {name!r} (its weight is {weight.dtype}), "
            f"got {value.dtype}; convert the inputs with .to({weight.dtype})"
        )
    require_finite(f"the inputs of layer {name!r}", value.detach())


def _not_a_layer(layer: Layer, weight: Tensor, inputs: Tensor, outputs: Any) -> str | None:
    """Why the outputs cannot be those of a linear layer, or None if their shape fits."""
    kind = type(layer).__name__
    if not isinstance(outputs, Tensor):
        return f"{kind} returns {type(outputs).__name__}, not one tensor: it is not a linear layer"
    if isinstance(layer, nn.Linear):
        wanted = (*inputs.shape[:-1], weight.shape[0])
    else:
        wanted = patches.output_shape(layer, tuple(inputs.shape))
    if tuple(outputs.shape) == wanted:
        return None
    return (
        f"{kind} makes {tuple(outputs.shape)} of {tuple(inputs.shape)}, not {wanted}: it is "
        "not a linear layer"
    )


def require_layers(model: nn.Module) -> None:
    """Refuse a model without a linear or convolutional module.

    Raises:
        InputError: naming the kinds that it is made of.
    """
    kinds = sorted({type(m).__name__ for m in model.modules()})
    require(
        any(isinstance(m, LAYERS) for m in model.modules()),
        f"expected a model with nn.Linear or nn.Conv layers, got one of {', '.join(kinds)}"
        + (
            "; pass the module itself, before torch.jit"
            if any("Script" in kind for kind in kinds)
            else ""
        ),
    )


@contextmanager
def record(model: nn.Module) -> Iterator[Recording]:
    """Record every call of an ``nn.Linear`` or ``nn.Conv*d`` inside ``model`` while the context is
    open.

    Each call gets an alias of its input (so the gradient there is the one *through this layer
    only*, whatever else reads the tensor), the untouched output (a copy goes on, so that in-place
    activations and hooks do no harm) and an alias of its weight. Hooks and aliases are gone when
    the context closes, also after an error.

    Raises:
        InputError: weights that are not finite, inputs that are not finite floating-point tensors.
    """
    layers = {
        name or type(model).__name__: m
        for name, m in model.named_modules()
        if isinstance(m, LAYERS)
    }
    require_usable(model)
    for name, parameter in model.named_parameters():
        require_finite(f"parameter {name!r}", parameter.detach())
    seen = Recording(layers=layers)
    with ExitStack() as stack:
        for name, layer in layers.items():
            watch = _Watch(name, layer, seen)
            stack.callback(watch.remove)
            stack.callback(layer.register_forward_pre_hook(watch.enter, with_kwargs=True).remove)
            stack.callback(layer.register_forward_hook(watch.leave, prepend=True).remove)
        yield seen
