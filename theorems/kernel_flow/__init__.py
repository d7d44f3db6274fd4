"""Task-driven kernel flows: arXiv:2601.00276. The paper's claims, by topic in the files named
below, in its order.

Model: free features Φ (N, P), linear readout A (C, P), outputs F = ΦAᵀ, kernel K = ΦΦᵀ, labels Y
(N, C), objective J = ℓ(F, Y) + (λ/2)‖A‖² + (μ/2)‖Φ‖², squared loss ½‖Y − F‖², G = ∂ℓ/∂F.
"""

from __future__ import annotations

from theorems.kernel_flow.dynamics import (
    imbalance_decays_exponentially,
    kernel_energy_decreases,
    kernel_ode,
)
from theorems.kernel_flow.ends import (
    coupled_flow_reaches_water_filling,
    kernel_flow_reaches_water_filling,
)
from theorems.kernel_flow.filters import (
    laplacian_filter_rank,
    laplacian_spectral_filter,
    spectral_bias_variance,
)
from theorems.kernel_flow.kernel_ranks import (
    kernel_rank_at_most_classes,
    parameter_decay_bounds_kernel_rank_as_stated,
    softmax_kernel_rank_below_classes,
    task_drive_is_low_rank,
    task_drive_is_the_energy_gradient,
)
from theorems.kernel_flow.noise import (
    averaged_kernel_noise_is_low_rank_as_stated,
    sgd_feature_noise_is_low_rank,
    sgd_feature_noise_stays_in_readout_rows,
    sgd_kernel_noise_formula,
    sgd_kernel_noise_is_low_rank,
    sgd_kernel_noise_vanishes_off_outputs,
)
from theorems.kernel_flow.stability import missing_modes_escape, only_full_water_filling_is_stable
from theorems.kernel_flow.water_filling import water_filling_law, water_filling_path

__all__ = [
    "averaged_kernel_noise_is_low_rank_as_stated",
    "coupled_flow_reaches_water_filling",
    "imbalance_decays_exponentially",
    "kernel_energy_decreases",
    "kernel_flow_reaches_water_filling",
    "kernel_ode",
    "kernel_rank_at_most_classes",
    "laplacian_filter_rank",
    "laplacian_spectral_filter",
    "missing_modes_escape",
    "only_full_water_filling_is_stable",
    "parameter_decay_bounds_kernel_rank_as_stated",
    "sgd_feature_noise_is_low_rank",
    "sgd_feature_noise_stays_in_readout_rows",
    "sgd_kernel_noise_formula",
    "sgd_kernel_noise_is_low_rank",
    "sgd_kernel_noise_vanishes_off_outputs",
    "softmax_kernel_rank_below_classes",
    "spectral_bias_variance",
    "task_drive_is_low_rank",
    "task_drive_is_the_energy_gradient",
    "water_filling_law",
    "water_filling_path",
]
