"""The table of contents: every claim, in the order of the papers. A new claim is one line here."""

from __future__ import annotations

from theorems import feature_learning, gram_hierarchy

CLAIMS = (
    # arXiv:2605.06258, the weight Gram matrix
    feature_learning.feature_learning_equation,
    feature_learning.gram_follows_virtual_covariance,
    feature_learning.stationary_gram_is_feature_correlation,
    feature_learning.gram_flow,
    feature_learning.target_linearity_laws,
    feature_learning.virtual_step_raises_target_linearity,
    # arXiv:2606.09744, fields on the training set
    gram_hierarchy.single_layer_residual_dynamics,
    gram_hierarchy.layerwise_kernel,
    gram_hierarchy.backward_pullback_recursion,
    gram_hierarchy.weight_gram_is_first_nontrivial_pullback,
    gram_hierarchy.forward_pushforward_recursion,
    gram_hierarchy.kernel_cut_identity,
    gram_hierarchy.closure_needs_gram_from_depth_three,
    gram_hierarchy.gram_operator_flow,
)
