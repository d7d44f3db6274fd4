r"""One large full-batch gradient step of a real two-layer network on a single-index teacher, taken
by autograd.

.. math:: y = g(\langle w_*, x\rangle) + \varepsilon, \qquad
          f(x) = m^{-1/2} \sum_j a_j \sigma(\langle w_j, x\rangle)

x ~ N(0, I_d), ‖w*‖ = 1, w_j ~ N(0, I/d), a_j ~ N(0, 1/m), n = αd, m = βd, η = η₀ d^ζ, loss (1/2n) Σ
(y − f)²; W moves, a does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

from theorems.impl.errors import require
from theorems.impl.function_space.links import Link, link
from theorems.impl.instances.instance import Instance
from theorems.impl.networks.data import single_index
from theorems.impl.networks.spec import generator

_LARGE = 2**17
"""Entries above which a step is stored in float32: it rounds by 1e-7 what is measured to 1e-2."""


@dataclass(frozen=True, eq=False)
class Step:
    """What one step did.

    Args:
        update: W₁ − W₀, (m, d), as autograd and the learning rate gave it.
        readout: a, (m,).
        spike: ς = Xᵀy, (d,).
        direction: w*, (d,).
    """

    update: Tensor
    readout: Tensor
    spike: Tensor
    direction: Tensor

    @cached_property
    def gram(self) -> Tensor:
        """UUᵀ or UᵀU of the update U, whichever is smaller, float64; kept, since the variants of a
        claim ask for the same.
        """
        update = self.update.double()
        return update @ update.mT if self.flat else update.mT @ update

    @property
    def flat(self) -> bool:
        """Whether there are no more units than inputs."""
        return self.update.shape[0] <= self.update.shape[1]


class TwoLayer(nn.Module):
    """f(x) = m^{−1/2} Σ a_j σ(⟨w_j, x⟩) with Gaussian weights drawn from a seed."""

    def __init__(self, dimension: int, width: int, activation: Link, *, seed: int) -> None:
        """Draw W ~ N(0, I/d) and a ~ N(0, 1/m)."""
        super().__init__()
        source = generator(seed)
        weight = torch.randn(width, dimension, generator=source, dtype=torch.float64) / math.sqrt(
            dimension
        )
        readout = torch.randn(width, generator=source, dtype=torch.float64) / math.sqrt(width)
        # torch's own draws would move the global random state
        self.first = nn.utils.skip_init(
            nn.Linear, dimension, width, bias=False, dtype=torch.float64
        )
        self.first.weight = nn.Parameter(weight)
        self.register_buffer("readout", readout)
        self.activation = activation

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, d) to (N,)."""
        readout: Tensor = self.readout  # type: ignore[assignment]
        return self.activation(self.first(inputs)) @ readout / math.sqrt(len(readout))


