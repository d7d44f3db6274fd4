"""Point the catalogue at somebody's own torch network."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor, nn

from impl.errors import InputError, require
from impl.features import FeatureSet, feature_set
from impl.gated import GatedNetwork
from impl.operands import Instance
from impl.relu_stacks import LARGEST, stacks
from impl.running import Inputs
from impl.tracing import LayerTrace, Loss, Traces, trace
from theorems.claim import Claim
from theorems.loading import import_path
from theorems.verdict import Outcome, Verdict

Places: TypeAlias = dict[str, Instance | str]
"""What is found at each place of a network: an instance, or the reason why there is none."""

LARGEST_FEATURES = 2**16
"""Entries of features, and of their targets, up to which ranks and projections are computed."""


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
    module = import_path(path)
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


def _feature_sets(layers: Traces, subject: Subject) -> Places | str:
    """Features and targets wherever a layer has one row per sample."""
    targets: Any = subject.targets
    labels = isinstance(targets, Tensor) and targets.ndim == 1 and not targets.dtype.is_floating_point
    if not isinstance(targets, Tensor) or targets.is_complex() or not (labels or targets.ndim == 2):
        return "the targets are neither (N, C) numbers nor (N,) class labels"
    if labels and int(targets.min()) < 0:
        return f"the targets hold {int(targets.min())}, which is no class label"
    if labels and len(targets) * (int(targets.max()) + 1) > LARGEST_FEATURES:
        return (
            f"the targets hold the label {int(targets.max())}: too many classes for one-hot rows; use a smaller batch"
        )
    targets = targets.long() if labels else targets.double()
    found = {
        name: _features(layer.inputs, targets)
        for name, layer in layers.items()
        if layer.inputs.ndim == 2 and layer.inputs.shape[0] == targets.shape[0]
    }
    return found or "no layer has one row per sample"


def _features(inputs: Tensor, targets: Tensor) -> Instance | str:
    """One layer's features, or why there are none."""
    if not bool(inputs.any()):
        return "its inputs are all zero: no unit below it is alive on this batch"
    if inputs.numel() > LARGEST_FEATURES:
        return f"its inputs have more than {LARGEST_FEATURES} entries, too many for exact ranks; use a smaller batch"
    return feature_set(inputs, targets)


def instances_of(subject: Subject, *, seed: int = 0) -> dict[type[Instance], Places | str]:
    """Every instance that the network yields, by type and place, or why there is none at that place; or why it yields none."""
    layers = trace(*subject, seed=seed)
    found: Places | str = dict(stacks(*subject, seed=seed))
    if not found:
        found = (
            "the network has no stack of bias-free linear layers with ReLU between them, in values and in gradients, that "
            f"ends in a linear readout (with at most {LARGEST} outputs times samples)"
        )
    traced: Places = {**layers, **layers.left_out}
    return {LayerTrace: traced, GatedNetwork: found, FeatureSet: _feature_sets(layers, subject)}


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
        for where, instance in ({"": places} if isinstance(places, str) else places).items():
            verdict = _inapplicable(claim, instance) if isinstance(instance, str) else claim(instance)
            results.append(Result(claim, where, verdict))
        if on_verdict is not None:
            on_verdict()
    return results


def refuted_on_fewer(subject: Subject, claim: Claim, *, seed: int = 0) -> Verdict | None:
    """The refutation of a claim on the fewest of the batch's samples, at the smallest place: a counterexample to be read.

    The first 1, 2, 4, … samples are tried, the network run anew on each; None if only the whole batch refutes the claim, or it cannot be cut.
    """
    inputs, targets = subject.inputs, subject.targets
    if not (
        isinstance(inputs, Tensor) and isinstance(targets, Tensor) and targets.ndim > 0 and len(inputs) == len(targets)
    ):
        return None
    count = 1
    while count < len(inputs):
        try:
            results = check_model(
                subject.model, inputs[:count], targets[:count], subject.loss, claims=[claim], seed=seed
            )
        except InputError:  # BatchNorm on one sample, a loss that wants them all
            results = []
        refuted = [r.verdict for r in results if r.verdict.outcome is Outcome.REFUTED]
        if refuted:
            return min(refuted, key=lambda verdict: _entries(verdict.instance))
        count *= 2
    return None


def _entries(instance: Instance) -> int:
    return sum(value.numel() for value in vars(instance).values() if isinstance(value, Tensor))
