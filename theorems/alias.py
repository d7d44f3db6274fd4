"""The name `impl`, where nobody else bears it: one module under two names.

Everything here imports `theorems.impl`, so a package `impl` of somebody's own is left alone. In a
checkout the folder ``impl/`` of the top level is that package; a wheel brings it inside `theorems`
and beside it only a module ``impl.py``, which gives way to any package of that name.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType


class _Alias(MetaPathFinder, Loader):
    """``impl.x`` is ``theorems.impl.x``, the same object."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Only below an `impl` that is ours."""
        ours = (
            fullname.startswith("impl.") and sys.modules.get("impl") is sys.modules["theorems.impl"]
        )
        return spec_from_loader(fullname, self) if ours else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module under its own name."""
        module = importlib.import_module(f"theorems.{spec.name}")
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run again; the import system has just put the alias into ``__spec__``."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def give_impl() -> None:
    """Let `impl` be `theorems.impl`; called by what is imported under that name."""
    sys.modules["impl"] = importlib.import_module("theorems.impl")
    if not any(isinstance(finder, _Alias) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Alias())
