r"""The tangent kernel of a multilayer perceptron in closed form.

.. math:: K^l = (Z^{l-1} + 1) \circ \Delta^l, \qquad
    Z^l = z^l z^{l\top}, \quad \Delta^l = \delta^l \delta^{l\top}, \quad
    \delta^{l-1} = (\delta^l W^l) \circ \sigma'

with z what a layer reads and δ the gradients of the outputs by what it writes; the readout's δ are
the outputs' own slopes. Weights may be a stack (B, d_out, d_in) of those of B networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from theorems.impl.networks.perceptrons import Affine, Perceptron

_PASS = 2**22
"""Bytes of δ that one backward pass carries; the best of 2^20 … 2^25."""
_SMALL = 2**12
"""Entries of what a layer reads up to which layers of one shape are multiplied in one call."""
_LOOKED_AT = 2**16
"""Entries up to which a full kernel is multiplied out at once."""
_BLOCK = 32
"""Rows above which only blocks of the lower triangle of a symmetric product are computed."""
_BLOCK_BYTES = 2**22
"""Bytes of a block of rows of the full kernel."""


class Pass(NamedTuple):
    """One batch forward.

    Args:
        reads: z, what each layer reads, (…, N, d_in).
        slopes: σ′ of what each layer writes, (…, N, d_out); None where nothing follows it.
        outputs: of the network, (…, N, C).
    """

    reads: list[Tensor]
    slopes: list[Tensor | None]
    outputs: Tensor


def forward(net: Perceptron, inputs: Tensor) -> Pass:
    """Run ``inputs`` (N, d), or (B, N, d) where the weights are stacked, through the network."""
    z = inputs
    for activation in net.before:
        z = activation.value(z)
    reads: list[Tensor] = []
    slopes: list[Tensor | None] = []
    for layer in net.layers:
        reads.append(z)
        z, slope = _written(layer, z), None
        for value, slope_of in layer.after:
            made = value(z)
            own = slope_of(z, made)
            slope = own if slope is None else slope * own
            z = made
        slopes.append(slope)
    return Pass(reads, slopes, z)


def _written(layer: Affine, z: Tensor) -> Tensor:
    _, weight, bias, _ = layer
    if weight.ndim == 2:
        return functional.linear(z, weight, bias)
    z = z if z.ndim == 3 else z.expand(len(weight), *z.shape)
    return z.bmm(weight.mT) if bias is None else torch.baddbmm(bias[:, None], z, weight.mT)


def deltas(net: Perceptron, seen: Pass, start: int, stop: int) -> Iterator[Tensor]:
    """δ of outputs ``start`` … ``stop − 1``, (…, N, c, d_out), from the last layer but one down to
    the first.
    """
    _, slopes, outputs = seen
    *lead, samples, _ = outputs.shape
    top, slope, count = net.layers[-1].weight, slopes[-1], stop - start
    if count < top.shape[-2]:
        top = top[..., start:stop, :]
    if lead:
        top = top.unsqueeze(-3)
    if slope is not None:
        top = top * slope[..., start:stop].unsqueeze(-1)
    multiply = torch.bmm if lead else torch.mm
    rows, shape = (*lead, samples * count, -1), (*lead, samples, count, -1)
    delta = top
    for index in range(len(slopes) - 2, -1, -1):
        slope = slopes[index]
        if index < len(slopes) - 2:
            delta = multiply(delta.view(rows), net.layers[index + 1].weight).view(shape)
            if slope is not None:
                delta.mul_(slope.unsqueeze(-2))
        elif slope is not None:
            delta = slope.unsqueeze(-2) * top
        else:
            delta = top.expand(*lead, samples, count, top.shape[-1]).contiguous()
        yield delta


def empty(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor to be written, of which autograd may keep books afterwards."""
    if torch.is_inference_mode_enabled():
        with torch.inference_mode(False):  # noqa: FBT003
            return like.new_empty(shape)
    return like.new_empty(shape)


