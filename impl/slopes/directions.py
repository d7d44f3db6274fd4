"""Directions in which parameters and activations move, and what of a gradient and of a loss is read
along them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.networks.nested import mapped, tensors_of
from theorems.impl.networks.running import Inputs

_PART = 2**16
"""Entries of a tensor that are looked at in one go: a float64 copy of all of them would double what
a large network takes.
"""
TINY = 2.0**-8
"""Size of a parameter below which the loss may hardly depend on what it multiplies."""


def first_samples(task: tuple[Inputs, Any], count: int) -> tuple[Inputs, Any] | None:
    """Inputs and targets of the first samples, where every tensor leads with the same number of
    them.
    """
    lengths = {len(tensor) if tensor.ndim else 0 for tensor in tensors_of(task)}
    if len(lengths) != 1 or min(lengths) <= count:
        return None
    cut: tuple[Inputs, Any] = mapped(task, lambda tensor: tensor[:count])
    return cut


@contextmanager
def as_it_is(model: nn.Module) -> Iterator[dict[int, Tensor]]:
    """The model on copies of its parameters."""
    data = [(p, p.data) for p in model.parameters()]
    try:
        for p, numbers in data:
            p.data = numbers.clone()
        yield {id(p): numbers for p, numbers in data}
    finally:
        for p, numbers in data:
            p.data = numbers


def share(gradient: Tensor | None, direction: Tensor) -> tuple[float, float, float]:
    """⟨g, V⟩, Σ(gV)², Σ|gV|; a complex number is two real ones, and autograd's gradient of it is
    that of both.
    """
    if gradient is None:
        return 0.0, 0.0, 0.0
    gradient, direction = real(gradient.detach().to_dense()), real(direction)
    found = torch.zeros(3, dtype=torch.float64, device=direction.device)
    for part, along in zip(parts(gradient), parts(direction), strict=True):
        terms = part.double() * along
        found += torch.stack([terms.sum(), (terms * terms).sum(), terms.abs().sum()])
    slope, squares, sizes = found.tolist()
    return slope, squares, sizes


def real(tensor: Tensor) -> Tensor:
    """Real and imaginary parts beside each other; a real tensor as it is."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def blocks(tensor: Tensor) -> Iterator[Tensor]:
    """Views of some rows at a time, in order; of a single one where it has more entries than are
    looked at in one go.
    """
    whole = tensor if tensor.ndim else tensor.reshape(1)
    yield from whole.split(max(1, _PART // max(1, math.prod(whole.shape[1:]))))


def parts(tensor: Tensor) -> Iterator[Tensor]:
    """The entries in order, a few at a time, cut alike for tensors of one shape; of a transposed
    one no more is copied than that.
    """
    for block in blocks(tensor):
        yield from block.reshape(-1).split(_PART)


def direction(tensor: Tensor, seed: int, size: float | None = None) -> Tensor:
    """A random direction as long as the tensor, entry by entry, or of this size; in float32, which
    is as random and takes half the room.
    """
    source = torch.Generator(device=tensor.device).manual_seed(seed % 2**63)
    dtype = torch.complex64 if tensor.is_complex() else torch.float32
    drawn = torch.randn(tensor.shape, generator=source, dtype=dtype, device=tensor.device)
    if size is None:
        size = root_mean_square(tensor) if tensor.numel() else 0.0
    return drawn.mul_(size or 2.0**-6)


def aligned(direction: Tensor, gradient: Tensor) -> None:
    """Give every entry of a direction the sign of its gradient, where there is one."""
    for along, part in zip(
        blocks(real(direction)), blocks(real(gradient.detach().to_dense())), strict=True
    ):
        signs = torch.sign(part).to(along.dtype)
        along.copy_(torch.where(signs == 0, along, along.abs() * signs))


def root_mean_square(tensor: Tensor) -> float:
    """The root of the mean square of the entries, in float64 without a float64 copy of them all."""
    total = sum(float(part.double().square().sum()) for part in parts(real(tensor.detach())))
    return math.sqrt(total / tensor.numel())


def is_tiny(tensor: Tensor) -> bool:
    """Whether a parameter starts from zero, or almost: what it multiplies hardly counts."""
    return tensor.numel() > 0 and root_mean_square(tensor) < TINY


def moves(tensor: Tensor) -> bool:
    """Whether its numbers are such that can move a little."""
    return tensor.is_floating_point() or tensor.is_complex()


def same_numbers(p: Tensor, base: Tensor) -> bool:
    """Whether a parameter still has the numbers that it was given."""
    if p.layout is not torch.strided or p.shape != base.shape:
        return False
    pairs = zip(parts(real(p.detach())), parts(real(base)), strict=True)
    return all(torch.equal(one.double(), other.double()) for one, other in pairs)


def roughness(points: Tensor) -> float:
    """The noise of single values on equidistant points, by the order of differences that shows the
    least (a smooth curve has none).
    """
    found, differences = [], points
    for order in range(1, 8):
        differences = differences[1:] - differences[:-1]
        if order >= 4:
            found.append(
                float(differences.square().mean().sqrt()) / math.sqrt(math.comb(2 * order, order))
            )
    least = min(found)
    return 3 * least if math.isfinite(least) else math.inf


def largest(outputs: Any) -> float:
    """The largest magnitude among the finite numbers that a network returns."""
    found = [
        real(t.detach()).double()
        for t in tensors_of(outputs)
        if moves(t) and t.layout is torch.strided and not t.is_nested
    ]
    return max(
        (float(t.nan_to_num(0.0, 0.0, 0.0).abs().max()) for t in found if t.numel()), default=0.0
    )


def reached_from(value: Tensor) -> set[int]:
    """Ids of the parameters that the backward pass arrives at, whatever gradient it brings them."""
    waiting: list[Any] = [value.grad_fn] if value.grad_fn is not None else []
    known, found = set(waiting), set()
    while waiting:
        node = waiting.pop()
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        following = {other for other, _ in node.next_functions if other is not None} - known
        known |= following
        waiting += following
    return found
