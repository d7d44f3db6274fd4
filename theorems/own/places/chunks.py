"""A network's batch in chunks of samples, so that what is held at a time does not grow with the
batch.

Claims hold on every batch, so a chunk is a batch like any other: nothing is approximated, and a
wrong network is wrong on some chunk.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from theorems.impl.errors import InputError, require
from theorems.impl.networks.nested import mapped, tensors_of
from theorems.impl.networks.running import run, undisturbed
from theorems.impl.networks.tracing import scalar_loss
from theorems.own.places.subject import Subject

MOST_SAMPLES = 1024
"""Samples that are looked at in one go: kernels between samples and their spectra cost N² and
N³.
"""
SAMPLED = 32
"""Samples on which it is measured how much autograd keeps, or half of them if they are fewer."""
MOST_SAVED = 0.6 * 2**30
"""Bytes that autograd may keep of a forward pass; the observations of all layers take up to nine
times as much (measured: convolutions most).
"""


def sample_count(subject: Subject) -> int | None:
    """N, if the batch can be cut: the leading dimension of the targets, or else of the inputs,
    which some input has too.
    """
    given, wanted = tensors_of(subject.inputs), tensors_of(subject.targets)
    first = next((t for t in (*wanted, *given) if t.ndim > 0), None)
    if (
        first is None
        or any(t.layout is not torch.strided for t in (*given, *wanted))
        or _packed(subject.inputs)
    ):
        return None
    count = len(first)
    return count if any(t.ndim > 0 and len(t) == count for t in given) else None


def cut(subject: Subject, start: int, stop: int) -> Subject:
    """The network on some of its samples; tensors of another leading dimension (masks, positions)
    stay whole.

    Raises:
        InputError: for a batch without a dimension of samples.
    """
    count = sample_count(subject)
    if count is None:
        inputs, targets = (
            [tuple(t.shape) for t in tensors_of(value)] or type(value).__name__
            for value in (subject.inputs, subject.targets)
        )
        raise InputError(
            "expected inputs and targets with one leading dimension of samples, to be cut into "
            f"chunks, got inputs {inputs} and targets {targets}; leave the chunk out"
        )

    def some(tensor: Tensor) -> Tensor:
        return tensor[start:stop] if tensor.ndim > 0 and len(tensor) == count else tensor

    return replace(
        subject, inputs=mapped(subject.inputs, some), targets=mapped(subject.targets, some)
    )


def at_once(subject: Subject) -> int | None:
    """How many samples are looked at in one go, by what autograd keeps of a forward pass; None for
    all.

    All it is too for a network or a loss that does not run on a part of the batch.
    """
    count = sample_count(subject)
    if count is None or count < 4:
        return None
    few = min(SAMPLED, count // 2)
    try:
        kept = saved_bytes(cut(subject, 0, few)) / few
    except InputError:
        return None
    # BatchNorm wants two
    chunk = max(2, min(MOST_SAMPLES, int(MOST_SAVED / max(kept, 1))), subject.batch_size or 0)
    return chunk if chunk < count else None


def chunks(subject: Subject, chunk: int | None = None) -> list[tuple[int, int] | None]:
    """The first sample of each chunk and the one after its last, sizes as even as can be; [None]
    for the whole batch in one go.

    Args:
        subject: the network.
        chunk: samples in one go, at most; by default as `at_once` says.

    Raises:
        InputError: a chunk that is no positive whole number, or smaller than the minibatches; one
            of a batch that cannot be cut.
    """
    if chunk is None:
        chunk = at_once(subject)
    else:
        whole = isinstance(chunk, int) and not isinstance(chunk, bool) and chunk >= 1
        require(
            whole, f"expected a chunk of a whole number of samples, at least 1, got chunk={chunk!r}"
        )
        size = subject.batch_size or 0
        require(
            chunk >= size,
            f"expected a chunk of at least the batch size, {size} samples, got chunk={chunk}",
        )
        cut(subject, 0, 1)
    count = sample_count(subject)
    if chunk is None or count is None or chunk >= count:
        return [None]
    pieces = math.ceil(count / chunk)
    return [(count * k // pieces, count * (k + 1) // pieces) for k in range(pieces)]


def saved_bytes(subject: Subject) -> int:
    """Bytes that a forward pass and the loss keep for their backward pass, without what is a
    parameter or buffer.

    Raises:
        InputError: as `impl.trace`.
    """
    kept = (*subject.model.parameters(), *subject.model.buffers())
    own = {t.untyped_storage().data_ptr() for t in kept if t.layout is torch.strided}
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.layout is torch.strided:
            storage = tensor.untyped_storage()
            # a view of the batch is less than its storage
            own_size = tensor.numel() * tensor.element_size()
            size = min(storage.nbytes(), own_size)
            sizes[storage.data_ptr()] = max(size, sizes.get(storage.data_ptr(), 0))
        return tensor  # held until all are counted, so that no two have one address

    with (
        undisturbed(subject.model, subject.seed),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        scalar_loss(run(subject.model, subject.inputs), subject.targets, subject.loss)
    return sum(size for address, size in sizes.items() if address not in own)


def _packed(value: Any) -> bool:
    parts = (
        value.values()
        if isinstance(value, dict)
        else value
        if isinstance(value, tuple | list)
        else ()
    )
    return isinstance(value, PackedSequence) or any(_packed(part) for part in parts)
