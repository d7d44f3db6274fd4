"""Families of layers, gated networks and deep linear ones; all families are in
`impl.generic.families`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from theorems.impl import strategies
from theorems.impl.generic import networks
from theorems.impl.generic.family import Family
from theorems.impl.generic.source import Source
from theorems.impl.strategies import deep_linear, grams


def _gated(
    depths: tuple[int, int],
    *functions: Callable[[], Any],
    linear: bool = False,
    deeper: bool = True,
) -> Family:
    least, most = depths
    depth = f"depth {least}" if least == most else f"depth {least} to {most}"
    make = partial(networks.gated_network, depths=depths)
    kind = (
        "deep linear networks in the flow of any loss"
        if linear
        else "gated networks with masks as data"
    )
    beyond: dict[str, Callable[[Source], Any]] = {}
    if not linear:
        beyond["every pattern of masks"] = partial(make, free_gates=True)
    if deeper:
        beyond["depth 5 and 6"] = partial(networks.gated_network, depths=(5, 6), linear=linear)
    return Family(
        f"{kind}, {depth}, widths 2 to 4", partial(make, linear=linear), functions, beyond=beyond
    )


LAYERS = Family(
    "linear layers with a bias or without, 2 to 5 samples, widths 2 to 4, any gradient at "
    "the outputs",
    networks.layer_trace,
    (strategies.layer_traces,),
)
BIASED_LAYERS = Family(
    "linear layers with a bias, 2 to 5 samples, widths 2 to 4, any gradient at the outputs",
    partial(networks.layer_trace, biases=(True,)),
)
UNBIASED_LAYERS = Family(
    "linear layers without a bias, 2 to 5 samples, widths 2 to 4, any gradient at the outputs",
    partial(networks.layer_trace, biases=(False,)),
    (strategies.bias_free_layers,),
)
GATED = _gated((1, 4), strategies.gated_networks, strategies.activated_networks)
DEEP_GATED = _gated((2, 4), strategies.deep_gated_networks)
SHALLOW_GATED = _gated((1, 1), deeper=False)
LINEAR_FLOWS = _gated((1, 4), linear=True)
BALANCED_CHAINS = Family(
    "balanced chains, depth 1 to 4, rank 1 to 3",
    networks.balanced_chain,
    (grams.balanced_chains,),
    {"balanced": grams.unbalanced_chains},
    beyond={"depth 5 and 6": partial(networks.balanced_chain, depths=(5, 6))},
)
CHAINS = Family(
    "deep linear networks of any weights, depth 1 to 4, widths 1 to 4",
    networks.linear_chain,
    beyond={"depth 5 and 6": partial(networks.linear_chain, depths=(5, 6))},
)
LINEAR_NETWORKS = Family(
    "deep linear networks of any weights under the squared loss, depth 2 to 4, widths 1 to 4",
    networks.linear_network_of,
    (strategies.deep_linear_networks,),
    beyond={"depth 5 and 6": partial(networks.linear_network_of, depths=(5, 6))},
)
BALANCED_NETWORKS = Family(
    "balanced deep linear networks under the squared loss, depth 2 to 4, rank 1 to 3",
    partial(networks.linear_network_of, balanced=True),
    (strategies.balanced_linear_networks,),
    {"balanced": deep_linear.unbalanced_linear_networks},
    beyond={"depth 5 and 6": partial(networks.linear_network_of, depths=(5, 6), balanced=True)},
)
