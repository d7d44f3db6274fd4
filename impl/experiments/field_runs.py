"""ReLU networks of fixed readout on a small training set, trained by gradient descent in float64,
and their closed field equations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from theorems.impl.experiments.data import digit_split, shuffled
from theorems.impl.experiments.replicas import normal
from theorems.impl.experiments.runs import Array, Settings, rows
from theorems.impl.gram_hierarchy.gated import GatedNetwork, gated_network


def parity_task(seeds: Sequence[int], count: int) -> tuple[Tensor, Tensor]:
    """Digits (R, N, 64) and whether they are even, as ±1, (R, N), float64."""
    (inputs, labels), _ = digit_split(seeds, count, 0)
    return inputs.double(), 1.0 - 2.0 * (labels % 2).double()


def network(
    seeds: Sequence[int], depth: int, width: int, inputs: Tensor, targets: Tensor
) -> GatedNetwork:
    """A network of ``depth`` hidden layers at its start: weights N(0, 2/fan-in), readout N(0,
    1/width).
    """
    widths = [inputs.shape[2], *[width] * depth]
    weights = [
        normal(seeds, b, a, stream=f"layer {depth} {at}", dtype=torch.float64) * (2 / a) ** 0.5
        for at, (a, b) in enumerate(zip(widths[:-1], widths[1:], strict=True))
    ]
    readout = normal(seeds, width, stream=f"readout {depth}", dtype=torch.float64) / width**0.5
    return gated_network(weights, readout, inputs, targets)


def stepped(net: GatedNetwork, targets: Tensor, rate: float) -> GatedNetwork:
    """After one step of gradient descent on ½Σ(f − y)²; masks, residuals and velocities are
    measured anew.
    """
    weights = [w + rate * v for w, v in zip(net.weights, net.weight_velocity, strict=True)]
    return gated_network(weights, net.readout, net.inputs, targets)


def trained_residuals(
    net: GatedNetwork, targets: Tensor, *, rate: float, steps: int
) -> tuple[Tensor, Tensor]:
    """Residuals along a training, (R, T+1, N), by torch's own gradients, and how many masks have
    switched by then, (R, T+1).
    """
    weights = [w.clone() for w in net.weights]
    residuals, switches, before = [], [], net.masks[0] > 0
    flips = torch.zeros(len(before), dtype=torch.float64)
    for step in range(steps + 1):
        leaves = [w.requires_grad_() for w in weights]
        hidden = net.inputs
        for weight in leaves:
            hidden = torch.relu(hidden @ weight.mT)
        residual = (net.readout * hidden).sum(-1) - targets
        gradients = torch.autograd.grad(residual.square().sum() / 2, leaves)
        with torch.no_grad():
            open_ = net.inputs @ weights[0].mT > 0
            flips = flips + (open_ != before).double().sum((1, 2))
            before = open_
            residuals.append(residual.detach())
            switches.append(flips)
            if step < steps:
                weights = [w.detach() - rate * g for w, g in zip(leaves, gradients, strict=True)]
    return torch.stack(residuals, 1), torch.stack(switches, 1)


def integrated_residuals(
    net: GatedNetwork,
    targets: Tensor,
    *,
    rate: float,
    steps: int,
    gates: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Residuals (R, T+1, N) of the closed field equations of one hidden layer: h and r alone, no
    weights.

    h_i(μ) ← h_i(μ) − η a_i Σ_ν G_{μν} 1[h_i(ν) > 0] r_ν with G = XXᵀ, and r = Σ_i a_i (h_i)₊ − y.

    Args:
        net: the start.
        targets: y.
        rate: η.
        steps: T.
        gates: the masks as a function of h; the true ones by default.
    """
    gram = net.inputs @ net.inputs.mT
    h, out = net.inputs @ net.weights[0].mT, []
    gate = gates if gates is not None else lambda fields: (fields > 0).double()
    for _ in range(steps + 1):
        opened = gate(h)
        residual = (net.readout * opened * h).sum(-1) - targets
        out.append(residual)
        h = h - rate * (gram @ (opened * residual[..., None])) * net.readout
    return torch.stack(out, 1)


def closed_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """How far the field equations' residuals are from the trained network's, along the training.

    Returns:
        "distance", (R, K): ‖r − r'‖/‖r(0)‖; the same for "masks frozen", "one mask for all" and
        "labels shuffled"; "switches", (R, K).
    """
    inputs, targets = parity_task(seeds, settings["samples"])
    net = network(seeds, 1, settings["width"], inputs, targets)
    given = {"rate": settings["rate"] / settings["samples"], "steps": settings["steps"]}
    true, switches = trained_residuals(net, targets, **given)
    start = net.masks[0]
    mixed = shuffled(targets, seeds)
    others = {
        "distance": integrated_residuals(net, targets, **given),
        "masks frozen": integrated_residuals(net, targets, gates=lambda _: start, **given),
        "one mask for all": integrated_residuals(
            net, targets, gates=lambda h: (h[:, :1] > 0).double() + 0 * h, **given
        ),
        "labels shuffled": integrated_residuals(net, mixed, **given),
    }
    at = [round(settings["steps"] * k / settings["looks"]) for k in range(settings["looks"] + 1)]
    size = true[:, :1].norm(dim=2)
    found = {
        name: rows(((r - true).norm(dim=2) / size)[:, at].nan_to_num(1e6, 1e6))
        for name, r in others.items()
    }
    return found | {
        "switches": rows(switches[:, at]),
        "loss": rows((true.norm(dim=2) / size)[:, at]),
    }