@dataclass(frozen=True, eq=False, kw_only=True)
class StepPoint(Instance):
    """One network, one batch, one step; everything follows from the numbers and seeds.

    Raises:
        InputError: sizes below one, a step size that is not positive, unknown links.
    """

    dimension: int
    samples: int
    width: int
    rate: float
    activation: str = "relu"
    target: str = "tanh"
    noise: float = 0.0
    data_seed: int = 0
    network_seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for name in ("dimension", "samples", "width"):
            value = getattr(self, name)
            require(value >= 1, f"expected {name} of at least 1, got {name}={value}")
        require(
            math.isfinite(self.rate) and self.rate > 0,
            f"expected a positive learning rate, got rate={self.rate}",
        )
        require(self.noise >= 0, f"expected a noise level of at least 0, got noise={self.noise}")
        link(self.activation)
        link(self.target)

    @property
    def activation_slope(self) -> float:
        """c₁ = E σ'(z)."""
        return link(self.activation).mean_slope

    @property
    def target_slope(self) -> float:
        """μ₁ = E g'(z)."""
        return link(self.target).mean_slope

    @property
    def label_square(self) -> float:
        """E y²."""
        return link(self.target).mean_square + self.noise**2

    @cached_property
    def step(self) -> Step:
        """What the step did; computed once per point and kept."""
        return self.take()

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (n, d), labels (n, 1) and w* (d,)."""
        noise, seed = self.noise, self.data_seed
        return single_index(self.samples, self.dimension, link(self.target), noise=noise, seed=seed)

    def network(self) -> TwoLayer:
        """The network before the step."""
        return TwoLayer(self.dimension, self.width, link(self.activation), seed=self.network_seed)

    @cached_property
    def learned_weight(self) -> Tensor:
        """W₁, (m, d); computed once per point and kept."""
        before: Tensor = self.network().first.weight.detach()
        return (before + self.step.update).to(self.step.update.dtype)

    def take(self) -> Step:
        """Build the network, take the step with torch's own SGD, return what changed.

        The function behind `torch.optim.SGD`: the class imports torch's compiler.
        """
        inputs, labels, direction = self.batch()
        model = self.network()
        before = model.first.weight.detach().clone()
        moving = model.first.weight
        with torch.enable_grad():
            loss = (labels[:, 0] - model(inputs)).square().mean() / 2
            slopes = torch.autograd.grad(loss, [moving])
        with torch.no_grad():
            sgd(
                [moving], list(slopes), [None], lr=self.rate, weight_decay=0.0, momentum=0.0,
                dampening=0.0, nesterov=False, maximize=False, foreach=False,
            )  # fmt: skip
        update = moving.detach() - before
        if update.numel() > _LARGE:
            update = update.float()
        readout: Tensor = model.readout  # type: ignore[assignment]
        return Step(update, readout, labels[:, 0] @ inputs, direction)


@dataclass(frozen=True, eq=False, kw_only=True)
class StepPath(Instance):
    """The same experiment at growing dimension: n = αd, m = βd, η = η₀ d^ζ.

    Args:
        activation: σ, a name in `impl.function_space.links.LINKS`.
        target: g, likewise.
        alpha: n/d.
        beta: m/d.
        zeta: exponent of the step size, in [½, 1).
        scale: η₀.
        noise: standard deviation of ε.
        seed: of everything.
        sizes: d, increasing.
        replicates: how many independent runs at each size.
        shared_data: whether the runs of one size share their batch, hence ς; those of one group in
            an `EnsemblePath`.

    Raises:
        InputError: sizes that do not increase, or α d, β d that are not whole.
    """

    activation: str = "relu"
    target: str = "tanh"
    alpha: float = 1.0
    beta: float = 1.0
    zeta: float = 0.75
    scale: float = 1.0
    noise: float = 0.0
    seed: int = 0
    sizes: tuple[int, ...] = (16, 32, 64, 128, 256)
    replicates: tuple[int, ...] = (8, 8, 8, 8, 8)
    shared_data: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no path."""
        require(
            len(self.sizes) == len(self.replicates) > 0
            and list(self.sizes) == sorted(set(self.sizes)),
            f"expected increasing sizes and as many replicates, got {self.sizes} and "
            f"{self.replicates}",
        )
        for name in ("alpha", "beta"):
            for d in self.sizes:
                whole = getattr(self, name) * d
                require(
                    whole == int(whole) >= 1,
                    f"expected {name}·d to be a whole number, got {whole} at d = {d}",
                )

    @cached_property
    def path(self) -> dict[int, tuple[Any, ...]]:
        """The points by size; a point keeps its step, so the variants of a claim judge the same
        runs.
        """
        return {
            d: tuple(self._point(d, i) for i in range(count))
            for d, count in zip(self.sizes, self.replicates, strict=True)
        }

    def _point(self, d: int, replicate: int, batch: int = 0) -> StepPoint:
        """Run number ``replicate`` at size d; with shared data, on batch number ``batch``."""
        seeds = torch.randint(
            2**31, (2,), generator=generator((self.seed * 1_000_003 + d) * 100_003 + replicate)
        ).tolist()
        shared = torch.randint(
            2**31, (batch + 1,), generator=generator(self.seed * 1_000_003 + d)
        ).tolist()[-1]
        return StepPoint(
            dimension=d,
            samples=int(self.alpha * d),
            width=int(self.beta * d),
            rate=self.scale * d**self.zeta,
            activation=self.activation,
            target=self.target,
            noise=self.noise,
            data_seed=shared if self.shared_data else seeds[0],
            network_seed=seeds[1],
        )
