r"""Inner products of per-sample weight gradients, without forming what need not be formed.

The gradient of one output c on sample μ by the weight of a linear layer is :math:`G_{\mu c} =
\sum_t \delta_{\mu ct} h_{\mu t}^\top`, over the rows t (tokens, patches, calls) of μ. Two ways lead
to :math:`\langle G_{\mu c}, G_{\nu e} \rangle`: the *double Gram* form :math:`\sum_{ts} (h_{\mu
t}^\top h_{\nu s})(\delta_{\mu ct}^\top \delta_{\nu es})`, which for one row per sample is the
textbook Z ∘ Δ; and the gradients themselves. The cheaper one is taken, by a count of
multiplications.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

BUDGET = 2**28
"""Bytes that one intermediate may take."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What one layer read on one batch.

    Args:
        inputs: H, (N, g, d_in, T): samples, groups, features, rows per sample; any strides.
        width: d_out per group.
        bias: whether the layer's bias counts, as a weight that reads the constant 1.
    """

    inputs: Tensor
    width: int
    bias: bool

    @property
    def samples(self) -> int:
        """N."""
        return self.inputs.shape[0]

    @property
    def per_sample(self) -> int:
        """T."""
        return self.inputs.shape[-1]

    @cached_property
    def transposed(self) -> Tensor:
        """H as (N, g, T, d_in), with a column of ones where there is a bias."""
        read = self.inputs
        return (
            torch.cat([read, read.new_ones(1).expand_as(read[:, :, :1])], 2) if self.bias else read
        ).mT

    def flat(self) -> Tensor:
        """H as (g, N·T, d_in)."""
        samples, groups, width, rows = self.inputs.shape
        return self.inputs.permute(1, 0, 3, 2).reshape(groups, samples * rows, width)


def double_gram_pays(left: Rows, right: Rows, outputs: int, *, full: bool) -> bool:
    """Whether the double Gram form needs fewer multiplications than per-sample gradients, and fits
    into memory.

    Args:
        left: N samples.
        right: M samples of the same layer.
        outputs: C.
        full: a kernel entry for every pair of outputs, not the trace.
    """
    pairs = left.samples * right.samples
    rows = left.per_sample * right.per_sample
    d_in, d_out = left.inputs.shape[2], left.width
    entries = outputs**2 if full else 1
    products = outputs**2 if full else outputs
    double = pairs * rows * (d_in + products * d_out + entries)
    formed = (
        (left.samples * left.per_sample + right.samples * right.per_sample) * outputs * d_out * d_in
    )
    formed = formed // (2 if left is right else 1) + pairs * products * d_out * d_in
    size = pairs * rows * entries * left.inputs.element_size()
    return double <= formed and (rows == 1 or 2 * size <= BUDGET)


class Trace:
    """One layer's term of the kernel's trace over outputs, (N, M), fed with the outputs' gradients
    in chunks.
    """

    def __init__(self, left: Rows, right: Rows, outputs: int) -> None:
        """Choose the form by the number of outputs to come."""
        self.left, self.right = left, right
        self.double = double_gram_pays(left, right, outputs, full=False)
        # per group where input Grams are still to be multiplied in
        size = left.samples * left.per_sample, right.samples * right.per_sample
        shape = (left.inputs.shape[1], *size) if self.double else (left.samples, right.samples)
        self.sum = left.inputs.new_zeros(shape)

    def add(self, left: Tensor, right: Tensor) -> None:
        """Add c outputs: their gradients by the layer's output on both batches, (c, N, g, d_out, T)
        and (c, M, g, d_out, T).
        """
        if self.double:
            a = _flat(left)
            b = a if right is left else _flat(right)
            for group, x, y in zip(self.sum, a, b, strict=True):
                _accumulate(group, x, None if right is left else y)
            return
        x, y = _formed(self.left, left), None if right is left else _formed(self.right, right)
        for piece in x:
            _accumulate(self.sum, piece[None], None if y is None else next(y)[None])

    def value(self) -> Tensor:
        """The term, (N, M)."""
        product = (
            self.sum.mul_(_input_gram(self.left, self.right)).sum(0) if self.double else self.sum
        )
        if self.left is self.right:
            product = product.tril() + product.tril(-1).mT
        if not self.double:
            return product
        t, s = self.left.per_sample, self.right.per_sample
        return (
            product
            if t == s == 1
            else product.view(self.left.samples, t, self.right.samples, s).sum((1, 3))
        )


def _accumulate(total: Tensor, left: Tensor, right: Tensor | None) -> None:
    """Add Σ_c A_c B_cᵀ to ``total``, from (c, n, k) and (c, m, k); without B, the lower triangle of
    Σ_c A_c A_cᵀ, in blocks.
    """
    if right is not None:
        total.addbmm_(left, right.mT)
        return
    size = max(32, len(total) // 4)
    for start in range(0, len(total), size):
        stop = start + size
        total[start:stop, :stop].addbmm_(left[:, start:stop], left[:, :stop].mT)


def full_term(left: Rows, a: Tensor, right: Rows, b: Tensor) -> Tensor:
    """One layer's term of the full kernel, (N, C, M, C), from the gradients of all outputs, (C, N
    or M, g, d_out, T).
    """
    outputs, n, m = a.shape[0], left.samples, right.samples
    if not double_gram_pays(left, right, outputs, full=True):
        total = a.new_zeros(n * outputs, m * outputs)
        x, y = _formed(left, a, full=True), None if right is left else _formed(right, b, full=True)
        for piece in x:
            total.addmm_(piece, (piece if y is None else next(y)).mT)
        return total.view(n, outputs, m, outputs)
    t, s = left.per_sample, right.per_sample
    if t == s == 1:
        return _full_by_row(left, a, right, b)
    total = a.new_zeros(n, outputs, m, outputs)
    for z, x, y in zip(_input_gram(left, right), _flat(a), _flat(b), strict=True):
        delta = x.flatten(0, 1) @ y.flatten(0, 1).mT
        total += (
            (delta.view(outputs, n, t, outputs, m, s) * z.view(1, n, t, 1, m, s))
            .sum((2, 5))
            .transpose(0, 1)
            .mT
        )
    return total


def _full_by_row(left: Rows, a: Tensor, right: Rows, b: Tensor) -> Tensor:
    """`full_term` of one row per sample, in place: samples before outputs, so that nothing is
    turned round.
    """
    outputs, n, m = a.shape[0], left.samples, right.samples
    total: Tensor | None = None
    for z, x, y in zip(_input_gram(left, right), _flat(a), _flat(b), strict=True):
        delta = x.transpose(0, 1).flatten(0, 1) @ y.transpose(0, 1).flatten(0, 1).mT
        delta.view(n, outputs, -1).mul_(z.repeat_interleave(outputs, 1)[:, None])
        total = delta if total is None else total.add_(delta)
    assert total is not None
    return total.view(n, outputs, m, outputs)


def _input_gram(left: Rows, right: Rows) -> Tensor:
    """⟨h_μt, h_νs⟩ (+ 1 for the bias), (g, N·T, M·S)."""
    h = left.flat()
    gram = h @ (h if right is left else right.flat()).mT
    return gram.add_(1) if left.bias else gram


def _flat(deltas: Tensor) -> Tensor:
    """δ (c, N, g, d_out, T) as (g, c, N·T, d_out)."""
    outputs, samples, groups, width, rows = deltas.shape
    return deltas.permute(2, 0, 1, 4, 3).reshape(groups, outputs, samples * rows, width)


def _formed(rows: Rows, deltas: Tensor, *, full: bool = False) -> Iterator[Tensor]:
    """Per-sample gradients from δ (c, N, g, d_out, T), in pieces of d_out that fit into memory.

    Rows of a piece are samples and all else is to be contracted; ``full`` makes a row of every
    sample and output.
    """
    outputs, samples, groups = deltas.shape[:3]
    by_sample = deltas.permute(1, 2, 0, 3, 4)
    read = rows.transposed.flatten(0, 1)
    step = max(1, BUDGET // (samples * groups * outputs * read.shape[-1] * deltas.element_size()))
    for part in torch.split(by_sample, step, dim=3):
        gradient = torch.bmm(part.flatten(2, 3).flatten(0, 1), read).view(
            samples, groups, outputs, -1
        )
        yield (
            gradient.transpose(1, 2).flatten(2).flatten(0, 1)
            if full
            else gradient.view(samples, -1)
        )
