"""Hypothesis strategies: the instances on which claims are tried, and those that break one
hypothesis each.

Layers, networks and gated networks are named here; the instances of each paper are in the module of
its topic. Two kinds everywhere: small *lattice* instances (integer entries that shrink, on which
float64 is exact by construction), and *seeded* ones (larger, Gaussian; only their spec shrinks).
Valid instances are constructed, never filtered for.
"""

from theorems.impl.strategies.deep_linear import (
    balanced_linear_networks,
    deep_linear_networks,
    lattice_linear_networks,
    seeded_linear_networks,
)
from theorems.impl.strategies.gated import (
    activated_networks,
    deep_gated_networks,
    free_gated_networks,
    gated_networks,
    generic_gated_networks,
    lattice_gated_networks,
    positive_gated_networks,
    seeded_gated_networks,
    silent_gated_networks,
    switching_networks,
    tanh_networks,
)
from theorems.impl.strategies.heads import attention_heads, normalised_layers, softmax_heads
from theorems.impl.strategies.layers import (
    SEEDS,
    bias_free_layers,
    lattice_layers,
    lattice_networks,
    lattices,
    layer_traces,
    mixed_loss_layers,
    network_specs,
    nonlinear_layers,
    seeded_layers,
    seeded_networks,
    total_gradient_layers,
    unreached_layers,
    vanishing_layers,
)
from theorems.impl.strategies.optimisers import training_runs

__all__ = [
    "SEEDS",
    "activated_networks",
    "attention_heads",
    "balanced_linear_networks",
    "bias_free_layers",
    "deep_gated_networks",
    "deep_linear_networks",
    "free_gated_networks",
    "gated_networks",
    "generic_gated_networks",
    "lattice_gated_networks",
    "lattice_layers",
    "lattice_linear_networks",
    "lattice_networks",
    "lattices",
    "layer_traces",
    "mixed_loss_layers",
    "network_specs",
    "nonlinear_layers",
    "normalised_layers",
    "positive_gated_networks",
    "seeded_gated_networks",
    "seeded_layers",
    "seeded_linear_networks",
    "seeded_networks",
    "silent_gated_networks",
    "softmax_heads",
    "switching_networks",
    "tanh_networks",
    "total_gradient_layers",
    "training_runs",
    "unreached_layers",
    "vanishing_layers",
]
