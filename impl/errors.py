"""The one error that a user's input can raise, and the checks that raise it."""

from __future__ import annotations

import math
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a usage error must not cost the import of torch
    from torch import Tensor


class InputError(ValueError):
    """What came in cannot be judged: the message says what came, what was wanted, what to do."""


def told(error: BaseException) -> str:
    """Kind and first line of somebody else's error, for a message of one line: torch's own run to
    fifty.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def visible(text: str) -> str:
    r"""The text with control characters spelled out: what somebody else's message holds must not
    drive the reader's terminal.

    Line ends and tabs stay; escapes, carriage returns, bells, and marks that turn the direction of
    writing become ``\x1b``.
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def crash(error: BaseException) -> str:
    """`told`, with the line of the innermost frame: what whoever mends it wants to know."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return told(error) + where


def require(condition: bool, message: str) -> None:
    """Raise `InputError` with ``message`` unless ``condition``."""
    if not condition:
        raise InputError(message)


def require_finite(name: str, value: Tensor) -> None:
    """Raise `InputError` naming the first NaN or infinity of ``value``."""
    if not value.dtype.is_floating_point:
        return
    if math.isfinite(value.sum().item()):
        return  # a NaN or an infinity survives every summation; one pass, no temporaries
    finite = value.isfinite()
    if bool(finite.all()):
        return  # the sum alone overflowed
    index = tuple(int(i) for i in (~finite).nonzero()[0])
    raise InputError(
        f"expected finite numbers in {name}, got {value[index].item()} at index {index} "
        f"({int((~finite).sum())} of {value.numel()} entries are not finite)"
    )
