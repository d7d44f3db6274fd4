"""The choices behind a drawn instance, and other instances from changed choices.

A search that changed the numbers of an instance would break what its strategy promises (masks that
belong to weights, gradients that belong to inputs). Here the choices that the strategy made are
changed and the strategy draws again, so every instance is one that it can draw. Choices are what
Hypothesis records of a test case; `hypothesis.internal` is not a stable interface, which is why
nothing else but `impl.strategies.sampling` imports it and `tests/checking/test_falsifying.py` pins
what is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from hypothesis import Phase, __version__, settings
from hypothesis.errors import StopTest, UnsatisfiedAssumption
from hypothesis.strategies import SearchStrategy

from theorems.impl.strategies.sampling import drawing_alike

try:
    from hypothesis.control import BuildContext
    from hypothesis.database import ExampleDatabase, choices_to_bytes
    from hypothesis.internal.conjecture.choice import choice_permitted
    from hypothesis.internal.conjecture.data import ConjectureData
except ImportError as error:  # an older or a much newer one
    raise ImportError(
        "expected a version of hypothesis whose choices can be read, 6.150 or newer, got "
        f"{__version__} ({error}); install the one in constraints.txt"
    ) from error

Choice: TypeAlias = "int | float | bool | str | bytes"


@dataclass(frozen=True, eq=False)
class Drawn:
    """An instance, and for each choice behind it the kind, the value and what else was allowed."""

    instance: Any
    nodes: tuple[Any, ...]

    @property
    def choices(self) -> list[Choice]:
        """The values alone."""
        return [node.value for node in self.nodes]


def draw(strategy: SearchStrategy[Any], choices: Sequence[Choice], rng: Random) -> Drawn | None:
    """The instance that ``strategy`` makes of these choices, going on at random where they end;
    None if it refuses.

    A choice that is not allowed in its place becomes the simplest one there.
    """
    data = ConjectureData(random=rng, prefix=tuple(choices))
    try:
        with drawing_alike(), BuildContext(data, wrapped_test=draw):
            instance = data.draw(strategy)
    except (StopTest, UnsatisfiedAssumption):
        return None
    finally:
        data.freeze()
    return Drawn(instance, tuple(data.nodes))


def _allowed(node: Any, values: Iterable[Any]) -> list[Choice]:
    kind: Any = {"integer": int, "float": float, "boolean": bool}.get(node.type, type(node.value))
    return [v for v in values if type(v) is kind and choice_permitted(v, node.constraints)]


def corners(node: Any) -> list[Choice]:
    """The extreme values of a choice: both ends, zero, one, minus one; for floats the tiny and the
    huge ones too.
    """
    if node.type == "boolean":
        return _allowed(node, (False, True))
    low, high = node.constraints.get("min_value"), node.constraints.get("max_value")
    if node.type == "integer":
        return _allowed(node, dict.fromkeys(v for v in (low, high, 0, 1, -1, 2) if v is not None))
    if node.type == "float":
        return _allowed(
            node, (low, high, 0.0, -0.0, 1.0, -1.0, 5e-324, 2.0**-1022, 1e-100, 1e100, 1 + 2.0**-52)
        )
    return [node.value]


CORNERS = ("lowest", "highest", "zero", "one", "equal", "repeated", "any end")
"""The structured corners: what `cornered` makes of the choices."""


def cornered(nodes: Sequence[Any], corner: str, rng: Random) -> list[Choice]:
    """Choices in which a stretch, or everything, has gone to one kind of corner."""
    size = len(nodes)
    low, high = (0, size) if rng.random() < 0.5 else sorted(rng.randint(0, size) for _ in range(2))
    out = [node.value for node in nodes]
    width = rng.randint(1, max(1, (high - low) // 2))
    for at in range(low, high):
        node = nodes[at]
        ends = corners(node)
        if corner == "repeated":  # a block again: equal rows, rank-deficient matrices
            wanted = _allowed(node, [out[at - width]]) if at - width >= low else []
        elif corner == "equal":
            wanted = _allowed(node, [out[low]])
        elif corner == "any end":
            wanted = [rng.choice(ends)] if ends else []
        else:
            wanted = _allowed(node, [_end(node, corner, ends)])
        out[at] = wanted[0] if wanted else out[at]
    return out


def _end(node: Any, corner: str, ends: Sequence[Any]) -> Any:
    numbers = [end for end in ends if not isinstance(end, str | bytes)]
    if not numbers:
        return node.value
    if corner in ("lowest", "highest"):
        return min(numbers) if corner == "lowest" else max(numbers)
    return type(node.value)(corner == "one")


def neighbour(nodes: Sequence[Any], rng: Random) -> list[Choice]:
    """The same choices with one to three of them changed a little, sent to an end, or copied from
    another place.
    """
    out = [node.value for node in nodes]
    for _ in range(rng.randint(1, 3)):
        if not nodes:
            break
        at = rng.randrange(len(nodes))
        node, value = nodes[at], out[at]
        options: list[Any] = [*corners(node), out[rng.randrange(len(out))]]
        if node.type == "integer":
            options += [value + 1, value - 1, -value, value * 2, value // 2, rng.getrandbits(32)]
        elif node.type == "float" and math.isfinite(value):
            options += [
                value * 2,
                value / 2,
                -value,
                math.nextafter(value, math.inf),
                value * rng.gauss(1, 0.3),
            ]
        allowed = _allowed(node, options)
        out[at] = rng.choice(allowed) if allowed else value
    return out


class _Start(ExampleDatabase):
    """A database that knows one example, whatever test asks: a secondary one, since primary ones
    count as shrunk.
    """

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._bytes = choices_to_bytes(tuple(choices))

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """The example, under the secondary key."""
        if key.endswith(b".secondary"):
            yield self._bytes

    def save(self, key: bytes, value: bytes) -> None:
        """Keep nothing."""

    def delete(self, key: bytes, value: bytes) -> None:
        """Keep everything."""


def shrinking_from(choices: Sequence[Choice], base: settings) -> settings:
    """Settings under which Hypothesis begins with this example and shrinks it."""
    return settings(base, database=_Start(choices), phases=(Phase.reuse, Phase.shrink))
