"""Point the catalogue at somebody's own torch network."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from impl.double import in_double, loss_in_double, mapped, widened
from impl.errors import InputError, require
from impl.running import Inputs
from impl.tracing import Loss
from theorems.claim import Claim
from theorems.places import Subject, instances_of
from theorems.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome, Verdict

DRAWN_ONLY = "the claim is about drawn instances only, not about a torch network"
_NETWORK, _TRAINING = ("model", "inputs", "targets", "loss"), ("decay", "batch_size")


@dataclass(frozen=True)
class Result:
    """One claim at one place of a network."""

    claim: Claim
    where: str
    verdict: Verdict


def load(spec: str) -> Subject:
    """Call the factory named by ``path/to/file.py:factory`` or ``package.module:factory``.

    The factory takes no argument and returns (model, inputs, targets, loss), the same with the batch as a pair
    (model, (inputs, targets), loss), or a mapping with these four keys. How the network is trained may stand in a mapping
    at the end of the tuple, or under further keys: "decay", the weight decay λ, and "batch_size".

    Raises:
        InputError: if the file, module or factory is missing, the factory raises, or returns something else.
    """
    path, _, name = spec.rpartition(":")
    require(bool(path and name), f"expected FILE.py:FACTORY or package.module:FACTORY, got {spec!r}")
    module = _module(path)
    factory = getattr(module, name, None)
    if not callable(factory):
        near = difflib.get_close_matches(name, [n for n, value in vars(module).items() if callable(value)], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; check the part after the colon"
        got = type(factory).__name__ if hasattr(module, name) else "nothing of that name"
        raise InputError(f"expected a factory {name!r} in {path}, got {got}{hint}")
    try:
        return _subject(factory(), spec)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(
            f"expected {spec} to return a network, but it raised {type(error).__name__}: {error}"
        ) from error


def _module(path: str) -> Any:
    try:
        if not path.endswith(".py"):
            sys.path.insert(0, str(Path.cwd()))
            return importlib.import_module(path)
        require(Path(path).is_file(), f"expected an existing file, got {path!r} (from {Path.cwd()})")
        sys.path.insert(0, str(Path(path).resolve().parent))  # as if it were run: it may import its neighbours
        # a name of its own: a file called random.py must not stand in for the library's
        found = importlib.util.spec_from_file_location(f"theorems_model_{Path(path).stem}", path)
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[found.name] = module
        found.loader.exec_module(module)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"expected {path!r} to import, but it raised {type(error).__name__}: {error}") from error
    return module


def _subject(made: Any, spec: str) -> Subject:
    wanted = "(model, inputs, targets, loss), (model, (inputs, targets), loss) or a mapping with these keys"
    options: Mapping[str, Any] = {}
    if isinstance(made, Mapping):
        missing = [key for key in _NETWORK if key not in made]
        require(not missing, f"expected {spec} to return {wanted}, got a mapping without {', '.join(missing)}")
        options = {key: value for key, value in made.items() if key not in _NETWORK}
        made = tuple(made[key] for key in _NETWORK)
    elif isinstance(made, tuple | list) and len(made) > 3 and isinstance(made[-1], Mapping) and not callable(made[-1]):
        made, options = made[:-1], made[-1]
    unknown = sorted(str(key) for key in options if key not in _TRAINING)
    require(not unknown, f"expected {spec} to give {' and '.join(_TRAINING)} besides, got {', '.join(unknown)}")
    require(isinstance(made, tuple | list), f"expected {spec} to return {wanted}, got {type(made).__name__}")
    if len(made) == 3 and isinstance(made[1], tuple | list) and len(made[1]) == 2:
        made = (made[0], *made[1], made[2])
    require(len(made) == 4, f"expected {spec} to return {wanted}, got {len(made)} values")
    subject = Subject(*made, **options)
    hint = "; call it to make one" if isinstance(subject.model, type) else ""
    require(
        isinstance(subject.model, nn.Module),
        f"expected {spec} to return a torch nn.Module first, got {_kind(subject.model)}{hint}",
    )
    hint = "; call it to make one" if isinstance(subject.loss, type) else ""
    usable = callable(subject.loss) and not isinstance(subject.loss, type)
    require(usable, f"expected {spec} to return a callable loss last, got {_kind(subject.loss)}{hint}")
    tensors = isinstance(subject.inputs, Tensor) or (
        isinstance(subject.inputs, tuple | list | Mapping) and len(subject.inputs) > 0
    )
    require(
        tensors,
        f"expected {spec} to return inputs as a tensor, a tuple of arguments or a mapping of keyword arguments, got "
        f"{_kind(subject.inputs)}; wrap arrays in torch.as_tensor",
    )
    return subject


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _inapplicable(claim: Claim, reason: str) -> Verdict:
    context = {"hypothesis": "a network that the claim is about", "reason": reason}
    return Verdict(claim.name, Outcome.INAPPLICABLE, context=context)


def check_model(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    *,
    claims: Iterable[Claim] | None = None,
    decay: float | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    double: bool = False,
    on_verdict: Callable[[], None] | None = None,
) -> list[Result]:
    """Check every claim that applies at every place of a network where it applies.

    A claim that applies nowhere has one result, INAPPLICABLE with the reason.

    Args:
        model: any module with linear or convolutional layers; it is left as it was.
        inputs: a tensor, a tuple of arguments or a mapping of keyword arguments.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        claims: by default the whole catalogue, but for statements that are kept as printed and expected to fail, and
            `theorems.preconditions.autograd_gives_the_gradient` before it.
        decay: λ of the training objective loss + (λ/2)‖W‖², for claims about weight decay. Not given, they are checked at a λ of
            their own for each layer, which is no weaker: they hold at every point for every λ > 0.
        batch_size: of the minibatches whose noise is looked at; by default a quarter of the samples.
        seed: of dropout and other noise inside the model, and of what is drawn.
        double: run the network in float64. In float32 a sum over 10⁵ rows has a bound that decides little.
        on_verdict: called after each verdict.

    Raises:
        InputError: as `impl.trace`; a decay or batch size that is none.
    """
    subject = Subject(model, inputs, targets, loss, decay=decay, batch_size=batch_size, seed=seed)
    return check_subject(subject, claims=claims, double=double, on_verdict=on_verdict)


def check_subject(
    subject: Subject,
    *,
    claims: Iterable[Claim] | None = None,
    double: bool = False,
    on_verdict: Callable[[], None] | None = None,
) -> list[Result]:
    """`check_model` of a network and how it is trained in one object, such as `load` returns."""
    from theorems.catalogue import CLAIMS

    everything = (autograd_gives_the_gradient, *CLAIMS)
    chosen = [claim for claim in (everything if claims is None else claims) if claim.expected is Outcome.HOLDS]
    with in_double(subject.model) if double else nullcontext():
        if double:
            inputs, targets = mapped((subject.inputs, subject.targets), widened)
            subject = replace(subject, inputs=inputs, targets=targets, loss=loss_in_double(subject.loss))
        return _check(subject, chosen, on_verdict)


def _check(subject: Subject, chosen: list[Claim], on_verdict: Callable[[], None] | None) -> list[Result]:
    available = instances_of(subject, {claim.subject for claim in chosen})
    results = []
    for claim in chosen:
        places = available.get(claim.subject, DRAWN_ONLY)
        for where, instance in ({"": places} if isinstance(places, str) else places).items():
            verdict = _inapplicable(claim, instance) if isinstance(instance, str) else claim(instance)
            results.append(Result(claim, where, verdict))
        if on_verdict is not None:
            on_verdict()
    return results
