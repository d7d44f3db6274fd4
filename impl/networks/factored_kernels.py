"""The full tangent kernel of a perceptron, an entry for every pair of outputs, as its factors: what
is not asked for is not multiplied out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from theorems.impl.networks.perceptron_kernels import empty, input_gram
from theorems.impl.networks.perceptron_passes import Pass, deltas
from theorems.impl.networks.perceptrons import Perceptron

_LOOKED_AT = 2**16
"""Entries up to which a full kernel is multiplied out at once."""
_BLOCK_BYTES = 2**22
"""Of the rows that are multiplied out at a time."""


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
        if lead:
            networks = max(1, size // n)
            for start in range(0, lead[0], networks):
                cut = slice(start, start + networks)
                self._fill(total[cut], chosen, cut, cut)
            return
        if n <= size:
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
        """Entries of some samples, of all, or of some networks of a stack."""
        c, first = self.outputs, True
        shape = (*part.shape[:-2], part.shape[-2] // c, c, part.shape[-1])
        by_sample = part.view(shape)
        for index in chosen:
            one, other = _cut(self.reads[index], rows, columns)
            z = input_gram(one, other, bias=self.biases[index])
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
