"""`Instance`: what claims are checked on, and how it changes from one kind of operand to
another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import InputError, require
from theorems.impl.instances import measured as declarations
from theorems.impl.numbers.literals import compact
from theorems.impl.numbers.operands import Operand, to_exact

_LINE = 110


def _apply(function: Callable[[Operand], Operand], value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_apply(function, v) for v in value)
    return function(value) if isinstance(value, Tensor | np.ndarray) else value


@dataclasses.dataclass(frozen=True, eq=False)
class Instance:
    """Base of what claims are checked on: named operands that share their leading (batch)
    dimensions.
    """

    derived: ClassVar[tuple[str, ...]] = ()
    """Fields that the others determine: a reader sees them last."""

    silent: ClassVar[tuple[str, ...]] = ()
    """Fields that only bounds read: not shown."""

    _coarseness: ClassVar[float] = 0.0
    """What `coarseness` remembers."""

    alone: ClassVar[tuple[str, int] | None] = None
    """A field and how many dimensions it has in one instance: with more it is a stack. None where
    nobody said.
    """

    @property
    def stacked(self) -> bool:
        """Whether this is a stack, by its dimensions."""
        return self.alone is not None and len(getattr(self, self.alone[0]).shape) > self.alone[1]

    @property
    def members(self) -> tuple[Self, ...]:
        """The instances that `stack` made this of; none for a single one."""
        found: tuple[Self, ...] = vars(self).get("_members", ())
        return found

    together: ClassVar[bool] = False
    """Whether formulas of the catalogue on this type keep the members of a stack apart, so that a
    stack may be judged in one go.
    """

    measures: ClassVar[dict[str, tuple[str, int]]] = {}
    """Sizes by name, each an axis of a field: what a run reports of the instances it has drawn; by
    default the axes of every field.
    """

    def extents(self) -> dict[str, int]:
        """Depth, widths, samples and the like: the numbers of `measures`; of a tuple its length is
        the depth and its largest counts.
        """
        named = self.measures or {
            f"{field.name}, {word}": (field.name, axis)
            for field in dataclasses.fields(self)
            for word, axis in (("rows", -2), ("columns", -1))
            if field.name not in (*self.derived, *self.silent)
        }
        found: dict[str, int] = {}
        for name, (where, axis) in named.items():
            value = getattr(self, where)
            if isinstance(value, tuple) and value and hasattr(value[0], "shape"):
                found["depth"] = len(value)
            parts = value if isinstance(value, tuple) else (value,)
            shapes = [tuple(part.shape) for part in parts if isinstance(part, Tensor | np.ndarray)]
            sizes = [int(shape[axis]) for shape in shapes if -len(shape) <= axis < len(shape)]
            if self.measures and isinstance(value, int):
                sizes = [value]
            if sizes:
                found[name] = max(sizes)
        return found

    measured: ClassVar[Mapping[str, declarations.Rounding]] = declarations.UNDECLARED
    """Fields that were computed, and how far each can be off: a function of the instance on balls
    that gives the formula that was computed, or a radius. ``{}`` says that all fields are data.
    Fields of a type that says nothing are taken as given, and what rounding of half of their digits
    explains is UNDECIDED."""

    granted: ClassVar[Mapping[str, declarations.Slack]] = {}
    """Measured fields that claims take as given, and how far each can be off (None: nobody knows);
    see `impl.instances.measured`.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Keep this class's `__repr__`: `dataclasses.dataclass` would write one that dumps every
        tensor.

        Raises:
            InputError: if it names measured fields and does not say how far they can be off.
        """
        super().__init_subclass__(**options)
        declarations.check_declared(cls)
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Instance.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """Defining fields first, what is at its default left out; short enough to be read, not
        exact.
        """
        fields = {f.name: f for f in dataclasses.fields(self) if f.name not in self.silent}
        names = [name for name in fields if name not in self.derived]
        shown = {
            name: compact(getattr(self, name))
            for name in (*names, *(n for n in self.derived if n in fields))
        }
        parts = [f"{n}={text}" for n, text in shown.items() if text != compact(fields[n].default)]
        line = f"{type(self).__name__}({', '.join(parts)})"
        inner = ",\n  ".join(parts)
        return line if len(line) <= _LINE else f"{type(self).__name__}(\n  {inner}\n)"

    def map(self, function: Callable[[Operand], Operand]) -> Self:
        """The same instance with ``function`` applied to every operand, those in tuples
        included.
        """
        fields = {f.name: _apply(function, getattr(self, f.name)) for f in dataclasses.fields(self)}
        return self._as_coarse(dataclasses.replace(self, **fields))

    @property
    def coarseness(self) -> float:
        """The unit roundoff of the format in which fields were measured, also of an instance that
        was widened since.
        """
        declared = getattr(type(self), "measured", {})
        values = [getattr(self, name) for name in declared]
        parts = [
            part for value in values for part in (value if isinstance(value, tuple) else (value,))
        ]
        formats = [
            part.dtype
            for part in parts
            if isinstance(part, Tensor) and part.dtype.is_floating_point
        ]
        return max([self._coarseness, *(torch.finfo(kind).eps / 2 for kind in formats)])

    def _as_coarse(self, other: Self) -> Self:
        """``other``, which knows that its fields were measured as coarsely as these."""
        object.__setattr__(other, "_coarseness", self.coarseness)
        return other

    def exact(self) -> Self:
        """The same numbers in exact arithmetic: object arrays of integers and fractions."""
        return self.map(lambda value: to_exact(value) if isinstance(value, Tensor) else value)

    def double(self) -> Self:
        """The same numbers in float64; exact, for every narrower format."""
        narrow = False

        def widen(value: Operand) -> Operand:
            nonlocal narrow
            if isinstance(value, Tensor) and value.dtype != torch.float64:
                narrow = True
                return value.double()
            return value

        fields = {f.name: _apply(widen, getattr(self, f.name)) for f in dataclasses.fields(self)}
        return self._as_coarse(dataclasses.replace(self, **fields)) if narrow else self

    def enclosed(self) -> Any:
        """The instance with every operand as a ball: data exact, measured fields with what is
        declared of their rounding.

        Override it where the bound of a field needs more than a formula.
        """
        return declarations.enclosed(self)

    def precise(self) -> Any:
        """The instance in ball arithmetic (arb) at the precision that is set, or None if it has no
        exact meaning.

        Only data have one: floats are the numbers that they are. A measured field stays what was
        measured.
        """
        return None

    telling: ClassVar[tuple[str, ...]] = ()
    """Measured fields in whose size an equation believes: one that would hold as well with half of
    such a field is UNDECIDED.
    """

    def moved(self, **fields: Any) -> Self:
        """The instance with granted fields somewhere else, and with whatever follows from them; all
        float64 tensors.
        """
        return declarations.moved(self, fields)

    @classmethod
    def stack(cls, instances: Sequence[Self]) -> Self:
        """One instance with a leading batch dimension from instances of equal shapes; it knows its
        `members`.

        Raises:
            InputError: unequal shapes, fields that are no operands and differ, or instances of a
                type that cannot be stacked.
        """
        require(len(instances) > 0, "expected at least one instance to stack, got none")
        first = instances[0]
        names = [field.name for field in dataclasses.fields(first)]
        fields = {
            name: _joined(
                f"{name} of {type(first).__name__}", [getattr(one, name) for one in instances]
            )
            for name in names
        }
        require(
            any(_operands(value) for value in fields.values()),
            f"expected instances of tensors or exact numbers to stack, got {type(first).__name__} "
            "without either: judge them one by one",
        )
        try:
            joined = dataclasses.replace(first, **fields)
        except (ValueError, RuntimeError) as error:  # an InputError is a ValueError
            raise InputError(
                "expected instances that can be stacked, got those of "
                f"{type(first).__name__}, which are judged one by one: {error}"
            ) from error
        vars(joined)["_members"] = tuple(instances)
        vars(joined)["_coarseness"] = max(one.coarseness for one in instances)
        return joined

    def split(self) -> Self:
        """The same as a stack that knows its `members`, which share its memory: where all were
        made together, along the first dimension of every operand.

        Raises:
            InputError: operands whose first dimensions differ.
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        counts = {size for value in values.values() for size in _leading(value)}
        require(
            len(counts) == 1,
            "expected operands with one leading dimension to split, got "
            f"{', '.join(map(str, sorted(counts))) or 'none'}",
        )
        members = []
        for at in range(counts.pop()):
            # what was checked of the whole need not be checked of each
            one = object.__new__(type(self))
            vars(one).update({name: _taken(value, at) for name, value in values.items()})
            vars(one)["_coarseness"] = self.coarseness
            members.append(one)
        return self._of(members, {})

    def picked(self, at: Sequence[int]) -> Self:
        """The stack of some of the `members` of a stack, by their places; the stack itself for
        all.
        """
        if list(at) == list(range(len(self.members))):
            return self
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields = {name: _taken(value, list(at)) for name, value in values.items()}
        return self._of([self.members[one] for one in at], fields)

    def _of(self, members: Sequence[Self], fields: dict[str, Any]) -> Self:
        whole = dataclasses.replace(self, **fields)
        vars(whole)["_members"] = tuple(members)
        vars(whole)["_coarseness"] = self.coarseness
        return whole


