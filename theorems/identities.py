"""Which claims of the catalogue are identities between polynomials or rational functions, and why
the others are not.

What is listed here as an identity reaches EXACT at generic points with an error probability of at
most 2^-40 (tests hold the table to the catalogue and to what `theorems.checking.generic.examine`
says). A rank that is at most k is an identity too: all minors of size k + 1 vanish. Where a claim
has parts, those that are inequalities are judged exactly at the same points, but no probability
follows from that.
"""

from __future__ import annotations

from collections.abc import Mapping

LARGEST_ERROR = 2.0**-40
"""What a false identity of the table may pass with at most."""

IDENTITIES: Mapping[str, str] = {
    # arXiv:2601.00276, task-driven kernel flows
    "kernel_rank_at_most_classes": "minors of size C + 1 of μΦ − ∇J, for any gradient at the "
    "outputs; the singular value is an inequality",
    "softmax_kernel_rank_below_classes": "minors of size C, for any gradient at the outputs "
    "whose rows sum to zero",
    "task_drive_is_low_rank": "minors of size C + 1 of the drive; that the rank is not smaller is "
    "seen at the point itself",
    "task_drive_is_the_energy_gradient": "rational in Φ, Y, λ",
    "kernel_ode": "rational in Φ, Y, λ, μ",
    "kernel_energy_decreases": "the reduced objective and the rate; convexity is an inequality",
    "water_filling_law": "∇E(K)·K = 0 for each set of active modes; bases by Cayley's transform, "
    "both signs of every column",
    "water_filling_path": "rational in the modes, λ, μ",
    "only_full_water_filling_is_stable": "stationarity and rates, for each set of active modes; "
    "their signs are inequalities",
    "imbalance_decays_exponentially": "polynomial; the generator for any gradient at the outputs, "
    "four derivatives for the squared loss",
    "sgd_kernel_noise_is_low_rank": "minors of size 2C + 1, for any gradient at the outputs and "
    "the batches of the shape",
    "sgd_kernel_noise_formula": "polynomial, for any gradient at the outputs and the batches of "
    "the shape",
    "sgd_kernel_noise_vanishes_off_outputs": "rational: projector on the outputs",
    "sgd_feature_noise_is_low_rank": "minors of size C + 1 (softmax: C)",
    "sgd_feature_noise_stays_in_readout_rows": "rational: projector on the readout's rows",
    "spectral_bias_variance": "bias and variance, rational in spectrum, basis, signal; that no "
    "other spectrum is better is an inequality",
    "laplacian_spectral_filter": "∇E(K)·K = 0 for each set of passed modes",
    "laplacian_filter_rank": "minors, one size above the number of passed modes; that the rank is "
    "not smaller is seen at the point itself",
    # arXiv:2509.25637, preconditioned feature learning
    "gram_sufficiency_in_training": "polynomial in X, W, a symmetric P, η, λ, for any gradient "
    "at the outputs",
    "gram_sufficiency_at_inference": "polynomial, as gram_sufficiency_in_training",
    "same_gram_same_training": "polynomial: X = X'M, P' = MPMᵀ for any M, a quadratic network "
    "trained for one and two steps",
    "information_needs_matched_initialisation": "polynomial: X = X'M, R' = MR for any M; start "
    "c^½R",
    "covariance_power_sets_spectral_bias": "rational in scores and basis, for whole logarithms "
    "and powers",
    "preconditioned_regression_risk": "polynomial, for one to three steps of any rates",
    "exponent_needs_early_stopping": "rational: rates n/a_j² end the descent of X = U diag(a)R⁻¹ "
    "after d steps",
    "one_step_learns_powered_teacher": "polynomial in β, h, readout, rate; the Gaussian by "
    "cubature, activations z and z + z²",
    "alignment_decides_exponent": "the slope, rational in the orthonormal design, for whole "
    "logarithms and powers; its sign is an inequality",
    # arXiv:2605.17718, one large gradient step
    "spike_moments": "rational in w* (a unit vector by Cayley's transform), g of degree one or "
    "two, noise, rate, c₁",
    # arXiv:2605.06258, the weight Gram matrix
    "feature_learning_equation": "polynomial, for any gradient at the outputs",
    "gram_follows_virtual_covariance": "polynomial, for any gradient at the outputs",
    "stationary_gram_is_feature_correlation": "polynomial, for any gradient at the outputs",
    "gram_flow": "polynomial, for any gradient at the outputs",
    "target_linearity_laws": "invariance and Pythagoras, rational; bounds and monotonicity are "
    "inequalities",
    "gram_whitening_keeps_the_gram": "Gram and symmetry, for the most general W₁ with polar(W₁W₂ᵀ) "
    "= Q; positivity and nearness are inequalities",
    "rotation_is_orthogonal_to_learning": "rational: the spin solves its linear equation",
    "surrogate_grows_over_the_ensemble": "polynomial: readouts ± the rows of q times an "
    "orthogonal matrix",
    "neural_collapse_implies_target_linearity": "rational in the class means, for the class "
    "sizes of the shape",
    "simplex_target_linearity": "rational in the simplex's rotation and size, for the class "
    "sizes of the shape",
    "imbalance_of_linear_layers_is_conserved": "polynomial, at any weights, inputs and targets",
    "balanced_linear_network_feature_ansatz": "polynomial: balanced chains of scaled rotations "
    "and one spectrum",
    "affine_decoder_interpolates": "rational in weights, codes and mixtures, for the ReLUs open "
    "in the shape",
    # arXiv:2606.09744, fields on the training set: all for free gates, hence for every pattern of
    # masks
    "single_layer_residual_dynamics": "polynomial, for any gates and residuals",
    "layerwise_kernel": "the velocities, polynomial for any gates and residuals; that no layer "
    "raises the loss is an inequality",
    "backward_pullback_recursion": "polynomial, for any gates and residuals",
    "weight_gram_is_first_nontrivial_pullback": "polynomial, for any gates and residuals",
    "forward_pushforward_recursion": "polynomial, for any gates and residuals",
    "kernel_cut_identity": "polynomial, for any gates and residuals",
    "closure_needs_gram_from_depth_three": "polynomial, for any gates and residuals",
    "gram_operator_flow": "polynomial, for any gates and residuals",
}
"""What is an identity in the claim, by its name, and in what it is one."""

