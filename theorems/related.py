"""How the claims hang together: which one rests on, corrects, specialises or stands against which.

A relation reads as a sentence, ``("kernel_ode", "used by", "kernel_energy_decreases")``:

* *used by*: the statement or the proof of the second rests on the first, or the first secures one
  of its hypotheses.
* *special case of*: the first follows from the second by a choice of its data, or as its limit.
* *corrected by*: the first is kept as stated and is false; the second is what holds.
* *contrasted with*: two answers to one question, whose difference is the point; symmetric.
"""

from __future__ import annotations

KINDS = ("used by", "special case of", "corrected by", "contrasted with")

RELATED: tuple[tuple[str, str, str], ...] = (
    # arXiv:2601.00276: ranks at rest
    ("softmax_kernel_rank_below_classes", "special case of", "kernel_rank_at_most_classes"),
    ("parameter_decay_bounds_kernel_rank_as_stated", "corrected by", "kernel_rank_at_most_classes"),
    ("kernel_rank_at_most_classes", "contrasted with", "laplacian_filter_rank"),
    # the energy, its flow and its minimum
    ("task_drive_is_the_energy_gradient", "used by", "task_drive_is_low_rank"),
    ("task_drive_is_the_energy_gradient", "used by", "kernel_ode"),
    ("kernel_ode", "used by", "kernel_energy_decreases"),
    # convex: the optimality conditions suffice
    (
        "kernel_energy_decreases",
        "used by",
        "water_filling_law",
    ),
    ("water_filling_path", "special case of", "kernel_ode"),
    ("water_filling_law", "used by", "kernel_flow_reaches_water_filling"),
    ("water_filling_law", "used by", "only_full_water_filling_is_stable"),
    ("only_full_water_filling_is_stable", "used by", "missing_modes_escape"),
    # no other end attracts
    (
        "only_full_water_filling_is_stable",
        "used by",
        "kernel_flow_reaches_water_filling",
    ),
    ("water_filling_law", "used by", "coupled_flow_reaches_water_filling"),
    ("kernel_flow_reaches_water_filling", "contrasted with", "coupled_flow_reaches_water_filling"),
    # balance at rest
    (
        "imbalance_decays_exponentially",
        "used by",
        "coupled_flow_reaches_water_filling",
    ),
    ("water_filling_law", "contrasted with", "laplacian_spectral_filter"),
    ("laplacian_spectral_filter", "used by", "laplacian_filter_rank"),
    # eigenvalues learned, eigenvalues wanted
    (
        "water_filling_law",
        "contrasted with",
        "spectral_bias_variance",
    ),
    # minibatch noise
    ("sgd_kernel_noise_formula", "used by", "sgd_kernel_noise_is_low_rank"),
    ("sgd_kernel_noise_formula", "used by", "sgd_kernel_noise_vanishes_off_outputs"),
    (
        "sgd_kernel_noise_is_low_rank",
        "contrasted with",
        "averaged_kernel_noise_is_low_rank_as_stated",
    ),
    (
        "averaged_kernel_noise_is_low_rank_as_stated",
        "corrected by",
        "sgd_feature_noise_is_low_rank",
    ),
    ("sgd_feature_noise_stays_in_readout_rows", "used by", "sgd_feature_noise_is_low_rank"),
    # preconditioning, arXiv:2509.25637
    ("gram_sufficiency_in_training", "used by", "gram_sufficiency_at_inference"),
    ("gram_sufficiency_in_training", "used by", "same_gram_same_training"),
    ("gram_sufficiency_in_training", "used by", "covariance_power_sets_spectral_bias"),
    ("same_gram_same_training", "used by", "information_needs_matched_initialisation"),
    (
        "information_needs_matched_initialisation_as_stated",
        "corrected by",
        "information_needs_matched_initialisation",
    ),
    (
        "covariance_power_sets_spectral_bias",
        "contrasted with",
        "information_needs_matched_initialisation_as_stated",
    ),
    ("exponent_needs_early_stopping", "special case of", "preconditioned_regression_risk"),  # t → ∞
    # its noise is the variance at t = 1
    (
        "preconditioned_regression_risk",
        "used by",
        "alignment_decides_exponent",
    ),
    ("one_step_learns_powered_teacher", "used by", "alignment_decides_exponent"),  # its signal
    ("exponent_needs_early_stopping", "contrasted with", "alignment_decides_exponent"),
    # stopped early, or a ridge
    (
        "preconditioned_regression_risk",
        "contrasted with",
        "spectral_bias_variance",
    ),
    # one large step, arXiv:2605.17718
    ("first_step_is_rank_one", "used by", "learned_weights_are_spiked_gaussian"),
    ("first_step_is_rank_one", "used by", "single_run_spike_direction"),
    # one batch, or the population
    (
        "first_step_is_rank_one",
        "contrasted with",
        "one_step_learns_powered_teacher",
    ),
    ("learned_weights_are_spiked_gaussian", "used by", "spike_moments"),
    ("spike_moments", "used by", "single_run_spike_direction"),
    ("spike_moments", "used by", "kernel_views_agree"),
    ("spike_moments", "used by", "gaussian_equivalent_gap"),
    ("gaussian_equivalent_gap_as_stated", "corrected by", "gaussian_equivalent_gap"),
    ("kernel_views_agree", "used by", "linear_modes_are_amplified"),
    ("kernel_views_agree", "used by", "decay_is_preserved"),  # through the density ratio
    ("kernel_views_agree", "used by", "kernel_first_order_expansion"),
    ("spiked_covariance_series", "used by", "kernel_first_order_expansion"),  # its first two terms
    ("spiked_covariance_series_as_stated", "corrected by", "spiked_covariance_series"),
    ("kernel_first_order_expansion", "used by", "top_mode_mixes_quadratic_harmonic"),
    ("relu_kernel_eigenvalues", "used by", "top_mode_mixes_quadratic_harmonic"),
    ("linear_modes_are_amplified", "contrasted with", "top_mode_mixes_quadratic_harmonic"),
    ("linear_modes_are_amplified", "contrasted with", "decay_is_preserved"),
    # the weight Gram matrix, arXiv:2605.06258
    ("feature_learning_equation", "used by", "gram_follows_virtual_covariance"),
    ("feature_learning_equation", "used by", "stationary_gram_is_feature_correlation"),
    ("feature_learning_equation", "used by", "gram_flow"),
    ("gram_flow", "special case of", "gram_follows_virtual_covariance"),  # η → 0
    ("gram_follows_virtual_covariance", "used by", "virtual_step_raises_target_linearity"),
    ("target_linearity_laws", "used by", "virtual_step_raises_target_linearity"),
    ("target_linearity_laws", "used by", "neural_collapse_implies_target_linearity"),
    ("target_linearity_laws", "used by", "simplex_target_linearity"),
    ("neural_collapse_implies_target_linearity", "contrasted with", "simplex_target_linearity"),
    # a short step
    (
        "rotation_is_orthogonal_to_learning",
        "special case of",
        "gram_whitening_keeps_the_gram",
    ),
    ("surrogate_grows_over_the_ensemble", "used by", "surrogate_grows_in_expectation"),
    ("surrogate_grows_in_expectation", "contrasted with", "virtual_step_raises_target_linearity"),
    (
        "imbalance_of_linear_layers_is_conserved",
        "used by",
        "balanced_linear_network_feature_ansatz",
    ),
    # with decay
    (
        "imbalance_decays_exponentially",
        "contrasted with",
        "imbalance_of_linear_layers_is_conserved",
    ),
    (
        "stationary_gram_is_feature_correlation",
        "contrasted with",
        "balanced_linear_network_feature_ansatz",
    ),
    # what balances it
    (
        "imbalance_decays_exponentially",
        "used by",
        "balanced_linear_network_feature_ansatz",
    ),
    # fields on the training set, arXiv:2606.09744
    ("single_layer_residual_dynamics", "special case of", "layerwise_kernel"),
    ("layerwise_kernel", "used by", "kernel_cut_identity"),
    ("backward_pullback_recursion", "used by", "kernel_cut_identity"),
    ("forward_pushforward_recursion", "used by", "kernel_cut_identity"),
    ("weight_gram_is_first_nontrivial_pullback", "special case of", "backward_pullback_recursion"),
    ("weight_gram_is_first_nontrivial_pullback", "used by", "closure_needs_gram_from_depth_three"),
    ("forward_pushforward_recursion", "used by", "closure_needs_gram_from_depth_three"),
    ("gram_operator_flow", "contrasted with", "closure_needs_gram_from_depth_three"),
    ("gram_operator_flow", "special case of", "gram_flow"),
    # a kernel that closes, one that does not
    (
        "kernel_ode",
        "contrasted with",
        "closure_needs_gram_from_depth_three",
    ),
)


def related_to(name: str) -> list[dict[str, str]]:
    """The relations that a claim is the subject of, as the evidence file has them."""
    return [{"kind": kind, "name": other} for subject, kind, other in RELATED if subject == name]
