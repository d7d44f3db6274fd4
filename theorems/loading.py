"""What a user names on the command line: a function in a file or module of theirs, and the claims
that it states.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from theorems.claim import Claim
from theorems.impl.errors import InputError, require
from theorems.statements import raised


def import_path(path: str) -> ModuleType:
    """Import ``path/to/file.py`` or ``package.module``.

    Raises:
        InputError: if there is no such file or module, or it raises; the message has the line.
    """
    try:
        if not path.endswith(".py"):
            sys.path.insert(0, str(Path.cwd()))
            return importlib.import_module(path)
        file = Path(path).resolve()
        require(file.is_file(), f"expected an existing file, got {path!r} (from {Path.cwd()})")
        sys.path.insert(0, str(file.parent))  # as if it were run: it may import its neighbours
        # a name of its own: a file called random.py must not stand in for the library's
        found = importlib.util.spec_from_file_location(f"theorems_file_{file.stem}", file)
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[found.name] = module
        found.loader.exec_module(module)
    except InputError as error:
        raise InputError(f"in {path}: {error}" if path not in str(error) else str(error)) from error
    except (Exception, SystemExit) as error:
        here = str(Path(path).resolve())
        raise InputError(f"expected {path!r} to import, but {raised(error, here)}") from error
    return module


def is_path(name: str) -> bool:
    """Whether a name is that of a file or module and not of a claim of the catalogue."""
    return name.endswith(".py") or ":" in name


def load_claims(spec: str) -> list[Claim]:
    """The claims that ``FILE.py``, ``FILE.py:CLAIM`` or ``package.module:CLAIM`` states; ``*``
    after the colon for all.

    Raises:
        InputError: if the file or module is missing, raises or states no claim, or none of that
            name.
    """
    path, colon, name = (spec, "", "") if spec.endswith(".py") else spec.rpartition(":")
    require(
        bool(path) and bool(name or not colon),
        f"expected FILE.py, FILE.py:CLAIM or package.module:CLAIM, got {spec!r}",
    )
    module = import_path(path)
    here = getattr(module, "__file__", None) or path
    claims = {key: value for key, value in vars(module).items() if isinstance(value, Claim)}
    stated = {
        key: claim
        for key, claim in claims.items()
        if not claim.file or Path(claim.file) == Path(here)
    }
    if not colon or name == "*":
        hint = "; state one with a decorator: @equals(observed=..., on=...)"
        require(bool(stated or claims), f"expected claims in {path}, got none{hint}")
        return [_typed(claim) for claim in (stated or claims).values()]
    if name in claims:
        return [_typed(claims[name])]
    if hasattr(module, name):
        kind = type(getattr(module, name)).__name__
        raise InputError(
            f"expected {name!r} in {path} to be a claim, got a {kind}; put @equals(...) above it"
        )
    near = difflib.get_close_matches(name, claims, n=3, cutoff=0.4)
    hint = (
        f"; did you mean {' or '.join(near)}?"
        if near
        else f"; it has {', '.join(claims) or 'none'}"
    )
    raise InputError(f"expected a claim {name!r} in {path}, got nothing of that name{hint}")


def _typed(claim: Claim) -> Claim:
    """The claim with a strategy that must draw what the annotation of its prediction says."""
    return replace(claim, instances=Typed(claim.instances, claim))


@dataclass(frozen=True)
class Typed:
    """A claim's strategy, each instance of which is seen to be of the claim's type.

    Args:
        law: a function that returns the strategy.
        claim: whose it is.
    """

    law: Callable[[], Any]
    claim: Claim

    def __call__(self) -> Any:
        """The strategy.

        Raises:
            InputError: if the function returns none; from its instances, if one is of another type.
        """
        strategy = self.law()
        usable = hasattr(strategy, "map") and hasattr(strategy, "filter")
        require(
            usable,
            f"expected on= of {self.claim.name} to return a strategy, got "
            f"{type(strategy).__name__}",
        )
        return strategy.map(self._of_type)

    def _of_type(self, instance: Any) -> Any:
        if not isinstance(instance, self.claim.subject):
            raise InputError(
                f"expected on= of {self.claim.name} to draw {self.claim.subject.__name__}, as its "
                f"annotation says, got {type(instance).__name__}; change the one or the other"
            )
        return instance
