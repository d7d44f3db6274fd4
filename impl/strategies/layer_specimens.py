"""Networks whose first layer is fully connected, of every kind that the first-layer claims admit,
and some that they do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.networks.running import reseed


class Residual(nn.Module):
    """A linear layer, then a residual block with LayerNorm, then a readout."""

    def __init__(self, d: int, k: int, *, bias: bool) -> None:
        """The block adds to the first layer's output, never to the input."""
        super().__init__()
        self.embed = nn.Linear(d, k, bias=bias)
        self.block = nn.Sequential(
            nn.LayerNorm(k), nn.Linear(k, k + 1), nn.GELU(), nn.Linear(k + 1, k)
        )
        self.readout = nn.Linear(k, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed, add the block, read out."""
        stream = self.embed(inputs)
        outputs: Tensor = self.readout(stream + self.block(stream))
        return outputs


class Attention(nn.Module):
    """A token embedding, one head of self-attention, a readout from the mean token."""

    def __init__(self, d: int, k: int, *, bias: bool) -> None:
        """Inputs are (N, tokens, d)."""
        super().__init__()
        self.embed = nn.Linear(d, k, bias=bias)
        self.mix = nn.MultiheadAttention(k, 1, batch_first=True)
        self.readout = nn.Linear(k, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed every token, attend, average, read out."""
        tokens = self.embed(inputs)
        mixed, _ = self.mix(tokens, tokens, tokens, need_weights=False)
        outputs: Tensor = self.readout((tokens + mixed).mean(-2))
        return outputs


def _stack(
    *after: Callable[[int], nn.Module], flatten: bool = False
) -> Callable[[int, int, bool], nn.Module]:
    def make(d: int, k: int, bias: bool) -> nn.Module:
        before = [nn.Flatten()] if flatten else []
        return nn.Sequential(*before, nn.Linear(d, k, bias=bias), *(part(k) for part in after))

    return make


KINDS: dict[str, Callable[[int, int, bool], nn.Module]] = {
    "linear": _stack(),
    "mlp": _stack(
        lambda _: nn.Tanh(),
        lambda k: nn.Linear(k, k),
        lambda _: nn.ReLU(),
        lambda k: nn.Linear(k, 2),
    ),
    "norm": _stack(nn.LayerNorm, lambda _: nn.SiLU(), lambda k: nn.Linear(k, 2)),
    "dropout": _stack(
        lambda _: nn.ReLU(inplace=True), lambda _: nn.Dropout(0.3), lambda k: nn.Linear(k, 2)
    ),
    "flattened": _stack(lambda _: nn.ReLU(inplace=True), lambda k: nn.Linear(k, 2), flatten=True),
    "residual": lambda d, k, bias: Residual(d, k, bias=bias),
    "attention": lambda d, k, bias: Attention(d, k, bias=bias),
    "tokens": _stack(lambda _: nn.Tanh(), lambda k: nn.Linear(k, 2)),
}
"""By name: (d, k, bias) to a module; "attention" and "tokens" take inputs (N, tokens, d)."""


def seeded_model(kind: str, d: int, k: int, *, bias: bool, seed: int) -> nn.Module:
    """A float64 network of one of `KINDS`, its weights from ``seed``."""
    with torch.random.fork_rng():
        reseed(seed)
        return KINDS[kind](d, k, bias).double()


class Elsewhere(nn.Module):
    """The input also feeds a skip connection, or a gate that no gradient shows."""

    def __init__(self, width: int, *, gate: bool) -> None:
        """Two square layers."""
        super().__init__()
        self.first, self.second, self.gate = nn.Linear(width, width), nn.Linear(width, width), gate

    def forward(self, inputs: Tensor) -> Tensor:
        """Add the input, or switch by its sign."""
        hidden = torch.tanh(self.first(inputs))
        outputs: Tensor = self.second(hidden * (inputs > 0) if self.gate else hidden + inputs)
        return outputs


class TiedAutoencoder(nn.Module):
    """The decoder is the transposed encoder."""

    def __init__(self, width: int) -> None:
        """One square layer."""
        super().__init__()
        self.encoder = nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Encode and decode with one matrix."""
        return nn.functional.linear(torch.tanh(self.encoder(inputs)), self.encoder.weight.mT)


class Squared(nn.Linear):
    """Not linear in its input, although it is an ``nn.Linear``."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Square, then multiply."""
        return super().forward(input * input)


class Shifted(nn.Linear):
    """Not linear in its input either, yet its weights have the gradient and the steps of a linear
    layer.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Multiply, and add a square that no parameter scales."""
        return super().forward(input) + (input * input).sum(-1, keepdim=True)


class OutputPreconditioned(torch.optim.Optimizer):
    """What the claims exclude: P on the output index, or weight decay inside the preconditioned
    gradient.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        matrix: Tensor,
        *,
        input_index: bool = False,
        coupled_decay: float = 0.0,
    ) -> None:
        """P is on the output index unless ``input_index``."""
        super().__init__(params, {"lr": lr})
        self.matrix, self.input_index, self.coupled_decay = matrix, input_index, coupled_decay

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """W ← W − η P(∇ + λW), or W ← W − η(∇ + λW)P."""
        for group in self.param_groups:
            for weight in group["params"]:
                slope = weight.grad + self.coupled_decay * weight
                weight.sub_(
                    group["lr"] * (slope @ self.matrix if self.input_index else self.matrix @ slope)
                )
