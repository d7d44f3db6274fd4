"""What is counted of the instances of a run: how ratios spread, how large instances are, which of
them are equal.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.instances.instance import Instance


def spread(ratios: list[float]) -> dict[str, Any] | None:
    """Median, largest and decades of residual/bound: [−3, 7] says that seven lie in [1e-3, 1e-2);
    exact zeros are counted apart.
    """
    if not ratios:
        return None
    decades = Counter(math.floor(math.log10(ratio)) for ratio in ratios if ratio > 0)
    return {
        "median": statistics.median(ratios),
        "largest": max(ratios),
        "histogram": [[decade, count] for decade, count in sorted(decades.items())],
        "zeros": sum(ratio == 0 for ratio in ratios),
    }


def sizes_of(instance: Any) -> dict[str, int]:
    """The sizes that an instance says it has; none for what is no instance."""
    return instance.extents() if isinstance(instance, Instance) else {}


def fingerprint(value: Any) -> Any:
    """Something hashable that is equal for equal instances: the numbers themselves, not their
    addresses.
    """
    if isinstance(value, Tensor):
        array = value.detach().cpu().resolve_conj()
        if array.dtype.is_floating_point and array.dtype not in (
            torch.float16,
            torch.float32,
            torch.float64,
        ):
            array = array.float()  # exactly; numpy has no bfloat16
        return str(value.dtype), tuple(array.shape), array.contiguous().numpy().tobytes()
    if isinstance(value, np.ndarray):
        return value.shape, repr(value.tolist()) if value.dtype == object else value.tobytes()
    if isinstance(value, Mapping):
        return tuple((key, fingerprint(part)) for key, part in value.items())
    if isinstance(value, tuple | list):
        return tuple(fingerprint(part) for part in value)
    if hasattr(value, "__dataclass_fields__"):
        return type(value).__name__, tuple(
            fingerprint(getattr(value, name)) for name in value.__dataclass_fields__
        )
    return repr(value)
