"""Values as text: short ones for a reader, exact ones for a script.

`compact` is what counterexamples print (integers as integers, floats to four digits, large tensors
by their shape and range); `literal` is Python source that evaluates to the same bits on any
machine, with the names of `PREAMBLE`.
"""

from __future__ import annotations

import base64
import dataclasses
import math
import textwrap
import zlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import InputError

SHOWN = 40
"""Entries up to which a tensor is written out for a reader."""

SPELT = 128
"""Entries up to which a tensor is written out in a script; a larger one is packed (its float64
bytes, compressed, in base 64).
"""

LARGEST = 2**18
"""Entries of a tensor up to which it is put into a script at all."""

_DIGITS = 30
_WIDE = 100

UNPACK = '''def unpack(text: str, *shape: int) -> torch.Tensor:
    """The float64 tensor whose bytes were compressed and written in base 64."""
    return torch.frombuffer(bytearray(zlib.decompress(base64.b64decode(text))), dtype=torch.float64).reshape(shape)
'''  # noqa: E501
"""What a script with packed tensors needs, besides torch, ``base64`` and ``zlib``."""


def compact(value: Any) -> str:  # noqa: PLR0911
    """One line that a person reads; not exact."""
    if isinstance(value, Tensor):
        kind = (
            "" if value.dtype == torch.float64 else f" ({str(value.dtype).removeprefix('torch.')})"
        )
        return (
            _entries(
                value.detach().cpu().double().numpy()
                if value.dtype != torch.bool
                else value.numpy()
            )
            + kind
        )
    if isinstance(value, np.ndarray):
        return _entries(value)
    if isinstance(value, tuple | list):
        inner = ", ".join(compact(v) for v in value)
        return (
            f"[{inner}]"
            if isinstance(value, list)
            else f"({inner}{',' if len(value) == 1 else ''})"
        )
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {compact(v)}" for key, v in value.items()) + "}"
    if isinstance(value, bool | np.bool_) or value is None:
        return str(value)
    if isinstance(value, int | float | Fraction | np.number):
        return _number(value)
    return repr(value)


def _number(value: Any) -> str:
    if isinstance(value, Fraction) and value.denominator != 1:
        return f"{_number(value.numerator)}/{_number(value.denominator)}"
    if isinstance(value, float | np.floating) and not float(value).is_integer():
        return f"{float(value):.4g}"
    if isinstance(value, float | np.floating) and abs(float(value)) >= 1e15:
        return f"{float(value):.4g}"
    sign, text = "-" if value < 0 else "", str(abs(int(value)))
    return sign + (text if len(text) <= _DIGITS else f"{text[:6]}…{text[-4:]} ({len(text)} digits)")


def _entries(values: np.ndarray) -> str:
    if values.size <= SHOWN:
        return _nested(values.tolist())
    shape = "×".join(map(str, values.shape))
    if values.dtype == object:
        return f"<{shape} exact numbers, the largest {_number(max(abs(v) for v in values.flat))}>"
    what = "integers" if bool((values == np.round(values)).all()) else "floats"
    return f"<{shape} {what} from {_number(values.min())} to {_number(values.max())}>"


def _nested(value: Any) -> str:
    return (
        "[" + ", ".join(_nested(v) for v in value) + "]"
        if isinstance(value, list)
        else compact(value)
    )


def literal(value: Any) -> str:  # noqa: PLR0911
    """Python source that evaluates to ``value``, bit by bit.

    Raises:
        InputError: for anything that is not data (a function, a module), or is too large.
    """
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, np.ndarray):
        body = _list(value.tolist())
        return (
            f"np.array({body}, "
            f"dtype={'object' if value.dtype == object else repr(str(value.dtype))})"
        )
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, Fraction):
        return f"Fraction({value.numerator}, {value.denominator})"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, bool | int | float | str | bytes) or value is None:
        return repr(value)
    if isinstance(value, tuple):
        return "(" + "".join(f"{literal(v)}, " for v in value).rstrip() + ")"
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, torch.dtype):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return construction(value)
    raise InputError(
        f"expected numbers, tensors and text in a counterexample, got {type(value).__name__}"
    )


def construction(value: Any) -> str:
    """The constructor call that makes a dataclass; fields at their default are left out."""
    lines = []
    for field in dataclasses.fields(value):
        given = getattr(value, field.name)
        plain = given is None or isinstance(given, bool | int | float | str | tuple | Fraction)
        if field.init and not (
            plain and type(given) is type(field.default) and _same(given, field.default)
        ):
            lines.append(f"{field.name}={literal(given)},")
    body = textwrap.indent("\n".join(lines), "    ")
    return f"{type(value).__qualname__}(\n{body}\n)" if lines else f"{type(value).__qualname__}()"


def _same(given: Any, default: Any) -> bool:
    return not isinstance(given, tuple) and bool(given == default)


def types_in(value: Any) -> set[type]:
    """The dataclasses of which `literal` writes constructor calls."""
    if isinstance(value, tuple | list):
        return set().union(*map(types_in, value))
    if isinstance(value, dict):
        return set().union(*map(types_in, value.values()))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return {type(value)}.union(*map(types_in, fields))
    return set()


def _list(values: Any) -> str:
    if not isinstance(values, list):
        return literal(values)
    parts = [_list(v) for v in values]
    line = "[" + ", ".join(parts) + "]"
    if len(line) <= _WIDE:
        return line
    inner = (
        ",\n".join(parts)
        if any(isinstance(v, list) for v in values)
        else textwrap.fill(", ".join(parts), _WIDE)
    )
    return "[\n" + textwrap.indent(inner, "    ") + ",\n]"


def _tensor(value: Tensor) -> str:
    value = value.detach().cpu()
    if value.is_complex():
        raise InputError("expected real numbers in a counterexample, got a complex tensor")
    if value.numel() > LARGEST:
        raise InputError(
            f"expected tensors of at most {LARGEST} entries in a counterexample, got "
            f"{tuple(value.shape)}"
        )
    if value.numel() <= SPELT or not value.dtype.is_floating_point:
        spelt = f"torch.tensor({_list(value.tolist())}, dtype={value.dtype})"
        return (
            spelt
            if value.numel() > 0
            else f"torch.zeros({tuple(value.shape)}, dtype={value.dtype})"
        )
    packed = base64.b64encode(
        zlib.compress(value.double().contiguous().numpy().tobytes(), 9)
    ).decode()
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(packed, 110))
    cast = "" if value.dtype == torch.float64 else f".to({value.dtype})"
    return f"unpack(\n{lines},\n    {', '.join(map(str, value.shape))},\n){cast}"
