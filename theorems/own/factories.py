"""A user's factory, in any of the usual shapes: what it returns as one `Subject`."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.utils.data import DataLoader

from theorems.impl.errors import InputError, require, told
from theorems.impl.networks.running import require_usable
from theorems.loading import import_path
from theorems.own.places import Subject
from theorems.own.places.subject import TrainingStep

_NETWORK, _TRAINING = ("model", "inputs", "targets", "loss"), ("decay", "batch_size")
_WANTED = (
    "(model, inputs, targets, loss), (model, batch, loss), a mapping or an object with these "
    "names, or a module with training_step and its batch"
)


def load(spec: str) -> Subject:
    """Call the factory named by ``path/to/file.py:factory`` or ``package.module:factory``.

    The factory takes no argument; what it may return stands in `subject_of`.

    Raises:
        InputError: if the file, module or factory is missing, the factory raises, or returns
            something else.
    """
    path, _, name = spec.rpartition(":")
    require(
        bool(path and name), f"expected FILE.py:FACTORY or package.module:FACTORY, got {spec!r}"
    )
    module = import_path(path)
    factory = getattr(module, name, None)
    if not callable(factory):
        near = difflib.get_close_matches(
            name, [n for n, value in vars(module).items() if callable(value)], n=3
        )
        hint = (
            f"; did you mean {' or '.join(near)}?" if near else "; check the part after the colon"
        )
        got = type(factory).__name__ if hasattr(module, name) else "nothing of that name"
        raise InputError(f"expected a factory {name!r} in {path}, got {got}{hint}")
    require(
        not isinstance(factory, type) or not issubclass(factory, nn.Module),
        f"expected {spec} to be a function that returns {_WANTED}, got the class of a "
        "module; write a function that makes one, with a batch and a loss",
    )
    try:
        inspect.signature(factory).bind()
    except TypeError as error:
        raise InputError(
            f"expected a factory without arguments, got {name}{inspect.signature(factory)}: {error}"
        ) from error
    except ValueError:
        pass  # a builtin has no signature
    try:
        return subject_of(factory(), f"{spec} to return")
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(
            f"expected {spec} to return a network, but it raised {told(error)}"
        ) from error


def subject_of(made: Any, label: str = "the network as") -> Subject:
    """A network with its batch and loss, in any of the usual shapes.

    * (model, inputs, targets, loss), or (model, batch, loss) with a batch (inputs, targets) or a
      DataLoader (its first batch);
    * the same without targets: a ``loss`` of the outputs alone;
    * (model, batch, None) or (model, batch): the model computes its own loss: its output, or the
      output's ``loss``;
    * a mapping or any object (dataclass, named tuple, namespace) with "model", "loss", and "inputs"
      and "targets" or "batch"; with "decay" and "batch_size" if known;
    * (module, batch) of a module with ``training_step(batch, index)``, as Lightning's.

    The tuples may end in a mapping with "decay", the weight decay λ, and "batch_size".

    Args:
        made: what the factory returned.
        label: who is to blame, for messages.

    Raises:
        InputError: for anything else.
    """
    fields = _fields(made, label)
    model, loss = fields["model"], fields.get("loss")
    hint = "; call it to make one" if isinstance(model, type) else ""
    require(
        isinstance(model, nn.Module),
        f"expected {label} a torch nn.Module first, got {_kind(model)}{hint}",
    )
    hint = "; call it to make one" if isinstance(loss, type) else ""
    usable = loss is None or (callable(loss) and not isinstance(loss, type))
    require(usable, f"expected {label} a callable loss last, got {_kind(loss)}{hint}")
    require_usable(model)
    inputs, targets = _batch(fields, label)
    if loss is None and callable(getattr(model, "training_step", None)):
        whole = inputs if targets is None else (inputs, targets)
        model, inputs, targets = TrainingStep(model), (whole,), None
    else:
        usable = isinstance(inputs, Tensor) or (
            isinstance(inputs, tuple | list | Mapping) and len(inputs) > 0
        )
        require(
            usable,
            f"expected {label} inputs as a tensor, a tuple of arguments or a mapping of keyword "
            f"arguments, got {_kind(inputs)}; wrap arrays in torch.as_tensor",
        )
    if loss is None:
        loss = own_loss
    elif targets is None and _takes_outputs_alone(loss):
        loss = OfOutputs(loss)
    return Subject(
        model,
        inputs,
        targets,
        loss,
        **{name: fields[name] for name in _TRAINING if fields.get(name) is not None},
    )


def _fields(made: Any, label: str) -> dict[str, Any]:
    known = (*_NETWORK, "batch", *_TRAINING)
    if isinstance(made, Mapping):
        fields = {str(key): value for key, value in made.items()}
    elif hasattr(made, "model") and not isinstance(made, nn.Module):
        fields = {name: getattr(made, name) for name in known if hasattr(made, name)}
    else:
        return _from_tuple(made, label)
    _require_known(fields, label)
    wanted = [key for key in ("model", "loss") if key not in fields] + (
        [] if {"inputs", "batch"} & set(fields) else ["inputs"]
    )
    require(
        not wanted, f"expected {label} {_WANTED}, got {_kind(made)} without {', '.join(wanted)}"
    )
    return fields


def _require_known(fields: Mapping[str, Any], label: str) -> None:
    unknown = sorted(set(fields) - {*_NETWORK, "batch", *_TRAINING})
    require(
        not unknown, f"expected {label} {' and '.join(_TRAINING)} besides, got {', '.join(unknown)}"
    )


def _from_tuple(made: Any, label: str) -> dict[str, Any]:
    require(isinstance(made, tuple | list), f"expected {label} {_WANTED}, got {_kind(made)}")
    options: dict[str, Any] = {}
    if len(made) > 3 and isinstance(made[-1], Mapping) and not callable(made[-1]):
        made, options = made[:-1], {str(key): value for key, value in made[-1].items()}
        _require_known(options, label)
    require(len(made) in (2, 3, 4), f"expected {label} {_WANTED}, got {len(made)} values")
    names = {2: ("model", "batch"), 3: ("model", "batch", "loss"), 4: _NETWORK}[len(made)]
    return dict(zip(names, made, strict=True)) | options


def _batch(fields: Mapping[str, Any], label: str) -> tuple[Any, Any]:
    """Inputs and targets."""
    if "inputs" in fields:
        return fields["inputs"], fields.get("targets")
    batch = fields["batch"]
    if isinstance(batch, DataLoader):
        require(
            len(batch) > 0, f"expected {label} a DataLoader of at least one batch, got an empty one"
        )
        batch = next(iter(batch))
    pair = isinstance(batch, tuple | list) and len(batch) == 2
    return (batch[0], batch[1]) if pair else (batch, None)


def _takes_outputs_alone(loss: Any) -> bool:
    function = loss.forward if isinstance(loss, nn.Module) else loss
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    try:
        signature.bind(None, None)
    except TypeError:
        return True
    return False


class OfOutputs(nn.Module):
    """A loss of the outputs alone, as one of outputs and targets."""

    def __init__(self, loss: Any) -> None:
        """Keep the loss."""
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Any, _targets: Any) -> Any:
        """Forget the targets."""
        return self.loss(outputs)


def own_loss(outputs: Any, _targets: Any) -> Tensor:
    """The loss of a model that computes its own: the output itself, or its ``loss``.

    Raises:
        InputError: for outputs without one.
    """
    found = outputs
    if isinstance(outputs, Mapping):
        found = outputs.get("loss")
    elif not isinstance(outputs, Tensor):
        found = getattr(outputs, "loss", None)
    shape = f" of shape {tuple(found.shape)}" if isinstance(found, Tensor) else ""
    if not isinstance(found, Tensor) or found.numel() != 1:
        raise InputError(
            "expected a model that returns its loss, or outputs with .loss or ['loss'], since no "
            f"loss was given, got {_kind(outputs)}{shape}; give a loss"
        )
    return found


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
