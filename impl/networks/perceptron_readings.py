"""A module is read once; afterwards it is only looked at whether it is still what was read."""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from torch import nn

from theorems.impl.networks import perceptrons
from theorems.impl.networks.perceptrons import NoPerceptron, Perceptron

_SHADOWS = ("forward", "weight", "bias", "_compiled_call_impl", "_call_impl", "_wrapped_call_impl")
"""What of its class or of its parameters a module's own attributes may hide."""


class Mark(NamedTuple):
    """What one module was.

    Args:
        module: the module; None for the whole network, which nothing here may keep alive.
        kind: its class.
        size: how many attributes it had.
        names: of its parameters, or of its modules.
        held: these, one by one.
        within: where it holds them; the other place is empty.
        empty: the other place.
        options: attributes that what it computes hangs on.
    """

    module: nn.Module | None
    kind: type[nn.Module]
    size: int
    names: list[str]
    held: list[Any]
    within: str
    empty: str
    options: list[tuple[str, Any]]


class Reading(NamedTuple):
    """A perceptron, the modules that it was read off, and their classes."""

    net: Perceptron
    marks: list[Mark]
    kinds: set[type[nn.Module]]


_KNOWN: WeakKeyDictionary[nn.Module, Reading] = WeakKeyDictionary()


def read(model: nn.Module) -> Perceptron:
    """`impl.networks.perceptrons.perceptron`, from memory where nothing has changed since.

    Remembered is what the modules are: classes, attributes, hooks, and which parameters they hold.
    Numbers are not, so that training needs no second reading.

    Raises:
        NoPerceptron: as there.
    """
    known = _KNOWN.get(model) if type(model) is nn.Sequential else None
    if known is not None and _unchanged(model, known):
        perceptrons.require_ordinary_calls()
        return known.net
    net = perceptrons.perceptron(model)
    modules = list(model.modules())
    if any(perceptrons.has_more(module) for module in modules):
        _KNOWN.pop(
            model, None
        )  # what an attribute of somebody's own holds is not for us to compare
    else:
        marks = [_mark(module) for module in modules]
        marks[0] = marks[0]._replace(module=None)
        _KNOWN[model] = Reading(net, marks, {mark.kind for mark in marks})
    return net


def _mark(module: nn.Module) -> Mark:
    kind, state = type(module), vars(module)
    options = [(name, state[name]) for name in perceptrons.OPTIONS[kind]]
    places = ("_parameters", "_modules")
    within, empty = places[::-1] if kind is nn.Sequential else places
    held = state[within]
    return Mark(module, kind, len(state), list(held), list(held.values()), within, empty, options)


def _unchanged(model: nn.Module, known: Reading) -> bool:
    """Every attribute that what is read hangs on, as it was; objects are told apart by identity."""
    try:
        for module, kind, size, names, held, within, empty, options in known.marks:
            now = vars(model if module is None else module)
            if (
                type(model if module is None else module) is not kind
                or len(now) != size
                or now["_forward_hooks"]
                or now["_forward_pre_hooks"]
                or now["_backward_hooks"]
                or now["_backward_pre_hooks"]
                or now["_buffers"]
                or now[empty]
                or not now.keys().isdisjoint(_SHADOWS)
            ):
                return False
            if held or now[within]:
                if list(now[within]) != names:
                    return False
                for one, other in zip(held, now[within].values(), strict=True):
                    if one is not other:
                        return False
            for name, value in options:
                if now[name] is not value:
                    return False
        for kind in known.kinds:
            perceptrons.require_ordinary(kind)
    except (NoPerceptron, KeyError):
        return False
    return True
