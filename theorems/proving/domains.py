"""What a claim can be proved for: symbolic instances of the family that its strategy draws, all alternatives of it.

The constructors are those of the generic instances (`impl.generic`), driven by a source of
symbols. Of a family with alternatives (a bias or none, one depth or another) each is a case of
its own, and a claim is proved only if all are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from theorems.claim import Claim
from theorems.domains import family_of, same_law
from theorems.impl import strategies
from theorems.impl.generic import families, flows, networks
from theorems.impl.generic.family import Family
from theorems.impl.strategies.deep_linear import deep_linear_networks
from theorems.impl.symbolic.guards import other_than
from theorems.proving.exponents import aligned_teacher, powered_covariance
from theorems.proving.features import decoder, feature_set, labelled_features, weight_step
from theorems.proving.instances import (
    balanced_chain,
    decayed_matrix,
    isotropic_pair,
    linear_net,
    minibatches,
    preconditioned_step,
    single_samples,
    tanh_network,
    weight_motion,
)
from theorems.proving.spectra import regression, spectral_task
from theorems.proving.trained import linear_student, matched_pair, readout_ensemble, twin_runs


@dataclass(frozen=True)
class Case:
    """One alternative.

    Args:
        words: which one; "depth 3".
        make: draws the instance from a source: of symbols, or of numbers for a counterexample.
        shape: what the constructor chooses by; None for one that may not choose.
        known: fields that are no operands and have the value that they have in this case.
        finish: what is done to the instance afterwards.
        wider: whether there are more instances than the claim speaks of: then only proofs count, and different forms do not refute.
        bounded: whether the bounds of sizes that the constructor asks for belong to what the claim speaks of.
    """

    words: str
    make: Callable[[Any], Any]
    shape: int | None = 0
    known: tuple[str, ...] = ()
    finish: Callable[[Any], Any] | None = None
    bounded: bool = False
    wider: bool = False


@dataclass(frozen=True)
class Domain:
    """All alternatives together.

    Args:
        words: for what, in words.
        cases: every one must be decided.
        family: of numbers, whose hypotheses are built in.
    """

    words: str
    cases: tuple[Case, ...]
    family: Family | None = None


def _layers(words: str, *shapes: tuple[int, str]) -> Domain:
    made = networks.layer_trace
    cases = tuple(Case(said, made, shape) for shape, said in shapes)
    return Domain(f"every width, every number of rows, {words}, any gradient at the outputs", cases)


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
    return Domain(words, tuple(cases))


def _other_loss(point: Any) -> Any:
    """The same point under a loss of which only its gradient is known."""
    object.__setattr__(point, "loss", other_than("squared"))
    return point


def _chains(depths: tuple[int, int]) -> Domain:
    least, most = depths
    cases = tuple(Case(f"depth {d}", partial(networks.linear_chain, depths=(d, d))) for d in range(least, most + 1))
    return Domain(f"depth {least} to {most}, every width, every number of rows", cases)


LINEAR_NETWORKS = Domain(
    "depth 2 to 5, every width, every number of samples, the squared loss",
    tuple(Case(f"depth {d}", partial(linear_net, depth=d)) for d in range(2, 6)),
)


def _decayed(*, soft: bool) -> tuple[Case, ...]:
    loss = ", a loss that sees no shift" if soft else ""
    return tuple(
        Case(f"{words}{loss}", partial(decayed_matrix, layer=layer, soft=soft), 0, ("shift_free",))
        for layer, words in ((False, "free features"), (True, "a linear layer"))
    )


_BIASED, _UNBIASED = (0, "with a bias"), (2, "without a bias")

_STEPS = 3
"""The largest number of steps at which descents are looked at: their forms double with each."""


_LAYERS = 3
"""The largest number of layers at which decoders are looked at."""


def _counted(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"


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
            "every number of samples, every width, every number of classes, "
            "the squared loss and any other through its gradient",
            (
                Case("the squared loss", flows.coupled_point, 0, ("loss",)),
                Case("any other loss", flows.coupled_point, 1, ("loss",), _other_loss),
            ),
        ),
    ),
    (
        families.KERNEL_POINTS,
        Domain(
            "every number of samples, every width, every number of labels, every λ > 0 and μ",
            (Case("any features", flows.kernel_point),),
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
            "every number of samples, every width, every number of classes, any loss that sees no shift of all outputs",
            _decayed(soft=True),
        ),
    ),
    (
        families.BALANCED_CHAINS,
        Domain(
            "depth 1 to 6, every width, every number of samples",
            tuple(Case(f"depth {d}", partial(balanced_chain, depth=d)) for d in range(1, 7)),
        ),
    ),
    (
        families.MOTIONS,
        Domain("every width, any velocity", (Case("any velocity", weight_motion),)),
    ),
    (
        families.STEPS,
        Domain(
            "every number of steps by induction, every width, every number of samples, any symmetric P, any loss",
            (Case("one step from any state", preconditioned_step, wider=True),),
        ),
    ),
    (
        families.TWINS,
        Domain(
            "every number of steps by induction, every width, every number of samples, any symmetric P, "
            "any loss, any network behind the first layer",
            (Case("one step from states that agree", twin_runs, wider=True),),
        ),
    ),
    (
        families.ENSEMBLES,
        Domain(
            "every width, every number of samples, every white ensemble of readouts",
            (Case("any white ensemble", readout_ensemble, wider=True),),
        ),
    ),
    (
        families.SPECTRAL_TASKS,
        Domain("every number of samples, every width, every number of classes", (Case("any modes", spectral_task, wider=True),)),
    ),
    (
        families.REGRESSIONS,
        Domain(
            "every width, every number of samples, any spectrum, signal and noise", (Case("any spectrum", regression),)
        ),
    ),
    (
        families.STUDENTS,
        Domain(
            f"1 to {_STEPS} steps of any rates, every width, every number of samples",
            tuple(Case(_counted(t), partial(linear_student, steps=t), wider=True) for t in range(1, _STEPS + 1)),
        ),
    ),
    (
        families.MATCHED_PAIRS,
        Domain(
            f"1 to {_STEPS} steps of any rates, every width, every number of samples",
            tuple(Case(_counted(t), partial(matched_pair, steps=t), wider=True) for t in range(1, _STEPS + 1)),
        ),
    ),
    (
        families.FEATURES,
        Domain(
            "every number of samples, every width, every number of targets, features of any rank",
            (Case("any features", feature_set, wider=True),),
        ),
    ),
    (
        families.COLLAPSED,
        Domain(
            "every number of samples, every width, every number of classes of any sizes",
            (
                Case("class means of full rank", partial(labelled_features, span="all"), wider=True),
                Case("a simplex of balanced classes", partial(labelled_features, span="zero-sum", equal=True), wider=True),
            ),
        ),
    ),
    (
        families.SIMPLICES,
        Domain(
            "every number of samples, every width, every number of classes of any sizes",
            (Case("a simplex", partial(labelled_features, span="zero-sum"), wider=True),),
        ),
    ),
    (
        families.WEIGHT_STEPS,
        Domain("every width, weights of any rank, every orthogonal competitor", (Case("any step", weight_step, wider=True),)),
    ),
    (
        families.POWERED,
        Domain(
            "every width, every number of independent samples, any spectrum, any real power",
            (Case("any spectrum", powered_covariance, wider=True),),
        ),
    ),
    (
        families.ALIGNED,
        Domain(
            "every width, every number of samples, any spectrum, any real power, every eigenvector",
            (Case("any spectrum", aligned_teacher, wider=True),),
        ),
    ),
    (
        families.DECODERS,
        Domain(
            f"1 to {_LAYERS} layers, every width, every number of codes, every convex mixture",
            tuple(Case(f"layers: {n}", partial(decoder, layers=n), wider=True) for n in range(1, _LAYERS + 1)),
        ),
    ),
    (
        families.SINGLES,
        Domain(
            "every number of samples, every width, every number of classes, any loss",
            (Case("every sample a batch", single_samples),),
        ),
    ),
    (
        families.ISOTROPIC_PAIRS,
        Domain(
            "one step, every width, every number of samples",
            (Case("X = X'M and R' = M R, starts N(0, I)", isotropic_pair),),
        ),
    ),
    (
        families.NOISES,
        Domain(
            "every number of samples, every width, every number of classes, any batches, any loss",
            (
                Case("any loss", partial(minibatches, soft=False), 0, ("shift_free",), wider=True),
                Case("a loss that sees no shift", partial(minibatches, soft=True), 0, ("shift_free",), wider=True),
            ),
        ),
    ),
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
        return Domain(found.words, found.cases, family)
    if family in families.FAMILIES:
        return None  # its constructor chooses, or loops over numbers
    return Domain(f"every size of {family.name}", (Case(family.name, family, None, bounded=True),))
