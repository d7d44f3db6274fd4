from .catalogue import CLAIMS as CLAIMS
from .claim import Claim as Claim
from .claim import Hypothesis as Hypothesis
from .claim import Source as Source
from .feature_learning import affine_decoder_interpolates as affine_decoder_interpolates
from .feature_learning import (
    balanced_linear_network_feature_ansatz as balanced_linear_network_feature_ansatz,
)
from .feature_learning import feature_learning_equation as feature_learning_equation
from .feature_learning import gram_flow as gram_flow
from .feature_learning import gram_follows_virtual_covariance as gram_follows_virtual_covariance
from .feature_learning import gram_whitening_keeps_the_gram as gram_whitening_keeps_the_gram
from .feature_learning import (
    imbalance_of_linear_layers_is_conserved as imbalance_of_linear_layers_is_conserved,
)
from .feature_learning import (
    neural_collapse_implies_target_linearity as neural_collapse_implies_target_linearity,
)
from .feature_learning import (
    rotation_is_orthogonal_to_learning as rotation_is_orthogonal_to_learning,
)
from .feature_learning import simplex_target_linearity as simplex_target_linearity
from .feature_learning import (
    stationary_gram_is_feature_correlation as stationary_gram_is_feature_correlation,
)
from .feature_learning import surrogate_grows_in_expectation as surrogate_grows_in_expectation
from .feature_learning import surrogate_grows_over_the_ensemble as surrogate_grows_over_the_ensemble
from .feature_learning import target_linearity_laws as target_linearity_laws
from .feature_learning import (
    virtual_step_raises_target_linearity as virtual_step_raises_target_linearity,
)
from .function_space import decay_is_preserved as decay_is_preserved
from .function_space import first_step_is_rank_one as first_step_is_rank_one
from .function_space import gaussian_equivalent_gap as gaussian_equivalent_gap
from .function_space import gaussian_equivalent_gap_as_stated as gaussian_equivalent_gap_as_stated
from .function_space import kernel_first_order_expansion as kernel_first_order_expansion
from .function_space import kernel_views_agree as kernel_views_agree
from .function_space import (
    learned_weights_are_spiked_gaussian as learned_weights_are_spiked_gaussian,
)
from .function_space import linear_modes_are_amplified as linear_modes_are_amplified
from .function_space import relu_kernel_eigenvalues as relu_kernel_eigenvalues
from .function_space import single_run_spike_direction as single_run_spike_direction
from .function_space import spike_moments as spike_moments
from .function_space import spiked_covariance_series as spiked_covariance_series
from .function_space import spiked_covariance_series_as_stated as spiked_covariance_series_as_stated
from .function_space import top_mode_mixes_quadratic_harmonic as top_mode_mixes_quadratic_harmonic
from .gram_hierarchy import backward_pullback_recursion as backward_pullback_recursion
from .gram_hierarchy import (
    closure_needs_gram_from_depth_three as closure_needs_gram_from_depth_three,
)
from .gram_hierarchy import forward_pushforward_recursion as forward_pushforward_recursion
from .gram_hierarchy import gram_operator_flow as gram_operator_flow
from .gram_hierarchy import kernel_cut_identity as kernel_cut_identity
from .gram_hierarchy import layerwise_kernel as layerwise_kernel
from .gram_hierarchy import single_layer_residual_dynamics as single_layer_residual_dynamics
from .gram_hierarchy import (
    weight_gram_is_first_nontrivial_pullback as weight_gram_is_first_nontrivial_pullback,
)
from .kernel_flow import (
    averaged_kernel_noise_is_low_rank_as_stated as averaged_kernel_noise_is_low_rank_as_stated,
)
from .kernel_flow import coupled_flow_reaches_water_filling as coupled_flow_reaches_water_filling
from .kernel_flow import imbalance_decays_exponentially as imbalance_decays_exponentially
from .kernel_flow import kernel_energy_decreases as kernel_energy_decreases
from .kernel_flow import kernel_flow_reaches_water_filling as kernel_flow_reaches_water_filling
from .kernel_flow import kernel_ode as kernel_ode
from .kernel_flow import kernel_rank_at_most_classes as kernel_rank_at_most_classes
from .kernel_flow import laplacian_filter_rank as laplacian_filter_rank
from .kernel_flow import laplacian_spectral_filter as laplacian_spectral_filter
from .kernel_flow import missing_modes_escape as missing_modes_escape
from .kernel_flow import only_full_water_filling_is_stable as only_full_water_filling_is_stable
from .kernel_flow import (
    parameter_decay_bounds_kernel_rank_as_stated as parameter_decay_bounds_kernel_rank_as_stated,
)
from .kernel_flow import sgd_feature_noise_is_low_rank as sgd_feature_noise_is_low_rank
from .kernel_flow import (
    sgd_feature_noise_stays_in_readout_rows as sgd_feature_noise_stays_in_readout_rows,
)
from .kernel_flow import sgd_kernel_noise_formula as sgd_kernel_noise_formula
from .kernel_flow import sgd_kernel_noise_is_low_rank as sgd_kernel_noise_is_low_rank
from .kernel_flow import (
    sgd_kernel_noise_vanishes_off_outputs as sgd_kernel_noise_vanishes_off_outputs,
)
from .kernel_flow import softmax_kernel_rank_below_classes as softmax_kernel_rank_below_classes
from .kernel_flow import spectral_bias_variance as spectral_bias_variance
from .kernel_flow import task_drive_is_low_rank as task_drive_is_low_rank
from .kernel_flow import task_drive_is_the_energy_gradient as task_drive_is_the_energy_gradient
from .kernel_flow import water_filling_law as water_filling_law
from .kernel_flow import water_filling_path as water_filling_path
from .own.models import check_model as check_model
from .own.monitor import History as History
from .own.monitor import watch as watch
from .own.preconditions import autograd_gives_the_gradient as autograd_gives_the_gradient
from .papers import PAPERS as PAPERS
from .papers import Paper as Paper
from .preconditioning import alignment_decides_exponent as alignment_decides_exponent
from .preconditioning import (
    covariance_power_sets_spectral_bias as covariance_power_sets_spectral_bias,
)
from .preconditioning import exponent_needs_early_stopping as exponent_needs_early_stopping
from .preconditioning import gram_sufficiency_at_inference as gram_sufficiency_at_inference
from .preconditioning import gram_sufficiency_in_training as gram_sufficiency_in_training
from .preconditioning import (
    information_needs_matched_initialisation as information_needs_matched_initialisation,
)
from .preconditioning import (
    information_needs_matched_initialisation_as_stated as information_needs_matched_initialisation_as_stated,  # noqa: E501
)
from .preconditioning import one_step_learns_powered_teacher as one_step_learns_powered_teacher
from .preconditioning import preconditioned_regression_risk as preconditioned_regression_risk
from .preconditioning import same_gram_same_training as same_gram_same_training
from .stating import at_most as at_most
from .stating import compares as compares
from .stating import equals as equals
from .stating import in_law as in_law
from .verdict import Grade as Grade
from .verdict import Outcome as Outcome
from .verdict import Verdict as Verdict

__version__: str
