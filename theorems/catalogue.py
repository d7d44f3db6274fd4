"""The table of contents: every claim, in the order of the papers. A new claim is one line here."""

from __future__ import annotations

from theorems import feature_learning, kernel_flow

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
    # arXiv:2605.06258, the weight Gram matrix
    feature_learning.feature_learning_equation,
    feature_learning.gram_follows_virtual_covariance,
    feature_learning.stationary_gram_is_feature_correlation,
    feature_learning.gram_flow,
)
