"""The table of contents: every claim, in the order of the papers. A new claim is one line here."""

from __future__ import annotations

from theorems import aligned_features, collapsed_features, feature_learning, function_space, gram_hierarchy, weight_gram

CLAIMS = (
    # arXiv:2605.17718, one large gradient step
    function_space.first_step_is_rank_one,
    function_space.learned_weights_are_spiked_gaussian,
    function_space.spike_moments,
    function_space.kernel_views_agree,
    function_space.kernel_first_order_expansion,
    function_space.linear_modes_are_amplified,
    function_space.relu_kernel_eigenvalues,
    function_space.top_mode_mixes_quadratic_harmonic,
    function_space.single_run_spike_direction,
    function_space.gaussian_equivalent_gap,
    function_space.gaussian_equivalent_gap_as_stated,
    function_space.spiked_covariance_series,
    function_space.spiked_covariance_series_as_stated,
    function_space.decay_is_preserved,
    # arXiv:2605.06258, the weight Gram matrix
    feature_learning.feature_learning_equation,
    feature_learning.gram_follows_virtual_covariance,
    feature_learning.stationary_gram_is_feature_correlation,
    feature_learning.gram_flow,
    feature_learning.target_linearity_laws,
    feature_learning.virtual_step_raises_target_linearity,
    weight_gram.gram_whitening_keeps_the_gram,
    weight_gram.rotation_is_orthogonal_to_learning,
    aligned_features.surrogate_grows_over_the_ensemble,
    aligned_features.surrogate_grows_in_expectation,
    collapsed_features.neural_collapse_implies_target_linearity,
    collapsed_features.simplex_target_linearity,
    weight_gram.balanced_linear_network_feature_ansatz,
    collapsed_features.affine_decoder_interpolates,
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
