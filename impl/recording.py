"""Watch the linear layers of any module during one forward pass, without changing what it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from impl import patches
from impl.errors import InputError, require, require_finite

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
Layer: TypeAlias = nn.Linear | patches.Conv
Inputs: TypeAlias = Tensor | tuple[Any, ...] | list[Any] | Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of one layer: tensors of the autograd graph that only this call reads (inputs) or writes (outputs)."""

    name: str
    layer: Layer
    inputs: Tensor
    outputs: Tensor


@dataclass
class Recording:
    """What `record` saw: the calls in order, and per module the weight tensor to differentiate by."""

    calls: list[Call] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)


_MISSING = object()


class _Alias:
    """A weight that only this module reads while it runs, so that a tied parameter yields this layer's gradient alone."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.parametrized = parametrize.is_parametrized(layer, "weight")
        # a parametrized weight is cached for the whole recording: every read is this very tensor
        self.tensor = layer.weight if self.parametrized else layer.weight.detach().requires_grad_()
        self.before: Any = _MISSING

    def install(self) -> None:
        """Shadow the registered parameter: instance attributes come first."""
        if not self.parametrized:
            self.before = self.layer.__dict__.get("weight", _MISSING)
            self.layer.__dict__["weight"] = self.tensor

    def remove(self) -> None:
        """Undo `install`; harmless when there is nothing to undo."""
        if self.layer.__dict__.get("weight", _MISSING) is not self.tensor:
            return
        if self.before is _MISSING:
            del self.layer.__dict__["weight"]
        else:
            self.layer.__dict__["weight"] = self.before


def _check_input(name: str, layer: Layer, value: Any) -> None:
    require(
        isinstance(value, Tensor), f"expected layer {name!r} to be called with a tensor, got {type(value).__name__}"
    )
    if not value.dtype.is_floating_point:
        raise InputError(
            f"expected floating-point inputs at layer {name!r} (its weight is {layer.weight.dtype}), "
            f"got {value.dtype}; convert the inputs with .to({layer.weight.dtype})"
        )
    require(
        value.numel() > 0, f"expected at least one sample at layer {name!r}, got inputs of shape {tuple(value.shape)}"
    )
    require_finite(f"the inputs of layer {name!r}", value)


@contextmanager
def record(model: nn.Module) -> Iterator[Recording]:
    """Record every call of an ``nn.Linear`` or ``nn.Conv*d`` inside ``model`` while the context is open.

    Each call gets an alias of its input (so the gradient there is the one *through this layer only*, whatever else
    reads the tensor), the untouched output (a copy goes on, so that in-place activations do no harm) and an
    alias of its weight. Hooks and aliases are gone when the context closes, also after an error.

    Raises:
        InputError: no such layer, weights that are not finite, inputs that are not finite floating-point tensors.
    """
    layers = {name or type(model).__name__: m for name, m in model.named_modules() if isinstance(m, LAYERS)}
    if not layers:
        kinds = sorted({type(m).__name__ for m in model.modules()})
        raise InputError(f"expected a model with nn.Linear or nn.Conv layers, got one of {', '.join(kinds)}")
    for name, parameter in model.named_parameters():
        require(
            not isinstance(parameter, nn.UninitializedParameter), f"expected initialised weights, got lazy {name!r}"
        )
        require_finite(f"parameter {name!r}", parameter.detach())
    seen = Recording()

    def before(name: str, alias: _Alias) -> Callable[..., Any]:
        def hook(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            value = args[0] if args else kwargs["input"]
            _check_input(name, layer, value)
            if torch.is_grad_enabled():
                value = value.view_as(value) if value.requires_grad else value.detach().requires_grad_()
            alias.install()
            return (value,), {}

        return hook

    def after(name: str, alias: _Alias) -> Callable[..., Any]:
        def hook(layer: Any, args: tuple[Any, ...], outputs: Tensor) -> Tensor:
            alias.remove()
            seen.calls.append(Call(name, layer, args[0], outputs))
            return outputs.clone()

        return hook

    with ExitStack() as stack:
        stack.enter_context(parametrize.cached())
        for name, layer in layers.items():
            alias = _Alias(layer)
            seen.weights[name] = alias.tensor
            stack.callback(alias.remove)
            stack.callback(layer.register_forward_pre_hook(before(name, alias), with_kwargs=True).remove)
            stack.callback(layer.register_forward_hook(after(name, alias)).remove)
        yield seen


def run(model: nn.Module, inputs: Inputs) -> Any:
    """Outputs of ``model`` on a tensor, a tuple of arguments or a mapping of keyword arguments.

    Raises:
        InputError: an empty batch, or whatever the model raised, with the shapes that it was given.
    """
    tensors = _tensors(inputs)
    for tensor in tensors:
        shape = tuple(tensor.shape)
        require(tensor.numel() > 0, f"expected a batch of at least one sample, got inputs of shape {shape}")
        require_finite("the inputs", tensor)
    try:
        if isinstance(inputs, Mapping):
            return model(**inputs)
        if isinstance(inputs, tuple | list):
            return model(*inputs)
        return model(inputs)
    except InputError:
        raise
    except Exception as error:
        got = ", ".join(f"{tuple(t.shape)} {t.dtype}" for t in tensors) or repr(type(inputs))
        raise InputError(
            f"expected inputs that the model accepts, got {got}: it raised {type(error).__name__}: {error}"
        ) from error


def _tensors(inputs: Inputs) -> list[Tensor]:
    values = (
        inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple | list) else [inputs]
    )
    return [value for value in values if isinstance(value, Tensor)]


def _accelerated() -> bool:
    return torch.accelerator.is_available() if hasattr(torch, "accelerator") else torch.cuda.is_available()


def reseed(seed: int) -> None:
    """Seed the random state that layers such as dropout draw from."""
    # torch.manual_seed formats a stack trace for each kind of accelerator, and keeps it where there is none
    (torch.manual_seed if _accelerated() else torch.default_generator.manual_seed)(seed)


@contextmanager
def undisturbed(model: nn.Module, seed: int) -> Iterator[None]:
    """Leave ``model``'s buffers and the global random state as they were; dropout draws from ``seed``."""
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    accelerated = _accelerated()
    state = torch.get_rng_state()
    try:
        with torch.random.fork_rng(enabled=accelerated), torch.enable_grad():
            reseed(seed)
            yield
    finally:
        torch.set_rng_state(state)
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
