"""Whether somebody's own network is among the instances that a conjecture speaks of.

A conjecture speaks of what its strategy draws. Some strategies draw every layer, stack or batch of
features that a network can have; of a few narrower ones it can be seen who belongs. Of a strategy
that is filtered, mapped or of a user's own making nothing can be told, and then a network refutes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from theorems.claim import Claim
from theorems.domains import same_law
from theorems.impl import strategies
from theorems.impl.feature_learning.features import FeatureSet
from theorems.impl.feature_learning.readouts import ReadoutEnsemble
from theorems.impl.gram_hierarchy.gated import GatedNetwork
from theorems.impl.kernel_flows.decayed import DecayedMatrix
from theorems.impl.kernel_flows.minibatches import MinibatchNoise
from theorems.impl.networks.layers import LayerTrace
from theorems.impl.preconditioning.first_layer import PreconditionedSteps
from theorems.impl.strategies import alignment, features, noise, preconditioning, ranks
from theorems.relations import AUTHORS
from theorems.verdict import Outcome, Verdict

WHOLE: Mapping[type, tuple[Callable[[], Any], ...]] = {
    LayerTrace: (strategies.layer_traces,),
    GatedNetwork: (strategies.gated_networks, strategies.activated_networks),
    FeatureSet: (features.feature_sets,),
    DecayedMatrix: (ranks.decayed_matrices,),
    MinibatchNoise: (noise.minibatch_noises,),
    PreconditionedSteps: (preconditioning.training_steps,),
    ReadoutEnsemble: (alignment.readout_ensembles,),
}
"""Strategies of everything of their type that a network can have."""

NARROWER: Mapping[Callable[[], Any], tuple[str, Callable[[Any], bool]]] = {
    strategies.bias_free_layers: ("layers without a bias", lambda layer: layer.bias is None),
    strategies.deep_gated_networks: ("networks of depth two or more", lambda net: net.depth >= 2),
    ranks.softmax_matrices: (
        "losses that see no common shift of the outputs",
        lambda point: point.shift_free,
    ),
}
"""Strategies of a part of it, in words, each with a test of membership."""

DOMAIN = "what its strategy draws"


def judged(claim: Claim, instance: Any) -> Verdict:
    """The verdict on a place of somebody's network; a conjecture is refuted there only if it speaks
    of it, and one of the catalogue comes with what the owner of a network can do.
    """
    if claim.tag != "conjecture":
        return _to_owners(claim(instance))
    for strategy, (kind, member) in NARROWER.items():
        if same_law(claim, strategy) and not member(instance):
            context = {
                "hypothesis": DOMAIN,
                "reason": f"outside of what its strategy draws: {kind}",
            }
            return Verdict(claim.name, Outcome.INAPPLICABLE, instance=instance, context=context)
    verdict = claim(instance)
    whole = WHOLE.get(claim.subject, ())
    if verdict.outcome is not Outcome.REFUTED or any(
        same_law(claim, strategy) for strategy in (*whole, *NARROWER)
    ):
        return verdict
    offers = " or ".join(strategy.__name__ for strategy in whole)
    advice = (
        f"state it on {offers}, with where= for a part of that"
        if offers
        else "check it on drawn instances"
    )
    reason = (
        f"it is wrong here, but whether its strategy draws such a {claim.subject.__name__} cannot "
        f"be told (it is filtered, mapped, narrower, or of your own making): {advice}"
    )
    return replace(
        verdict, outcome=Outcome.UNDECIDED, context={**verdict.context, "reason": reason}
    )


OWNERS = "other samples, or float64 (--double), may decide it; nothing speaks against the network"
"""What to do about a comparison that is open on a network."""


def _to_owners(verdict: Verdict) -> Verdict:
    """Advice to whoever states a claim is none to whoever owns the network."""
    reason = str(verdict.context.get("reason"))
    told = next((advice for advice in AUTHORS if reason.endswith(advice)), None)
    if told is None:
        return verdict
    context = {**verdict.context, "reason": reason.removesuffix(told) + OWNERS}
    return replace(verdict, context=context)
