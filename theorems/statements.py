"""What a claim reads off the function that states it, and what went wrong in the functions that it
is made of.
"""

from __future__ import annotations

import contextlib
import inspect
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from theorems.impl.errors import InputError, require
from theorems.impl.instances.instance import Instance

UNSTATED = "(no docstring)"
"""How the statement of a claim without one begins."""


OPERATORS = (
    "operators, indexing and what docs/conjectures.md lists of torch (relu, where, einsum, "
    "softmax …)"
)

HOW = {
    "LayerTrace": "use impl.trace(model, inputs, targets, loss)['name of the layer']",
    "GatedNetwork": "use impl.stacks(model, inputs, targets, loss) or impl.gated_network(...)",
    "FeatureSet": "use impl.feature_set(features, targets)",
    "DecayedMatrix": "use impl.decayed_layers(model, inputs, targets, loss, decay=...)['name'] or "
    "impl.free_features(...)",
    "MinibatchNoise": "use impl.readout_noise(model, inputs, targets, loss, impl.minibatches(...)) "
    "or impl.feature_noise(...)",
    "CoupledPoint": "use impl.coupled_point(features, readout, targets, ridge=..., decay=...)",
    "WeightStep": "use impl.weight_step(before, after)",
    "WeightMotion": "use impl.weight_motion(weight, velocity)",
    "LinearChain": "use impl.linear_chain(model, inputs)",
    "ReadoutEnsemble": "use impl.readout_ensemble(features, weight, targets, readouts, "
    "variance=..., rate=...)",
    "LabelledFeatures": "use impl.labelled_features(features, labels)",
    "PreconditionedSteps": "use impl.preconditioned_steps(model, inputs, targets, loss)",
    "TwinRuns": "use impl.train_twins(rest, targets, sets, steps=...)",
    "LinearStudent": "use impl.linear_student(inputs, beta, ...)",
}
"""How instances are made, by the name of their type."""


def first_paragraph(words: str) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(words.strip().split("\n\n")[0].split())


class Stated(NamedTuple):
    """A prediction's name, docstring, file, line and instance type."""

    name: str
    statement: str
    file: str
    where: str
    subject: type[Instance]


def stated_in(predict: Callable[[Any], Any]) -> Stated:
    """Read a claim's name, statement and instance type off its prediction.

    Raises:
        InputError: if it is no function of one instance, or does not say of what.
    """
    require(
        callable(predict) and hasattr(predict, "__code__"),
        f"expected a function under the decorator, got {predict!r}",
    )
    name, code = predict.__name__, predict.__code__
    where = f"{Path(code.co_filename).name}, line {code.co_firstlineno}"
    parameters = list(inspect.signature(predict).parameters.values())
    needed = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    hint = (
        f"write def {name}(layer: LayerTrace) -> Operand, with the type of the instances that "
        "the strategy draws"
    )
    if len(parameters) == 0 or len(needed) > 1:
        raise InputError(
            f"expected {name} ({where}) to take one instance, got {len(needed)} parameters; {hint}"
        )
    try:
        subject = typing.get_type_hints(predict).get(parameters[0].name)
    except NameError as error:
        raise InputError(
            f"expected the annotations of {name} ({where}) to be imported, but {error}"
        ) from error
    if subject is None:
        raise InputError(
            f"expected an annotation of {parameters[0].name!r} in {name} ({where}), got "
            f"none; {hint}"
        )
    if not (isinstance(subject, type) and issubclass(subject, Instance)):
        raise InputError(
            f"expected {name} ({where}) to be about an instance (LayerTrace, FeatureSet, a "
            f"subclass of impl.Instance …), got {getattr(subject, '__name__', subject)}; {hint}"
        )
    statement = inspect.getdoc(predict) or f"{UNSTATED} {name.replace('_', ' ')}."
    return Stated(name, statement, code.co_filename, where, subject)


def strategy_of(on: Any) -> Callable[[], Any]:
    """A function that returns a strategy, from one or from the strategy itself."""
    if hasattr(on, "filter") and hasattr(on, "map") and not callable(on):
        return lambda: on
    require(
        callable(on),
        f"expected on= to be a strategy (see impl.strategies), got {type(on).__name__}",
    )
    return on


def outside(where: Mapping[str, Callable[[Any], Any]], instance: Any) -> str | None:
    """The first kind of instances, by name, of which ``instance`` is none; None if it is of all."""
    return next((kind for kind, holds in where.items() if not bool(holds(instance))), None)


@dataclass(frozen=True)
class Restricted:
    """A function that returns a strategy, of which only instances of some kind are drawn.

    Args:
        law: the function without the restriction.
        where: kinds by name.
    """

    law: Callable[[], Any]
    where: Mapping[str, Callable[[Any], Any]]

    def __call__(self) -> Any:
        """The strategy; what a predicate raises is left to the claim, which says where."""
        return self.law().filter(self._inside)

    def _inside(self, instance: Any) -> bool:
        try:
            return outside(self.where, instance) is None
        except Exception:  # noqa: BLE001
            return True


class EvaluationError(InputError):
    """The functions of a claim raised something on an instance; ``__cause__`` has what."""


@contextlib.contextmanager
def explained(claim: Any, instance: Any) -> Iterator[None]:
    """Turn whatever the functions of a claim raise into one line: which claim, where, what, and on
    which instance.

    Raises:
        EvaluationError: from the exception that was raised inside.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise EvaluationError(
            f"expected {claim.name} to be evaluated, but "
            f"{raised(error, claim.file)}{_hint(error)}; on {instance!r}"
        ) from error


def raised(error: BaseException, file: str) -> str:
    """What was raised, and at which line of ``file``, if the exception came through it."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if file and frame.filename == file
    ]
    line = (
        f"line {frames[-1].lineno} of {Path(file).name} ({(frames[-1].line or '').strip()})"
        if frames
        else "it"
    )
    return f"{line} raised {type(error).__name__}: {error}"


def _hint(error: BaseException) -> str:
    if "Ball" not in str(error):
        return ""
    return (
        ". Its rounding error is bounded by running the formula itself, so write it with "
        f"{OPERATORS}; they also run on exact integers"
    )