class Summed(Mapping[str, Tensor]):
    """Terms by layer that lie in one tensor.

    Args:
        names: of the layers.
        stack: the terms in its first dimension.
    """

    def __init__(self, names: list[str], stack: Tensor) -> None:
        """Hold them."""
        self.names, self.stack = names, stack

    def __getitem__(self, name: str) -> Tensor:
        """The term of one layer."""
        if name not in self.names:
            raise KeyError(name)
        return self.stack[self.names.index(name)]

    def __iter__(self) -> Iterator[str]:
        """The layers in order."""
        return iter(self.names)

    def __len__(self) -> int:
        """How many layers."""
        return len(self.names)

    def sum(self) -> Tensor:
        """The sum of all terms."""
        return self.stack.sum(0)


def trace_terms(
    stack: Tensor, net: Perceptron, left: Pass, right: Pass, biases: list[bool], wanted: list[int]
) -> None:
    """Write the terms of the trace over outputs, of the layers ``wanted``, into ``stack``
    (L, …, N, M).
    """
    same, (*lead, n, outputs), m = right is left, left.outputs.shape, right.outputs.shape[-2]
    last, lowest = len(net.layers) - 1, wanted[0]
    parts = dict(zip(wanted, stack.unbind(), strict=True))
    lower = same and not lead and n > _BLOCK
    chunk = _chunk(net, max(n, m) * math.prod(lead), outputs, stack.element_size())
    flat, other = (*lead, n, -1), (*lead, m, -1)
    for start in range(0, outputs if lowest < last else 0, chunk):
        stop = min(start + chunk, outputs)
        a = deltas(net, left, start, stop)
        b = a if same else deltas(net, right, start, stop)
        for index in range(last - 1, lowest - 1, -1):
            x = next(a).view(flat)
            y = x if same else next(b).view(other)
            if index in parts:
                _product(parts[index], x, y, lower=lower, more=start > 0)
    if last in parts:
        slope, slope_of_other = left.slopes[-1], right.slopes[-1]
        if slope is None or slope_of_other is None:
            parts[last].fill_(outputs)
        else:
            _product(parts[last], slope, slope_of_other, lower=lower, more=False)
    _multiply_input_grams(stack, parts, left, right, biases, lower=lower)
    if same:
        stack.tril_().add_(stack.tril(-1).mT)


