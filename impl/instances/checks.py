"""What every instance checks of its operands."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance


def check_tensor(name: str, value: Tensor) -> None:
    """Raise unless ``value`` is floating-point and finite."""
    require(
        value.dtype.is_floating_point,
        f"expected a floating-point {name}, got {value.dtype}; use {name}.double()",
    )
    require_finite(name, value)


def check_shapes(instance: Instance, wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Raise unless every named operand has its shape."""
    for name, shape in wanted.items():
        got = tuple(getattr(instance, name).shape)
        require(got == shape, f"expected {name} of shape {shape}, got {got}")


def check_finite(instance: Instance, *names: str) -> None:
    """Raise if a named operand is a tensor that is not floating-point or not finite."""
    for name in names:
        value = getattr(instance, name)
        if isinstance(value, Tensor):
            check_tensor(name, value)
