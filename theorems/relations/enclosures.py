"""How far each measured number of an instance can be from the exact one: instances as balls, as
their types declare it.
"""

from __future__ import annotations

from typing import Any

from theorems.impl.instances.instance import Instance


def enclose(instance: Instance) -> Any:
    """The instance with every operand as a ``Ball``: data exact, what was measured with the error
    of its computation.

    What that is is said where the type is defined (`Instance.measured`, or its own ``enclosed``):
    no import changes it.
    """
    return instance.enclosed()
