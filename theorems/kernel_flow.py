"""Task-driven kernel flows: arXiv:2601.00276. The paper's claims, by topic in the files named below, in its order.

Model: free features Φ (N, P), linear readout A (C, P), outputs F = ΦAᵀ, kernel K = ΦΦᵀ, labels Y (N, C), objective
J = ℓ(F, Y) + (λ/2)‖A‖² + (μ/2)‖Φ‖², squared loss ½‖Y − F‖², G = ∂ℓ/∂F.
"""

from __future__ import annotations

