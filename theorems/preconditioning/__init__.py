"""Preconditioned feature learning: arXiv:2509.25637. All its claims; they live in modules by topic.

Z = X W₁ᵀ, W₁ ← W₁ − η ∇_{W₁}L · P, G_P = X P Xᵀ: what the inputs tell a network is in
`sufficiency`, the others beside it.
"""

from theorems.preconditioning.alignment import alignment_decides_exponent
from theorems.preconditioning.initialisation import (
    information_needs_matched_initialisation,
    information_needs_matched_initialisation_as_stated,
)
from theorems.preconditioning.spectral_bias import (
    covariance_power_sets_spectral_bias,
    one_step_learns_powered_teacher,
)
from theorems.preconditioning.student_risk import (
    exponent_needs_early_stopping,
    preconditioned_regression_risk,
)
from theorems.preconditioning.sufficiency import (
    gram_sufficiency_at_inference,
    gram_sufficiency_in_training,
    same_gram_same_training,
)

__all__ = [
    "alignment_decides_exponent",
    "covariance_power_sets_spectral_bias",
    "exponent_needs_early_stopping",
    "gram_sufficiency_at_inference",
    "gram_sufficiency_in_training",
    "information_needs_matched_initialisation",
    "information_needs_matched_initialisation_as_stated",
    "one_step_learns_powered_teacher",
    "preconditioned_regression_risk",
    "same_gram_same_training",
]
