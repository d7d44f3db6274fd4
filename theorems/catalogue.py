"""The table of contents: every claim, in the order of the papers. A new claim is one line here."""

from __future__ import annotations

from theorems import feature_learning

CLAIMS = (
    # arXiv:2605.06258, the weight Gram matrix
    feature_learning.feature_learning_equation,
    feature_learning.gram_follows_virtual_covariance,
    feature_learning.stationary_gram_is_feature_correlation,
    feature_learning.gram_flow,
)
