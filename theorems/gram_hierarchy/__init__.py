"""Fields on the training set of a bias-free ReLU network: arXiv:2606.09744. All its claims; they
live in modules by topic.

Notation: z⁰ = x, hˡ = Wˡzˡ⁻¹, zˡ = Dˡhˡ, pᴸ = a, pˡ⁻¹ = Jˡᵀpˡ with Jˡ = DˡWˡ, δˡ = Dˡpˡ; see
`common`.
"""

from theorems.gram_hierarchy.recursions import (
    backward_pullback_recursion,
    forward_pushforward_recursion,
    layerwise_kernel,
    weight_gram_is_first_nontrivial_pullback,
)
from theorems.gram_hierarchy.single_layer import single_layer_residual_dynamics
from theorems.gram_hierarchy.weight_gram_operators import (
    closure_needs_gram_from_depth_three,
    gram_operator_flow,
    kernel_cut_identity,
)

__all__ = [
    "backward_pullback_recursion",
    "closure_needs_gram_from_depth_three",
    "forward_pushforward_recursion",
    "gram_operator_flow",
    "kernel_cut_identity",
    "layerwise_kernel",
    "single_layer_residual_dynamics",
    "weight_gram_is_first_nontrivial_pullback",
]
