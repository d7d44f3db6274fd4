"""The weight Gram matrix and feature learning: arXiv:2605.06258. All its claims; they live in
modules by topic.

Identities of one linear layer Z = H Wᵀ + b through which the loss sees H in `layer_identities`, the
others beside it.
"""

from theorems.feature_learning.aligned_features import (
    surrogate_grows_in_expectation,
    surrogate_grows_over_the_ensemble,
)
from theorems.feature_learning.balancedness import imbalance_of_linear_layers_is_conserved
from theorems.feature_learning.collapsed_features import (
    affine_decoder_interpolates,
    neural_collapse_implies_target_linearity,
    simplex_target_linearity,
)
from theorems.feature_learning.layer_identities import (
    feature_learning_equation,
    gram_flow,
    gram_follows_virtual_covariance,
    stationary_gram_is_feature_correlation,
)
from theorems.feature_learning.target_linearity import (
    target_linearity_laws,
    virtual_step_raises_target_linearity,
)
from theorems.feature_learning.weight_gram import (
    balanced_linear_network_feature_ansatz,
    gram_whitening_keeps_the_gram,
    rotation_is_orthogonal_to_learning,
)

__all__ = [
    "affine_decoder_interpolates",
    "balanced_linear_network_feature_ansatz",
    "feature_learning_equation",
    "gram_flow",
    "gram_follows_virtual_covariance",
    "gram_whitening_keeps_the_gram",
    "imbalance_of_linear_layers_is_conserved",
    "neural_collapse_implies_target_linearity",
    "rotation_is_orthogonal_to_learning",
    "simplex_target_linearity",
    "stationary_gram_is_feature_correlation",
    "surrogate_grows_in_expectation",
    "surrogate_grows_over_the_ensemble",
    "target_linearity_laws",
    "virtual_step_raises_target_linearity",
]
