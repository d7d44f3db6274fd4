"""Point the catalogue at somebody's own torch network."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from impl.errors import InputError, require
from impl.features import FeatureSet, feature_set
from impl.gated import GatedNetwork
from impl.operands import Instance
from impl.recording import Inputs
from impl.stacks import LARGEST, stacks
from impl.tracing import LayerTrace, Loss, trace
from theorems.claim import Claim
from theorems.verdict import Outcome, Verdict


class Subject(NamedTuple):
    """A network to be checked: model, batch and loss."""

    model: nn.Module
    inputs: Inputs
    targets: Any
    loss: Loss


@dataclass(frozen=True)
class Result:
    """One claim at one place of a network."""

    claim: Claim
    where: str
    verdict: Verdict


def load(spec: str) -> Subject:
    """Call the factory named by ``path/to/file.py:factory`` or ``package.module:factory``.

    The factory takes no argument and returns (model, inputs, targets, loss), the same with the batch as a pair
    (model, (inputs, targets), loss), or a mapping with these four keys.

    Raises:
        InputError: if the file, module or factory is missing, the factory raises, or returns something else.
    """
    path, _, name = spec.rpartition(":")
    require(bool(path and name), f"expected FILE.py:FACTORY or package.module:FACTORY, got {spec!r}")
    factory = getattr(_module(path), name, None)
    require(callable(factory), f"expected a callable {name!r} in {path}, got {factory!r}; check the part after the colon")
    try:
        return _subject(factory(), spec)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"expected {spec} to return a network, but it raised {type(error).__name__}: {error}") from error


def _module(path: str) -> Any:
    try:
        if not path.endswith(".py"):
            sys.path.insert(0, str(Path.cwd()))
            return importlib.import_module(path)
        require(Path(path).is_file(), f"expected an existing file, got {path!r} (from {Path.cwd()})")
        found = importlib.util.spec_from_file_location(Path(path).stem, path)
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[found.name] = module
        found.loader.exec_module(module)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"expected {path!r} to import, but it raised {type(error).__name__}: {error}") from error
    return module


def _subject(made: Any, spec: str) -> Subject:
    wanted = "(model, inputs, targets, loss), (model, (inputs, targets), loss) or a mapping with these keys"
    if isinstance(made, Mapping):
        missing = [key for key in Subject._fields if key not in made]
        require(not missing, f"expected {spec} to return {wanted}, got a mapping without {', '.join(missing)}")
        made = tuple(made[key] for key in Subject._fields)
    require(isinstance(made, tuple | list), f"expected {spec} to return {wanted}, got {type(made).__name__}")
    if len(made) == 3 and isinstance(made[1], tuple | list) and len(made[1]) == 2:
        made = (made[0], *made[1], made[2])
    require(len(made) == 4, f"expected {spec} to return {wanted}, got {len(made)} values")
    subject = Subject(*made)
    require(
        isinstance(subject.model, nn.Module),
        f"expected {spec} to return a torch nn.Module first, got {type(subject.model).__name__}",
    )
    require(callable(subject.loss), f"expected {spec} to return a callable loss last, got {type(subject.loss).__name__}")
    return subject


def _feature_sets(layers: dict[str, LayerTrace], subject: Subject) -> dict[str, Instance] | str:
    """Features and targets wherever a layer has one row per sample."""
    targets = subject.targets
    if not isinstance(targets, Tensor) or targets.ndim > 2 or (targets.ndim == 1 and targets.dtype.is_floating_point):
        return "the targets are neither (N, C) numbers nor (N,) class labels"
    found: dict[str, Instance] = {
        name: feature_set(layer.inputs, targets)
        for name, layer in layers.items()
        if layer.inputs.ndim == 2 and layer.inputs.shape[0] == targets.shape[0]
    }
    return found or "no layer has one row per sample"


def instances_of(subject: Subject, *, seed: int = 0) -> dict[type[Instance], dict[str, Instance] | str]:
    """Every instance that the network yields, by type and place; or the reason why it yields none."""
    layers = trace(*subject, seed=seed)
    found: dict[str, Instance] | str = dict(stacks(*subject, seed=seed))
    if not found:
        found = (
            "the network has no stack of bias-free linear layers with ReLU between them that ends in a linear readout "
            f"(with at most {LARGEST} outputs times samples)"
        )
    return {LayerTrace: dict(layers), GatedNetwork: found, FeatureSet: _feature_sets(layers, subject)}


def check_model(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    *,
    claims: Iterable[Claim] | None = None,
    seed: int = 0,
    on_verdict: Callable[[], None] | None = None,
) -> list[Result]:
    """Check every claim that applies at every place of a network where it applies.

    A claim that applies nowhere has one result, INAPPLICABLE with the reason.

    Args:
        model: any module with linear or convolutional layers; it is left as it was.
        inputs: a tensor, a tuple of arguments or a mapping of keyword arguments.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        claims: by default the whole catalogue, but for statements that are kept as printed and expected to fail.
        seed: of dropout and other noise inside the model.
        on_verdict: called after each verdict.

    Raises:
        InputError: as `impl.trace`.
    """
    from theorems.catalogue import CLAIMS

    chosen = [claim for claim in (CLAIMS if claims is None else claims) if claim.expected is Outcome.HOLDS]
    available = instances_of(Subject(model, inputs, targets, loss), seed=seed)
    results = []
    for claim in chosen:
        places = available.get(claim.subject, "the claim is about drawn instances only, not about a torch network")
        if isinstance(places, str):
            context = {"hypothesis": "a network that the claim is about", "reason": places}
            places_verdicts = {"": Verdict(claim.name, Outcome.INAPPLICABLE, context=context)}
        else:
            places_verdicts = {where: claim(instance) for where, instance in places.items()}
        results += [Result(claim, where, verdict) for where, verdict in places_verdicts.items()]
        if on_verdict is not None:
            on_verdict()
    return results
