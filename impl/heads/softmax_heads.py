"""Softmax heads with their loss: logits, labels, the cross-entropy, and its gradients, with what
rounding does to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from theorems.impl.errors import require
from theorems.impl.instances.checks import check_finite, check_shapes
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.operands import Operand

UNIT = 2.0**-53
_TINY = 2.0**-1022


def softmax_radius(scores: Tensor, error: Tensor) -> Tensor:
    r"""How far torch's softmax of computed scores can be from that of the exact ones, entry by
    entry.

    An exponent s − max is off by u|s − max| and the logarithm of the sum by as much once more; a
    library's exp and log are taken to be good to eight units, and a sum of C terms to C: in all
    4(max|s − max| + log C) + C + 32 units. Scores that are off by δ change p by at most p(e^{2δ} −
    1).
    """
    spread = (scores - scores.amax(-1, keepdim=True)).abs().amax(-1, keepdim=True)
    count = scores.shape[-1]
    units = 4 * (spread + torch.log(torch.tensor(float(count)).double())) + count + 32
    carried = torch.expm1(2 * error.amax(-1, keepdim=True))
    radius: Tensor = (
        torch.softmax(scores, -1) * (units * UNIT + carried * (1 + units * UNIT)) * (1 + 1e-9)
    )
    return radius + count * _TINY


def _gradient_radius(head: SoftmaxHead) -> Tensor:
    scale = head.share.center
    size = softmax_radius(head.logits.center, head.logits.error) * scale
    return (size + 4 * UNIT * (torch.softmax(head.logits.center, -1) + 1) * scale) * (1 + 1e-9)


def _loss_radius(head: SoftmaxHead) -> Tensor:
    """Each sample's loss is a difference of numbers of the size of the logits; a sum of N of them
    follows.
    """
    z = head.logits.center
    size = (z - z.amax(-1, keepdim=True)).abs().amax(-1) + torch.log(
        torch.tensor(float(z.shape[-1])).double()
    )
    each = 2 * head.logits.error.amax(-1) + (4 * size + z.shape[-1] + 32) * UNIT
    terms = (each + (size + 1) * (len(z) + 4) * UNIT).sum()
    return terms * head.share.center * (1 + 1e-9)


@dataclass(frozen=True, eq=False)
class SoftmaxHead(Instance):
    r"""Z = H Wᵀ + b under the softmax cross-entropy L of its labels, summed or averaged.

    The gradients are those of this loss: ∇_Z = (softmax(Z) − Y) times 1 or 1/N, and their rounding
    is bounded, so what is true of ∇_Z because of the loss is not refuted by a last bit.

    Args:
        features: H, (N, d).
        weight: W, (C, d).
        bias: b, (C,); zeros where the head has none.
        targets: Y, (N, C), one-hot.
        share: what a sample's loss is weighed by, (): 1, or 1/N for the mean.
        logits: Z, (N, C), measured.
        loss: L, (), measured.
        logits_grad: ∇_Z L, (N, C), measured.
        weight_grad: ∇_W L, (C, d), measured.

    Raises:
        InputError: shapes that do not fit, labels that are not one-hot, NaN or infinity.
    """

    derived: ClassVar[tuple[str, ...]] = ("logits", "loss", "logits_grad", "weight_grad")
    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "samples": ("features", -2), "features": ("features", -1), "classes": ("targets", -1),
    }  # fmt: skip
    measured: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "logits": lambda head: head.features @ head.weight.mT + head.bias,
        "logits_grad": _gradient_radius,
        "weight_grad": lambda head: head.logits_grad.mT @ head.features,
        "loss": _loss_radius,
    }

    features: Operand
    weight: Operand
    bias: Operand
    targets: Operand
    share: Operand
    logits: Operand
    loss: Operand
    logits_grad: Operand
    weight_grad: Operand

    def __post_init__(self) -> None:
        """Check shapes, numbers and labels."""
        (rows, d), classes = self.features.shape, self.weight.shape[0]
        wanted = {
            "weight": (classes, d),
            "bias": (classes,),
            "targets": (rows, classes),
            "share": (),
            "logits": (rows, classes),
            "loss": (),
            "logits_grad": (rows, classes),
            "weight_grad": (classes, d),
        }
        check_shapes(self, wanted)
        check_finite(self, "features", *wanted)
        if isinstance(self.targets, Tensor):
            hot = ((self.targets == 0) | (self.targets == 1)).all() and (
                self.targets.sum(-1) == 1
            ).all()
            require(bool(hot), "expected one-hot targets (N, C): a single 1 per row")

    @property
    def probabilities(self) -> Operand:
        """softmax(Z), (N, C): what ∇_Z says it is."""
        return self.logits_grad / self.share + self.targets


def softmax_head(
    features: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    bias: Tensor | None = None,
    reduction: Literal["mean", "sum"] = "mean",
) -> SoftmaxHead:
    """A `SoftmaxHead` measured by torch: its linear layer, ``cross_entropy`` and autograd, in
    float64.

    Args:
        features: H, (N, d).
        weight: W, (C, d).
        labels: (N,), whole numbers below C.
        bias: b, (C,).
        reduction: of the loss over the samples.

    Raises:
        InputError: for labels of another shape or range; as `SoftmaxHead`.
    """
    require(
        reduction in ("mean", "sum"),
        f"expected reduction to be mean or sum, got reduction={reduction!r}",
    )
    rows, classes = features.shape[0], weight.shape[0]
    require(
        tuple(labels.shape) == (rows,),
        f"expected labels of shape (N,) = ({rows},), got {tuple(labels.shape)}",
    )
    inside = not labels.dtype.is_floating_point and bool(((labels >= 0) & (labels < classes)).all())
    require(
        inside, f"expected labels in 0 … {classes - 1} (whole numbers), got {labels.tolist()[:8]}"
    )
    h, w = features.detach().double(), weight.detach().double().requires_grad_()
    b = torch.zeros(classes, dtype=torch.float64) if bias is None else bias.detach().double()
    with torch.enable_grad():
        logits = torch.nn.functional.linear(h, w, b)
        logits.retain_grad()
        loss = cross_entropy(logits, labels.long(), reduction=reduction)
        loss.backward()
    share = torch.tensor(1.0 if reduction == "sum" else 1.0 / rows, dtype=torch.float64)
    assert logits.grad is not None
    assert w.grad is not None
    hot = one_hot(labels.long(), classes).double()
    return SoftmaxHead(
        h, w.detach(), b, hot, share, logits.detach(), loss.detach(), logits.grad, w.grad
    )