def _chunk(net: Perceptron, samples: int, outputs: int, bytes_: int) -> int:
    """Outputs per backward pass."""
    width = max(layer.weight.shape[-1] for layer in net.layers)
    return max(1, min(outputs, _PASS // (width * samples * bytes_)))


def _multiply_input_grams(
    stack: Tensor,
    parts: dict[int, Tensor],
    left: Pass,
    right: Pass,
    biases: list[bool],
    *,
    lower: bool,
) -> None:
    """Δ ∘ (Z + 1), layer by layer, or at once where small layers are all of one shape."""
    pairs = [(left.reads[index], right.reads[index]) for index in parts]
    shape = pairs[0][0].shape
    if (
        len(parts) > 1
        and len(shape) == 2
        and shape.numel() <= _SMALL
        and all(biases)
        and all(one.shape == shape for one, _ in pairs)
    ):
        one = torch.stack([one for one, _ in pairs])
        other = one if right is left else torch.stack([other for _, other in pairs])
        stack.mul_(torch.baddbmm(one.new_ones(()), one, other.mT))
        return
    for (index, part), (one, other) in zip(parts.items(), pairs, strict=True):
        part.mul_(_input_gram(one, other, bias=biases[index], lower=lower))


def _input_gram(one: Tensor, other: Tensor, *, bias: bool, lower: bool = False) -> Tensor:
    """⟨z_μ, z_ν⟩ (+ 1 where there is a bias)."""
    if lower:
        found = one.new_zeros(len(one), len(other))
        _product(found, one, other, lower=True, more=False)
        return found.add_(1) if bias else found
    if not bias:
        return one @ other.mT
    start = one.new_ones(())
    return (
        torch.addmm(start, one, other.t())
        if one.ndim == 2
        else torch.baddbmm(start, one, other.mT)
    )


def _product(out: Tensor, one: Tensor, other: Tensor, *, lower: bool, more: bool) -> None:
    """``out`` = A Bᵀ, or ``out`` += A Bᵀ with ``more``; with ``lower`` at least the lower triangle
    of A Aᵀ.
    """
    if out.ndim == 3:
        torch.baddbmm(out, one, other.mT, beta=int(more), out=out)
    elif not lower:
        torch.addmm(out, one, other.t(), beta=int(more), out=out)
    else:
        size = max(_BLOCK, len(one) // 8)
        for start in range(0, len(one), size):
            stop = min(start + size, len(one))
            part = out[start:stop, :stop]
            torch.addmm(part, one[start:stop], other[:stop].t(), beta=int(more), out=part)


class Factored(Mapping[str, Tensor]):
    """Terms (…, N, C, M, C) by layer, multiplied out when they are asked for.

    Args:
        names: of the layers.
        reads: z of both batches by layer, (…, N, d_in) and (…, M, d_in).
        gradients: δ of both batches by layer, (…, N, C, d_out) and (…, M, C, d_out); of the readout
            its slopes (…, N, C) and (…, M, C), or None where they are one.
        biases: which layers count a bias.
        outputs: C.
        top: which of the layers is the readout; None if none of them is.
    """

    def __init__(
        self,
        names: list[str],
        reads: list[tuple[Tensor, Tensor]],
        gradients: list[tuple[Tensor, Tensor] | None],
        biases: list[bool],
        outputs: int,
        *,
        top: int | None,
    ) -> None:
        """Hold the factors; they must be nobody else's."""
        self.names, self.reads, self.gradients = names, reads, gradients
        self.biases, self.outputs, self.top = biases, outputs, top
        self._made: dict[str, Tensor] = {}
        self._total: Tensor | None = None

    def __getitem__(self, name: str) -> Tensor:
        """The term of one layer."""
        if name not in self._made:
            if name not in self.names:
                raise KeyError(name)
            self._made[name] = self._sum([self.names.index(name)])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """The layers in order."""
        return iter(self.names)

    def __len__(self) -> int:
        """How many layers."""
        return len(self.names)

    def sum(self) -> Tensor:
        """The sum of all terms, without any of them."""
        total = self._sum(range(len(self.names))) if self._total is None else self._total
        self._total = None
        return total

    def finite(self) -> bool:
        """Whether no entry of a term or of their sum can be NaN or infinity: small ones are looked
        at, large ones bounded by Cauchy and Schwarz.
        """
        one, other = self.reads[-1]
        if one.shape[:-1].numel() * other.shape[-2] * self.outputs**2 <= _LOOKED_AT:
            self._total = self._sum(range(len(self.names)))
            return math.isfinite(self._total.sum().item())
        total = 0.0
        for reads, gradients in zip(self.reads, self.gradients, strict=True):
            total += (1 + _largest(reads)) * (1.0 if gradients is None else _largest(gradients))
        return total < torch.finfo(one.dtype).max / 8

    def _sum(self, chosen: Sequence[int]) -> Tensor:
        one, other = self.reads[-1]
        c, (*lead, n, _), m = self.outputs, one.shape, other.shape[-2]
        total = empty(one, (*lead, n * c, m * c))
        with torch.inference_mode():
            self._write(total, chosen)
        return total.view(*lead, n, c, m, c)

    def _write(self, total: Tensor, chosen: Sequence[int]) -> None:
        one, other = self.reads[-1]
        c, (*lead, n, _), m = self.outputs, one.shape, other.shape[-2]
        size = max(1, _BLOCK_BYTES // (c * c * m * one.element_size()))
        if lead or n <= size:
            self._fill(total, chosen, None, None)
            return
        same = one is other
        for start in range(0, n, size):
            stop = min(start + size, n)
            end = stop if same else m
            part = total[start * c : stop * c, : end * c]
            self._fill(part, chosen, slice(start, stop), slice(end))
            if same and start > 0:
                above = total[: start * c, start * c : stop * c]
                above.copy_(part[:, : start * c].mT)

    def _fill(
        self, part: Tensor, chosen: Sequence[int], rows: slice | None, columns: slice | None
    ) -> None:
        """Entries of some samples, or of all."""
        c, first = self.outputs, True
        shape = (*part.shape[:-2], part.shape[-2] // c, c, part.shape[-1])
        by_sample = part.view(shape)
        for index in chosen:
            one, other = _cut(self.reads[index], rows, columns)
            z = _input_gram(one, other, bias=self.biases[index])
            gradients = self.gradients[index]
            pair = None if gradients is None else _cut(gradients, rows, columns)
            if index == self.top:
                if first:
                    part.zero_()
                z = z.unsqueeze(-1)
                if pair is not None:
                    z = z * pair[0].unsqueeze(-2) * pair[1].unsqueeze(-3)
                blocks = by_sample.view(*shape[:-1], -1, c)
                blocks.diagonal(dim1=-3, dim2=-1).add_(z)
                continue
            assert pair is not None
            a = pair[0].flatten(-3, -2)
            b = a if pair[1] is pair[0] else pair[1].flatten(-3, -2)
            wide = z.unsqueeze(-1).expand(*z.shape, c).reshape(*shape[:-2], 1, shape[-1])
            if first:
                torch.matmul(a, b.mT, out=part)
                by_sample.mul_(wide)
            else:
                by_sample.addcmul_(torch.matmul(a, b.mT).view(shape), wide)
            first = False


def _cut(
    pair: tuple[Tensor, Tensor], rows: slice | None, columns: slice | None
) -> tuple[Tensor, Tensor]:
    return pair if rows is None else (pair[0][rows], pair[1][columns])


def _largest(pair: tuple[Tensor, Tensor]) -> float:
    """The square of the longest row, or more."""
    flat = [tensor.reshape(-1) for tensor in (pair[:1] if pair[0] is pair[1] else pair)]
    return max(torch.dot(one, one).item() for one in flat)


def factored(
    net: Perceptron,
    left: Pass,
    right: Pass,
    names: list[str],
    biases: list[bool],
    wanted: list[int],
) -> Factored:
    """Terms of the layers ``wanted`` for every pair of outputs."""
    same, outputs, last = right is left, left.outputs.shape[-1], len(net.layers) - 1
    slopes = left.slopes[-1], right.slopes[-1]
    gradients: dict[int, tuple[Tensor, Tensor] | None] = {
        last: None if slopes[0] is None or slopes[1] is None else (slopes[0], slopes[1])
    }
    if wanted[0] < last:
        a = deltas(net, left, 0, outputs)
        b = a if same else deltas(net, right, 0, outputs)
        for index in range(last - 1, wanted[0] - 1, -1):
            x = next(a)
            gradients[index] = (x, x if same else next(b))
    return Factored(
        names,
        [_own(left, right, i) for i in wanted],
        [gradients[i] for i in wanted],
        [biases[i] for i in wanted],
        outputs,
        top=len(wanted) - 1 if wanted[-1] == last else None,
    )


def _own(left: Pass, right: Pass, index: int) -> tuple[Tensor, Tensor]:
    """What a layer read on both batches; of the first, a copy of the caller's numbers."""
    one, other = left.reads[index], right.reads[index]
    if index > 0:
        return one, other
    copy = one.clone()
    return copy, copy if other is one else other.clone()
