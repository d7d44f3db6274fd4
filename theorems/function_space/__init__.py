"""One large gradient step and the function space: arXiv:2605.17718. All its claims; they live in
modules by topic.

Two are false as printed and kept so, expected to be REFUTED: `gaussian_equivalent_gap_as_stated`,
`spiked_covariance_series_as_stated`.
"""

from theorems.function_space.corrected import (
    gaussian_equivalent_gap,
    gaussian_equivalent_gap_as_stated,
    spiked_covariance_series,
    spiked_covariance_series_as_stated,
)
from theorems.function_space.first_step import first_step_is_rank_one
from theorems.function_space.kernels import kernel_views_agree, linear_modes_are_amplified
from theorems.function_space.learned_weights import (
    learned_weights_are_spiked_gaussian,
    single_run_spike_direction,
)
from theorems.function_space.limits import (
    kernel_first_order_expansion,
    top_mode_mixes_quadratic_harmonic,
)
from theorems.function_space.moments import spike_moments
from theorems.function_space.spectrum import decay_is_preserved, relu_kernel_eigenvalues

__all__ = [
    "decay_is_preserved",
    "first_step_is_rank_one",
    "gaussian_equivalent_gap",
    "gaussian_equivalent_gap_as_stated",
    "kernel_first_order_expansion",
    "kernel_views_agree",
    "learned_weights_are_spiked_gaussian",
    "linear_modes_are_amplified",
    "relu_kernel_eigenvalues",
    "single_run_spike_direction",
    "spike_moments",
    "spiked_covariance_series",
    "spiked_covariance_series_as_stated",
    "top_mode_mixes_quadratic_harmonic",
]
