"""Multilayer perceptrons, read off a module: linear layers and entrywise activations in a row.

For them the tangent kernel has a closed form that needs no autograd. What is read is what would
run: exact classes, their own ``forward``, no hook on a module, nothing that shadows
a method or a weight, no mode of torch that changes what a call means. It is read anew at every
call, so that a module which has changed is the module that it has become.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as modules

from theorems.impl.networks.entrywise import KINDS, Entrywise


class Affine(NamedTuple):
    """One linear layer and the activations between it and the next.

    Args:
        name: of the module.
        weight: (d_out, d_in); of a stack of networks (B, d_out, d_in).
        bias: (d_out,) or (B, d_out); None without one.
        after: activations, in the order in which they run.
    """

    name: str
    weight: Tensor
    bias: Tensor | None
    after: list[Entrywise]


class Perceptron(NamedTuple):
    """Linear layers in the order in which they run.

    Args:
        layers: one or more.
        before: activations that the inputs go through first.
        flat: whether the inputs of a sample are flattened first.
        kind: what runs, but for the weights: equal where two networks differ in these alone.
    """

    layers: list[Affine]
    before: list[Entrywise]
    flat: bool
    kind: tuple[Any, ...]


class NoPerceptron(Exception):  # noqa: N818
    """Why a module is none; never leaves this package."""


_BASE = frozenset(vars(nn.Identity()))
_OWN: dict[type[nn.Module], frozenset[str]] = {
    nn.Sequential: frozenset(),
    nn.Linear: frozenset({"in_features", "out_features"}),
    nn.Identity: frozenset(),
    nn.Dropout: frozenset({"p", "inplace"}),
    nn.Flatten: frozenset({"start_dim", "end_dim"}),
    **{kind: frozenset(vars(kind())) - _BASE for kind in KINDS},
}
OPTIONS: dict[type[nn.Module], tuple[str, ...]] = {
    **dict.fromkeys(_OWN, ()),
    **{kind: made.options for kind, made in KINDS.items()},
    nn.Dropout: ("training",),
    nn.Flatten: ("start_dim", "end_dim"),
}
"""The attributes of a class that what is read hangs on."""
_SHADOWING = {kind: frozenset(dir(kind)) | {"weight", "bias"} for kind in _OWN}
_NUMBERS = (int, float, str)
_MISSING: Any = object()
_NAMES = ("__call__", "_wrapped_call_impl", "_call_impl")


def _genuine(function: Any) -> Any:
    """A function that torch itself defines, under whatever name it stands there; None for another
    one.
    """
    home = getattr(function, "__globals__", {}).get("__name__", "torch.nn")
    return function if str(home).startswith("torch.nn") else None


_CALLS = [(name, _genuine(getattr(nn.Module, name))) for name in _NAMES]
_FORWARDS = {kind: _genuine(kind.forward) for kind in _OWN}
_LINEAR, _DROPOUT = functional.linear, functional.dropout


def require_ordinary_calls() -> None:
    """Calls mean what torch says: no mode, transformation, autocast or hook on all modules.

    Raises:
        NoPerceptron: naming what is on.
    """
    c = torch._C
    if c._len_torch_function_stack() or c._len_torch_dispatch_stack():
        raise NoPerceptron("a mode of torch is on")
    if c._is_any_autocast_enabled() or c._get_tracing_state() is not None:
        raise NoPerceptron("autocast or a tracer is on")
    if c._functorch.peek_interpreter_stack() is not None or torch.compiler.is_compiling():
        raise NoPerceptron("a transformation of torch.func or a compiler is on")
    if (
        modules._global_forward_hooks
        or modules._global_forward_pre_hooks
        or modules._global_backward_hooks
        or modules._global_backward_pre_hooks
    ):
        raise NoPerceptron("there are hooks on all modules")
    own = vars(nn.Module)
    for name, function in _CALLS:
        if own[name] is not function:
            raise NoPerceptron(f"nn.Module.{name} is not torch's own")
    if functional.linear is not _LINEAR or functional.dropout is not _DROPOUT:
        raise NoPerceptron("a function of torch.nn.functional is not torch's own")


def require_ordinary(kind: type[nn.Module]) -> None:
    """A class does what torch wrote there.

    Raises:
        NoPerceptron: its ``forward``, or the function that this looks up, is somebody else's.
    """
    if kind.forward is not _FORWARDS[kind]:
        raise NoPerceptron(f"{kind.__name__}.forward is not torch's own")
    known = KINDS.get(kind)
    if known is not None and getattr(known.home, known.name) is not known.function:
        raise NoPerceptron(f"the function {known.name} is not torch's own")


def has_more(module: nn.Module) -> bool:
    """Whether somebody gave a module attributes that its class does not."""
    return bool(vars(module).keys() - _BASE - _OWN[type(module)])


def _state(module: nn.Module, name: str) -> tuple[type[nn.Module], dict[str, Any]]:
    """Class and attributes of a module that is what its class says and nothing more."""
    kind, state = type(module), vars(module)
    own = _OWN.get(kind)
    if own is None:
        raise NoPerceptron(f"{name!r} is a {kind.__name__}, not a linear layer or an activation")
    require_ordinary(kind)
    if len(state) != len(_BASE) + len(own) or not (state.keys() >= _BASE and state.keys() >= own):
        _refuse_shadows(kind, state.keys() - _BASE - own, name)
        if not (state.keys() >= _BASE and state.keys() >= own):
            raise NoPerceptron(f"{name!r} lacks attributes that a {kind.__name__} has")
    if (
        state["_forward_hooks"]
        or state["_forward_pre_hooks"]
        or state["_backward_hooks"]
        or state["_backward_pre_hooks"]
    ):
        raise NoPerceptron(f"{name!r} has hooks")
    if state["_buffers"] or (kind is not nn.Linear and state["_parameters"]):
        raise NoPerceptron(f"{name!r} holds tensors that a {kind.__name__} has not")
    if kind is not nn.Sequential and state["_modules"]:
        raise NoPerceptron(f"{name!r} holds modules that a {kind.__name__} has not")
    return kind, state


def _refuse_shadows(kind: type[nn.Module], more: set[str], name: str) -> None:
    shadows = more & _SHADOWING[kind]
    if shadows:
        raise NoPerceptron(f"{name!r} has a {min(shadows)!r} of its own")


def _leaves(model: nn.Module, prefix: str, found: list[tuple[str, nn.Module]]) -> None:
    """What a Sequential calls, in order, with names as `torch.nn.Module.named_modules` has them."""
    _state(model, prefix or "the model")
    for name, child in vars(model)["_modules"].items():
        if type(child) is nn.Sequential:
            _leaves(child, f"{prefix}{name}.", found)
        else:
            found.append((prefix + name, child))


def perceptron(model: nn.Module) -> Perceptron:
    """``model`` as linear layers and entrywise activations.

    Raises:
        NoPerceptron: it is something else, or something would run beside it.
    """
    if type(model) is not nn.Sequential:
        raise NoPerceptron(f"the model is a {type(model).__name__}, not an nn.Sequential")
    require_ordinary_calls()
    leaves: list[tuple[str, nn.Module]] = []
    _leaves(model, "", leaves)
    layers: list[Affine] = []
    before: list[Entrywise] = []
    after, flat, seen = before, False, set()
    kinds: list[Any] = []
    for name, module in leaves:
        kind, state = _state(module, name)
        if kind is nn.Linear:
            if id(module) in seen:
                raise NoPerceptron(f"{name!r} runs more than once")
            seen.add(id(module))
            layers.append(_affine(name, state))
            after = layers[-1].after
            kinds.append((name, layers[-1].weight.shape, layers[-1].bias is not None))
        elif kind in KINDS:
            kinds.append((kind, *(state[option] for option in KINDS[kind].options)))
            after.append(_activation(kind, state, name))
        elif kind is nn.Flatten:
            if (state["start_dim"], state["end_dim"]) != (1, -1):
                raise NoPerceptron(f"{name!r} flattens something else than a sample")
            flat = flat or not layers
            kinds.append(flat)
        elif kind is nn.Dropout and state["training"]:
            raise NoPerceptron(f"{name!r} drops entries; call model.eval() to switch it off")
        elif kind is nn.Sequential:
            raise NoPerceptron(f"{name!r} is no module that runs once")
    if not layers:
        raise NoPerceptron("there is no linear layer")
    return Perceptron(layers, before, flat, tuple(kinds))


def ordinary(parameter: Any) -> bool:
    """Whether it is an ``nn.Parameter`` of numbers in rows.

    Hooks on it see gradients by it, and of these there are none here.
    """
    return type(parameter) is nn.Parameter and parameter.layout is torch.strided


def _affine(name: str, state: dict[str, Any]) -> Affine:
    parameters = state["_parameters"]
    if len(parameters) != 2 or type(parameters) is not dict:
        raise NoPerceptron(f"{name!r} has other parameters than a weight and a bias")
    weight, bias = parameters.get("weight", _MISSING), parameters.get("bias", _MISSING)
    for parameter in (weight, bias):
        if parameter is not None and not ordinary(parameter):
            raise NoPerceptron(f"{name!r} has a parameter that is no plain nn.Parameter")
    if weight is None or weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        raise NoPerceptron(f"{name!r} has a weight and a bias that do not fit")
    return Affine(name, weight, bias, [])


def _activation(kind: type[nn.Module], state: dict[str, Any], name: str) -> Entrywise:
    known = KINDS[kind]
    for option in known.options:
        if type(state[option]) not in _NUMBERS:
            raise NoPerceptron(f"{name!r} has a {option} that is no number")
    return known.made(state)