def _operands(value: Any) -> bool:
    """Whether there is an operand in a field."""
    return (
        any(map(_operands, value))
        if isinstance(value, tuple)
        else isinstance(value, Tensor | np.ndarray)
    )


def _leading(value: Any) -> Iterator[int]:
    """The first dimension of each operand in a field; 0 for one without any."""
    if isinstance(value, tuple):
        for part in value:
            yield from _leading(part)
    elif isinstance(value, Tensor | np.ndarray):
        yield value.shape[0] if value.ndim else 0


def _taken(value: Any, at: int | list[int]) -> Any:
    """One entry, or some, along the first dimension of every operand."""
    if isinstance(value, tuple) and _operands(value):
        return tuple(_taken(part, at) for part in value)
    return value[at] if isinstance(value, Tensor | np.ndarray) else value


def _joined(name: str, values: list[Any]) -> Any:
    """One field of a stack from that of its members: operands along a new first axis, anything else
    once, where all agree.
    """
    first = values[0]
    if any(type(value) is not type(first) for value in values):
        kinds = sorted({type(value).__name__ for value in values})
        raise InputError(
            f"expected instances to stack whose {name} is of one kind, got {', '.join(kinds)}"
        )
    if isinstance(first, tuple) and _operands(first):
        require(
            len({len(value) for value in values}) == 1, "expected instances of equal depth to stack"
        )
        return tuple(_joined(name, list(parts)) for parts in zip(*values, strict=True))
    if isinstance(first, Tensor | np.ndarray):
        shapes = sorted({tuple(value.shape) for value in values})
        require(
            len(shapes) == 1,
            f"expected instances of equal shapes to stack, got {name} of shapes {shapes}",
        )
        return torch.stack(values) if isinstance(first, Tensor) else np.stack(values)
    for value in values:
        require(
            value is first or bool(value == first),
            f"expected instances to stack that agree in {name}, which is no operand, got "
            f"{first!r} and {value!r}",
        )
    return first
