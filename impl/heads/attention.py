"""One attention head: queries, keys, values, scores, softmax weights and outputs, as torch computes
them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.heads.softmax_heads import softmax_radius
from theorems.impl.instances.checks import check_finite, check_shapes
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.operands import Operand


@dataclass(frozen=True, eq=False)
class AttentionHead(Instance):
    r"""S = c QKᵀ, A = softmax(S) row by row, O = A V; where ``causal``, a query sees no key after
    its own place.

    Args:
        queries: Q, (N, k).
        keys: K, (M, k).
        values: V, (M, v).
        scale: c, (); as a rule 1/√k.
        scores: S, (N, M), measured; what a causal head leaves out is in ``visible``.
        attention: A, (N, M), measured.
        outputs: O, (N, v), measured.
        visible: 1 where a query may look, 0 elsewhere, (N, M).

    Raises:
        InputError: shapes that do not fit, NaN or infinity.
    """

    derived: ClassVar[tuple[str, ...]] = ("scores", "attention", "outputs")
    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "queries": ("queries", -2),
        "keys": ("keys", -2),
        "dimension": ("keys", -1),
        "values": ("values", -1),
    }
    measured: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "scores": lambda head: (head.queries @ head.keys.mT) * head.scale,
        "attention": lambda head: softmax_radius(*_seen(head)) * (head.visible.center != 0),
        "outputs": lambda head: head.attention @ head.values,
    }

    queries: Operand
    keys: Operand
    values: Operand
    scale: Operand
    scores: Operand
    attention: Operand
    outputs: Operand
    visible: Operand

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        (rows, k), (keys, _), v = self.queries.shape, self.keys.shape, self.values.shape[-1]
        wanted = {
            "keys": (keys, k),
            "values": (keys, v),
            "scale": (),
            "scores": (rows, keys),
            "attention": (rows, keys),
            "outputs": (rows, v),
            "visible": (rows, keys),
        }
        check_shapes(self, wanted)
        check_finite(self, "queries", *wanted)


def _seen(head: AttentionHead) -> tuple[Tensor, Tensor]:
    """Scores and their errors where a query looks; those of the largest visible one elsewhere,
    which leaves the bound as it is.
    """
    shown, scores = head.visible.center != 0, head.scores.center
    top = scores.masked_fill(~shown, -math.inf).amax(-1, keepdim=True).expand_as(scores)
    return torch.where(shown, scores, top), head.scores.error


def attention_head(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
) -> AttentionHead:
    """An `AttentionHead` measured by torch in float64.

    Args:
        queries: Q, (N, k).
        keys: K, (M, k).
        values: V, (M, v).
        scale: c; 1/√k by default.
        causal: query n looks at keys 0 … n only.

    Raises:
        InputError: for a causal head with fewer queries than places before them; as
            `AttentionHead`.
    """
    q, k, v = (value.detach().double() for value in (queries, keys, values))
    require(
        q.ndim == k.ndim == v.ndim == 2,
        "expected queries (N, k), keys (M, k) and values (M, v), got other ranks",
    )
    require(
        q.shape[1] == k.shape[1] and len(k) == len(v),
        f"expected queries (N, k), keys (M, k) and values (M, v), got {tuple(q.shape)}, "
        f"{tuple(k.shape)}, {tuple(v.shape)}",
    )
    factor = torch.tensor(
        1 / math.sqrt(k.shape[1]) if scale is None else scale, dtype=torch.float64
    )
    scores = (q @ k.mT) * factor
    shown = torch.ones(len(q), len(k), dtype=torch.float64)
    if causal:
        shown = shown.tril()
    weights = torch.softmax(scores.masked_fill(shown == 0, -math.inf), -1)
    return AttentionHead(q, k, v, factor, scores, weights, weights @ v, shown)
