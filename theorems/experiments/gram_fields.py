"""How wrong conjugate dynamics become along a training if the Gram operators are dropped from their
recursion.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from theorems.gram_hierarchy.common import conjugate_velocities
from theorems.gram_hierarchy.operators import Recursion
from theorems.impl.experiments.data import shuffled
from theorems.impl.experiments.field_runs import network, parity_task, stepped
from theorems.impl.experiments.runs import Array, Settings, rows
from theorems.impl.gram_hierarchy.gated import GatedNetwork, fields


def velocity_errors(net: GatedNetwork, recursion: Recursion) -> Tensor:
    """‖ṗ¹ − predicted‖/‖ṗ¹‖ of every replica, (R,): observed by forward-mode differentiation along
    −∇L.
    """
    observed: Tensor = conjugate_velocities(net)["p1"]
    seen = fields(net)
    predicted = -recursion.pullback(net, seen, 1, seen.z[1])
    return (observed - predicted).norm(dim=(1, 2)) / observed.norm(dim=(1, 2))


def gram_term_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Relative error of ṗ¹ along full-batch training on the parity of digits, at depth two and
    three.

    Returns:
        "depth L, no Gram terms" and "depth L, full", (R, K); "depth 3, no Gram terms, labels
        shuffled"; "residual, depth L", (R, K), over its start.
    """
    inputs, targets = parity_task(seeds, settings["samples"])
    rate, looks = settings["rate"] / settings["samples"], settings["looks"]
    at = {round(settings["steps"] * k / looks) for k in range(looks + 1)}
    found: dict[str, list[Tensor]] = {}
    for depth, suffix in ((2, ""), (3, ""), (3, ", labels shuffled")):
        wanted = shuffled(targets, seeds) if suffix else targets
        net = network(seeds, depth, settings["width"], inputs, wanted)
        start = net.residual.norm(dim=1)
        for step in range(settings["steps"] + 1):
            if step in at:
                found.setdefault(f"depth {depth}, no Gram terms{suffix}", []).append(
                    velocity_errors(net, Recursion(gram=False))
                )
                found.setdefault(f"depth {depth}, full{suffix}", []).append(
                    velocity_errors(net, Recursion())
                )
                found.setdefault(f"residual, depth {depth}{suffix}", []).append(
                    net.residual.norm(dim=1) / start
                )
            if step < settings["steps"]:
                net = stepped(net, wanted, rate)
    return {name: rows(torch.stack(parts, 1)) for name, parts in found.items()}
