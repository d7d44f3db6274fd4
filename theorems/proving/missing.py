"""Why claims of the catalogue are not proved, one line each: what they say, or what the operand has
not.
"""

from __future__ import annotations

from collections.abc import Mapping

from theorems.claim import Claim
from theorems.identities import NO_IDENTITY

MISSING: Mapping[str, str] = {
    "water_filling_law": "a minimum over kernels: its conditions hold mode by mode on either side "
    "of a threshold, and no rule orders variables",
    "only_full_water_filling_is_stable": "it walks through all subsets of active modes, of which "
    "there is no given number, and which modes are active is a comparison",
    "laplacian_spectral_filter": "a minimum over kernels: its conditions hold mode by mode on "
    "either side of a cut, and no rule orders variables",
    "laplacian_filter_rank": "the rank of a minimiser is the number of modes below a cut, and no "
    "rule counts entries",
    "exponent_needs_early_stopping": "as many steps as there are dimensions end the descent "
    "(Cayley and Hamilton), and no rule multiplies so many factors",
    "one_step_learns_powered_teacher": "means of polynomials of any degree over a Gaussian "
    "(Stein's lemma), and no rule takes a mean",
    "spike_moments": "sums over all batches of a cubature of a Gaussian, and no rule takes a mean",
}
"""Identities that are not proved yet."""


def missing(claim: Claim) -> str | None:
    """What is known of a claim of the catalogue that keeps it from being proved, or None."""
    if claim.tag == "conjecture":
        return None
    said = MISSING.get(claim.name)
    return said or (
        f"no identity for all sizes, but {NO_IDENTITY[claim.name]}"
        if claim.name in NO_IDENTITY
        else None
    )
