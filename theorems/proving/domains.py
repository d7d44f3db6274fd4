"""What a claim can be proved for: symbolic instances of the family that its strategy draws, all
alternatives of it.

The constructors are those of the generic instances (`impl.generic`), driven by a source of
symbols. Of a family with alternatives (a bias or none, one depth or another) each is a case of
its own, and a claim is proved only if all are.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from theorems.claim import Claim
from theorems.domains import family_of, same_law
from theorems.impl import strategies
from theorems.impl.generic import families, flows, networks
from theorems.impl.generic.family import Family
from theorems.impl.strategies.deep_linear import deep_linear_networks
from theorems.impl.symbolic.arrays import Symbolic, variable
from theorems.impl.symbolic.guards import other_than
from theorems.proving.cases import Case, Domain
from theorems.proving.instances import (
    balanced_chain,
    decayed_matrix,
    linear_net,
    minibatches,
    preconditioned_step,
    tanh_network,
    weight_motion,
)
from theorems.proving.related import RELATED


def _layers(words: str, *shapes: tuple[int, str]) -> Domain:
    made = networks.layer_trace
    cases = tuple(Case(said, made, shape) for shape, said in shapes)
    return Domain(f"every width, every number of rows, {words}, any gradient at the outputs", cases)


_DEEPER = "deeper networks"
_TANH = 2
"""The largest depth at which networks of tanh are looked at: their forms grow fast."""


def _as(gate: str, net: Any) -> Any:
    """The same network under another name of its nonlinearity, its gates those of that."""
    object.__setattr__(net, "gate", gate)
    return net


def _gated(depths: tuple[int, int], *, tanh: bool = False, linear: bool = False) -> Domain:
    least, most = depths
    cases = []
    for depth in range(least, most + 1):
        make = partial(networks.gated_network, depths=(depth, depth), linear=linear)
        for gate, said in (("data", "masks as data"), ("relu", "ReLU between its switches")):
            finish = partial(_as, gate)
            # under ReLU masks follow from weights, and these are any
            wider = gate == "relu"
            cases.append(Case(f"depth {depth}, {said}", make, 0, ("gate",), finish, wider=wider))
        if tanh and depth <= _TANH:
            made = partial(tanh_network, depth=depth)
            cases.append(Case(f"depth {depth}, tanh", made, 0, ("gate",)))
    which = f"depth {least}" if least == most else f"depth {least} to {most}"
    kind = "all gates open" if linear else "every pattern of masks"
    kind += f" (tanh at depth 1 to {_TANH})" if tanh else ""
    words = f"{which}, every width, every number of rows, {kind}, any residuals (any loss)"
    return Domain(words, tuple(cases), beyond=_DEEPER if least < most else "")


def _other_loss(point: Any) -> Any:
    """The same point under a loss of which only its gradient is known."""
    object.__setattr__(point, "loss", other_than("squared"))
    return point


def _any_decay(point: Any) -> Any:
    """The same point of symbols under a decay that may be zero, a square; λ stays above zero."""
    if isinstance(point.decay, Symbolic):
        root = variable("v0", ())
        object.__setattr__(point, "decay", root * root)
    return point


def _chains(depths: tuple[int, int]) -> Domain:
    least, most = depths
    cases = tuple(
        Case(f"depth {d}", partial(networks.linear_chain, depths=(d, d)))
        for d in range(least, most + 1)
    )
    words = f"depth {least} to {most}, every width, every number of rows"
    return Domain(words, cases, beyond=_DEEPER)


LINEAR_NETWORKS = Domain(
    "depth 2 to 5, every width, every number of samples, the squared loss",
    tuple(Case(f"depth {d}", partial(linear_net, depth=d)) for d in range(2, 6)),
    beyond=_DEEPER,
)


def _decayed(*, soft: bool) -> tuple[Case, ...]:
    loss = ", a loss that sees no shift" if soft else ""
    return tuple(
        Case(f"{words}{loss}", partial(decayed_matrix, layer=layer, soft=soft), 0, ("shift_free",))
        for layer, words in ((False, "free features"), (True, "a linear layer"))
    )


_BIASED, _UNBIASED = (0, "with a bias"), (2, "without a bias")

DOMAINS: tuple[tuple[Family, Domain], ...] = (
    (families.LAYERS, _layers("with a bias or without", _BIASED, _UNBIASED)),
    (families.BIASED_LAYERS, _layers("with a bias", _BIASED)),
    (families.UNBIASED_LAYERS, _layers("without a bias", _UNBIASED)),
    (families.GATED, _gated((1, 4))),
    (families.DEEP_GATED, _gated((2, 4))),
    (families.SHALLOW_GATED, _gated((1, 1))),
    (families.LINEAR_FLOWS, _gated((1, 4), linear=True)),
    (families.CHAINS, _chains((1, 4))),
    (
        families.COUPLED_POINTS,
        Domain(
            "every number of samples, every width, every number of classes, the squared loss and "
            "any other through its gradient",
            (
                Case("the squared loss", flows.coupled_point, 0, ("loss",)),
                Case("any other loss", flows.coupled_point, 1, ("loss",), _other_loss),
            ),
        ),
    ),
    (
        families.KERNEL_POINTS,
        Domain(
            "every number of samples, every width, every number of labels, every λ > 0 and μ ≥ 0",
            (Case("any features", flows.kernel_point, finish=_any_decay),),
        ),
    ),
    (
        families.DECAYED,
        Domain(
            "every number of samples, every width, every number of classes, any loss",
            (*_decayed(soft=False), *_decayed(soft=True)),
        ),
    ),
    (
        families.SOFTMAX_DECAYED,
        Domain(
            "every number of samples, every width, every number of classes, any loss that "
            "sees no shift of all outputs",
            _decayed(soft=True),
        ),
    ),
    (
        families.BALANCED_CHAINS,
        Domain(
            "depth 1 to 6, every width, every number of samples",
            tuple(Case(f"depth {d}", partial(balanced_chain, depth=d)) for d in range(1, 7)),
            beyond=_DEEPER,
        ),
    ),
    (
        families.MOTIONS,
        Domain("every width, any velocity", (Case("any velocity", weight_motion),)),
    ),
    (
        families.STEPS,
        Domain(
            "every number of steps by induction, every width, every number of samples, any "
            "symmetric P, any loss",
            (Case("one step from any state", preconditioned_step, wider=True),),
        ),
    ),
    (
        families.NOISES,
        Domain(
            "every number of samples, every width, every number of classes, any batches, any loss",
            (
                Case("any loss", partial(minibatches, soft=False), 0, ("shift_free",), wider=True),
                Case(
                    "a loss that sees no shift",
                    partial(minibatches, soft=True),
                    0,
                    ("shift_free",),
                    wider=True,
                ),
            ),
        ),
    ),
    *RELATED,
)
"""What stands for each family of generic instances."""

_ACTIVATED = _gated((1, 4), tanh=True)


def domain_of(claim: Claim) -> Domain | None:
    """What a claim can be proved for; None if no symbolic instances stand for its domain."""
    if claim.generic is None:
        if same_law(claim, strategies.activated_networks):
            return _ACTIVATED
        if same_law(claim, deep_linear_networks):
            return LINEAR_NETWORKS
    family = family_of(claim)
    if family is None:
        return None
    found = next((domain for known, domain in DOMAINS if known is family), None)
    if found is not None:
        return replace(found, family=family)
    if family in families.FAMILIES:
        return None  # its constructor chooses, or loops over numbers
    return Domain(f"every size of {family.name}", (Case(family.name, family, None, bounded=True),))
