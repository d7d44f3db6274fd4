"""The table of contents: every claim, in the order of the papers. A new claim is one line here."""

from __future__ import annotations

from theorems import feature_learning, function_space, gram_hierarchy, kernel_flow, preconditioning

CLAIMS = (
    # arXiv:2601.00276, task-driven kernel flows
    kernel_flow.kernel_rank_at_most_classes,
    kernel_flow.softmax_kernel_rank_below_classes,
    kernel_flow.parameter_decay_bounds_kernel_rank_as_stated,
    kernel_flow.task_drive_is_low_rank,
    kernel_flow.task_drive_is_the_energy_gradient,
    kernel_flow.kernel_ode,
    kernel_flow.kernel_energy_decreases,
    kernel_flow.water_filling_law,
    kernel_flow.water_filling_path,
    kernel_flow.kernel_flow_reaches_water_filling,
    kernel_flow.only_full_water_filling_is_stable,
    kernel_flow.missing_modes_escape,
    kernel_flow.coupled_flow_reaches_water_filling,
    kernel_flow.imbalance_decays_exponentially,
    kernel_flow.sgd_kernel_noise_is_low_rank,
    kernel_flow.sgd_kernel_noise_formula,
    kernel_flow.sgd_kernel_noise_vanishes_off_outputs,
    kernel_flow.averaged_kernel_noise_is_low_rank_as_stated,
    kernel_flow.sgd_feature_noise_is_low_rank,
    kernel_flow.sgd_feature_noise_stays_in_readout_rows,
    kernel_flow.spectral_bias_variance,
    kernel_flow.laplacian_spectral_filter,
    kernel_flow.laplacian_filter_rank,
    # arXiv:2509.25637, preconditioned feature learning
    preconditioning.gram_sufficiency_in_training,
    preconditioning.gram_sufficiency_at_inference,
    preconditioning.same_gram_same_training,
    preconditioning.information_needs_matched_initialisation,
    preconditioning.information_needs_matched_initialisation_as_stated,
    preconditioning.covariance_power_sets_spectral_bias,
    preconditioning.preconditioned_regression_risk,
    preconditioning.exponent_needs_early_stopping,
    preconditioning.one_step_learns_powered_teacher,
    preconditioning.alignment_decides_exponent,
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
    feature_learning.gram_whitening_keeps_the_gram,
    feature_learning.rotation_is_orthogonal_to_learning,
    feature_learning.surrogate_grows_over_the_ensemble,
    feature_learning.surrogate_grows_in_expectation,
    feature_learning.neural_collapse_implies_target_linearity,
    feature_learning.simplex_target_linearity,
    feature_learning.imbalance_of_linear_layers_is_conserved,
    feature_learning.balanced_linear_network_feature_ansatz,
    feature_learning.affine_decoder_interpolates,
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

CORRECTED: dict[str, str] = {
    "parameter_decay_bounds_kernel_rank_as_stated": "kernel_rank_at_most_classes",
    "averaged_kernel_noise_is_low_rank_as_stated": "sgd_feature_noise_is_low_rank",
    "information_needs_matched_initialisation_as_stated": "information_needs_matched_initialisation",  # noqa: E501
    "gaussian_equivalent_gap_as_stated": "gaussian_equivalent_gap",
    "spiked_covariance_series_as_stated": "spiked_covariance_series",
}
"""Every statement that is kept although it is false, and what holds in its place."""

MISPRINTS: dict[str, str] = {
    "first_step_is_rank_one": "the target's μ₁ in place of c₁",
    "learned_weights_are_spiked_gaussian": "the target's μ₁ in place of c₁",
    "spike_moments": "the target's μ₁ in place of c₁",
}
"""Claims that are printed with a slip of the pen, and the mutant that is the printed form."""
