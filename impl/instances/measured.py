"""What the fields of an instance are: data, measured, or granted; declared where the type is
defined, never by an import.

*Data* are exact by definition: the weights of a drawn network. A *measured* field was computed (a
gradient, a factor, an inverse), and its type says how far the computation can be off. A *granted*
field was measured too, but claims take it as given: the gradients of a layer's weight are functions
of ∇_Z. How far a granted field can be off is asked only before a claim is REFUTED: what its
rounding can explain refutes nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.numbers.rounded import UNIT, Ball

Rounding: TypeAlias = Callable[[Any], Any]
"""Of the instance with balls for its fields: the formula that was computed (its radius counts), or
the radius itself.
"""

Slack: TypeAlias = Callable[[Any], Any] | None
"""Of the instance: the radius of a granted field (or a `Doubt`), None where nobody knows; None
alone: nobody ever does.
"""


UNDECLARED: Mapping[str, Rounding] = MappingProxyType({})
"""What a type has that says nothing of its fields."""


def check_declared(kind: type) -> None:
    """Refuse a type whose declaration of measured fields says nothing.

    Raises:
        InputError: for a name that is no field, or a field without a bound.
    """
    annotated = {name for parent in kind.__mro__ for name in getattr(parent, "__annotations__", {})}
    for label in ("measured", "granted"):
        declared = kind.__dict__.get(label, {})
        if isinstance(declared, property) or hasattr(declared, "__get__"):
            continue
        hint = (
            'write measured = {"factor": lambda it: it.left @ it.right}, the formula that was '
            "computed, on balls"
        )
        require(
            isinstance(declared, Mapping),
            f"expected {label} of {kind.__name__} to say of every measured field how far it can be "
            f"off, got {declared!r}; {hint}, or its radius, or impl.unknown",
        )
        for name, bound in declared.items():
            require(
                name in annotated,
                f"expected {label} of {kind.__name__} to name fields, got {name!r}, which "
                "is none of them",
            )
            require(
                callable(bound) or (bound is None and label == "granted"),
                f"expected {label}[{name!r}] of {kind.__name__} to be a function that says how far "
                f"{name!r} can be off, got {bound!r}; {hint}, or its radius, or impl.unknown",
            )


def unknown(instance: Any) -> float:  # noqa: ARG001
    """The bound of a measured field of which nobody knows how far it can be off: what depends on it
    is UNDECIDED.
    """
    return math.inf


def is_declared(kind: type) -> bool:
    """Whether a type, or one that it inherits from, says which of its fields were measured."""
    return any(
        "measured" in parent.__dict__ or "enclosed" in parent.__dict__
        for parent in kind.__mro__
        if parent.__name__ != "Instance" or not parent.__module__.endswith(".instance")
    )


def given(value: Any) -> Any:
    """Data: exact by definition, in whatever format they came."""
    return Ball(value) if isinstance(value, Tensor) else value


def enclosed(instance: Any) -> Any:
    """The instance with a `Ball` for every operand, as its type declares: data exact, measured
    fields with their radii.
    """
    declared: Mapping[str, Rounding] = getattr(type(instance), "measured", {})
    balls, coarse = instance.map(given), instance.coarseness
    unit = max(UNIT, getattr(instance, "unit", 0.0), coarse)
    model = instance.map(
        lambda value: Ball(value, unit=unit) if isinstance(value, Tensor) else value
    )
    for name, bound in declared.items():
        value = getattr(instance, name)
        if value is None:
            continue
        found = bound(model)
        parts = (
            tuple(
                _widened(v, f, coarse) for v, f in zip(value, _as_many(found, value), strict=True)
            )
            if isinstance(value, tuple)
            else _widened(value, found, coarse)
        )
        balls = dataclasses.replace(balls, **{name: parts})
        model = dataclasses.replace(model, **{name: parts})
    return balls


def _as_many(found: Any, value: tuple[Any, ...]) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,) * len(value)


def _widened(value: Tensor, bound: Any, coarse: float) -> Ball:
    """The measured numbers with the radius of their model, or with the radius that was given.

    A radius is stated in units of float64; what was measured more coarsely is off by as many of its
    own.
    """
    if isinstance(bound, Ball):
        require(
            bound.shape == tuple(value.shape),
            "expected the formula of a measured field to give its shape "
            f"{tuple(value.shape)}, got {bound.shape}",
        )
        return Ball(value, bound.radius)
    radius = torch.as_tensor(bound, dtype=torch.float64, device=value.device) * max(
        1.0, coarse / UNIT
    )
    return Ball(value, radius.expand_as(value).clone() if bool(radius.any()) else None)


# -- granted fields --------------------------------------------------------------------------------


class Doubt(NamedTuple):
    """How far a field that was taken as given can be off.

    Args:
        radius: entry by entry.
        known: whether that is a bound; else it is half of the digits, for want of one.
    """

    radius: Tensor
    known: bool


def doubts(instance: Any) -> dict[str, Doubt | tuple[Doubt, ...]]:
    """Every granted field of an instance of floats, and, of a type that says nothing of its fields,
    every field.
    """
    kind = type(instance)
    if not is_declared(kind):
        granted: Mapping[str, Slack] = dict.fromkeys(f.name for f in dataclasses.fields(instance))
    else:
        granted = getattr(kind, "granted", {})
    found: dict[str, Doubt | tuple[Doubt, ...]] = {}
    for name, slack in granted.items():
        value = getattr(instance, name)
        if isinstance(value, tuple) and value and all(isinstance(part, Tensor) for part in value):
            found[name] = tuple(_half(part, instance) for part in value)
        elif isinstance(value, Tensor) and value.dtype.is_floating_point:
            radius = None if slack is None else slack(instance)
            if isinstance(radius, Tensor):
                radius = Doubt(radius, known=True)
            found[name] = _half(value, instance) if radius is None else radius
    return found


def _half(value: Tensor, instance: Any) -> Doubt:
    """Half of the digits of the largest entry: what rounding does to a number that is no worse
    computed than that.
    """
    unit = max(getattr(instance, "unit", 0.0), torch.finfo(value.dtype).eps / 2)
    top = value.detach().double().abs().amax() if value.numel() else torch.zeros(()).double()
    return Doubt(math.sqrt(unit) * top.expand(value.shape), known=False)


def known_doubts(found: Mapping[str, Doubt | tuple[Doubt, ...]]) -> tuple[int, bool]:
    """How many entries are in doubt, and whether all of it is proved."""
    each = [doubt for value in found.values() for doubt in _each(value)]
    return sum(doubt.radius.numel() for doubt in each), all(doubt.known for doubt in each)


def moved(instance: Any, fields: Mapping[str, Any]) -> Any:
    """Granted fields somewhere else, and measured fields by as much as the formulas that they are
    declared by move.
    """
    declared: Mapping[str, Rounding] = getattr(type(instance), "measured", {})
    other = dataclasses.replace(instance, **fields)
    for name, formula in declared.items():
        value = getattr(instance, name)
        if not isinstance(value, Tensor) or not isinstance(formula(instance.map(given)), Ball):
            continue  # a radius says nothing of what the field depends on
        other = dataclasses.replace(other, **{name: value + formula(other) - formula(instance)})
    return other


def variations(instance: Any, *, count: int = 6) -> Iterator[tuple[float, Any]]:
    """Instances whose granted fields are somewhere else, and what follows from them with them.

    Each comes with the factor by which the doubt was enlarged to move them, so that rounding does
    not hide in the difference.

    Args:
        instance: of floats.
        count: how many.
    """
    doubted = doubts(instance)
    if not doubted:
        return
    sizes = [
        float(part.radius.max())
        for each in doubted.values()
        for part in _each(each)
        if part.radius.numel()
    ]
    top = max(sizes, default=0.0)
    if top == 0 or not math.isfinite(top):
        return
    source, wide = torch.Generator().manual_seed(0), instance.double()
    scales = {
        name: tuple(
            _stretch(value, part.radius)
            for value, part in zip(_each(getattr(wide, name)), _each(each), strict=True)
        )
        for name, each in doubted.items()
    }
    factor = min((scale for each in scales.values() for scale in each if scale > 0), default=1.0)
    for _ in range(count):
        fields = {}
        for name, each in doubted.items():
            value = getattr(wide, name)
            steps = tuple(
                part_value + factor * part.radius.to(part_value.device) * _signs(part_value, source)
                for part_value, part in zip(_each(value), _each(each), strict=True)
            )
            fields[name] = steps if isinstance(value, tuple) else steps[0]
        yield factor, wide.moved(**fields)


def _each(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) and not isinstance(value, Doubt) else (value,)


def _stretch(value: Tensor, radius: Tensor) -> float:
    """By how much a radius may be enlarged until it reaches 2⁻⁶ of the largest entry; 1 for
    zeros.
    """
    size, top = (
        float(radius.max()) if radius.numel() else 0.0,
        float(value.abs().max()) if value.numel() else 0.0,
    )
    return max(1.0, top / size / 64) if size > 0 else 0.0


def _signs(like: Tensor, source: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=source, dtype=torch.float64).to(like.device)
