"""Run a network as it is, and leave it as it was."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from theorems.impl.errors import InputError, require, require_finite, told
from theorems.impl.networks.nested import mapped, tensors_of
from theorems.impl.networks.restoring import Dice, Remembered
from theorems.impl.networks.widening import as_asked_for

Inputs: TypeAlias = Tensor | tuple[Any, ...] | list[Any] | Mapping[str, Any]


def require_usable(model: nn.Module) -> None:
    """Refuse quantised layers, and parameters and buffers without numbers (lazy or meta).

    Raises:
        InputError: naming the first of them.
    """
    for name, module in model.named_modules():
        require(
            ".quantized" not in type(module).__module__,
            "expected a network in floating point, got the quantised "
            f"{type(module).__name__} {name!r}; check the network before it is quantised",
        )
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            raise InputError(
                f"expected initialised weights, got lazy {name!r}; call the model on a batch once"
            )
        require(
            not tensor.is_meta,
            f"expected weights with numbers, got {name!r} on the meta device; load the model first",
        )


def run(model: nn.Module, inputs: Inputs, *, eager: bool = True) -> Any:
    """Outputs of ``model`` on a tensor, a tuple of arguments or a mapping of keyword arguments;
    copies, so that they stay.

    Compiled modules run as they are written, unless ``eager`` is False.

    Raises:
        InputError: an empty batch, or whatever the model raised, with the shapes that it was given.
    """
    tensors = tensors_of(inputs)
    for tensor in tensors:
        shape = tuple(tensor.shape)
        require(
            tensor.numel() > 0,
            f"expected a batch of at least one sample, got inputs of shape {shape}",
        )
        # an attention mask among several arguments may hold −∞; what reaches a layer is checked
        # there
        _require_numbers(tensor, infinite=len(tensors) > 1)
    try:
        with _eager(model) if eager else nullcontext():
            if isinstance(inputs, Mapping):
                return model(**mapped(inputs, Tensor.clone))
            if isinstance(inputs, tuple | list):
                return model(*mapped(inputs, Tensor.clone))
            return model(mapped(inputs, Tensor.clone))
    except InputError:
        raise
    except Exception as error:
        got = ", ".join(f"{tuple(t.shape)} {t.dtype}" for t in tensors) or type(inputs).__name__
        raise InputError(
            f"expected inputs that the model accepts, got {got}: it raised {told(error)}"
            + as_tensor_hint(inputs)
        ) from error


def as_tensor_hint(value: Any) -> str:
    """What to do about arrays and lists of numbers."""
    nested = (
        isinstance(value, list)
        and bool(value)
        and not any(isinstance(part, Tensor) for part in value)
    )
    return (
        "; wrap arrays and lists of numbers in torch.as_tensor"
        if nested or isinstance(value, np.ndarray)
        else ""
    )


def _require_numbers(tensor: Tensor, *, infinite: bool) -> None:
    if tensor.layout is torch.strided and not tensor.is_complex() and not tensor.is_nested:
        require_finite(
            "the inputs",
            tensor.detach().nan_to_num(nan=torch.nan, posinf=0, neginf=0)
            if infinite
            else tensor.detach(),
        )


def _eager(model: nn.Module) -> AbstractContextManager[Any]:
    """Compiled modules run as they are written: a compiled graph calls no module."""
    compiled = any(
        hasattr(m, "_orig_mod") or getattr(m, "_compiled_call_impl", None) for m in model.modules()
    )
    if compiled or "torch._dynamo" in sys.modules:
        stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
        return stance
    return nullcontext()


def _accelerated() -> bool:
    return (
        torch.accelerator.is_available()
        if hasattr(torch, "accelerator")
        else torch.cuda.is_available()
    )


def reseed(seed: int) -> None:
    """Seed the random state that layers such as dropout draw from."""
    # torch.manual_seed formats a stack trace for each kind of accelerator, and keeps it where there
    # is none
    (torch.manual_seed if _accelerated() else torch.default_generator.manual_seed)(seed)


@contextmanager
def undisturbed(model: nn.Module, seed: int, *, parameters: bool = True) -> Iterator[None]:
    """Leave ``model`` (parameters, buffers, attributes, hooks, modes) and the global random state
    as they were.

    Dropout and other noise inside the model draw from ``seed``; a model in float64
    (`impl.networks.double.in_double`) runs in float64 throughout.

    Args:
        model: any module.
        seed: a whole number of 64 bits.
        parameters: False if whoever asks puts the parameters back (what writes into them is a
            momentum encoder, say, or ``max_norm``).
    """
    require_usable(model)
    number: Any = seed
    require(
        isinstance(number, int) and -(2**63) <= number < 2**63,
        f"expected an integer seed of 64 bits, got seed={seed!r}",
    )
    accelerated = _accelerated()
    dice, remembered = Dice(), Remembered(model, parameters=parameters)
    try:
        with (
            torch.random.fork_rng(enabled=accelerated),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            reseed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            random.seed(seed)
            with as_asked_for():
                yield
    finally:
        dice.restore()
        remembered.restore()