NO_IDENTITY: Mapping[str, str] = {
    "parameter_decay_bounds_kernel_rank_as_stated": "an inequality between singular values, of "
    "features through softplus; kept as stated, refuted",
    "kernel_flow_reaches_water_filling": "a limit of integrated flows",
    "missing_modes_escape": "rates fitted to integrated flows",
    "coupled_flow_reaches_water_filling": "a limit of integrated flows",
    "averaged_kernel_noise_is_low_rank_as_stated": "kept as stated: generic points refute it",
    "information_needs_matched_initialisation_as_stated": "kept as stated: generic points refute "
    "it",
    "first_step_is_rank_one": "asymptotic in the dimension",
    "learned_weights_are_spiked_gaussian": "a limit law",
    "kernel_views_agree": "roots and arccosines",
    "kernel_first_order_expansion": "asymptotic in B/d",
    "linear_modes_are_amplified": "integrals of arccosines",
    "relu_kernel_eigenvalues": "π and the gamma function",
    "top_mode_mixes_quadratic_harmonic": "asymptotic in B/d",
    "single_run_spike_direction": "asymptotic in the dimension, over runs",
    "gaussian_equivalent_gap": "asymptotic in the dimension",
    "gaussian_equivalent_gap_as_stated": "asymptotic in the dimension; kept as printed, refuted",
    "spiked_covariance_series": "convergence of a series",
    "spiked_covariance_series_as_stated": "convergence of a series; kept as printed, refuted",
    "decay_is_preserved": "inequalities between eigenvalues",
    "virtual_step_raises_target_linearity": "inequalities only; judged exactly at generic "
    "points, without an error probability",
    "surrogate_grows_in_expectation": "an expectation over Gaussian readouts; the identity behind "
    "it is surrogate_grows_over_the_ensemble",
}
"""Why the other claims are none."""
