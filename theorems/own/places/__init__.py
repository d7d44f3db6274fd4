"""Where in a user's network a claim can be checked: every instance that the network yields, by type
and place.

A builder per instance type, by topic in the files named below; each returns an instance or the
reason why there is none, for every place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from torch import Tensor
from torch.nn.parameter import is_lazy

from theorems.impl.errors import InputError, crash
from theorems.impl.feature_learning.chains import LinearChain
from theorems.impl.feature_learning.collapse import LabelledFeatures
from theorems.impl.feature_learning.features import FeatureSet
from theorems.impl.feature_learning.readouts import RandomReadout, ReadoutEnsemble
from theorems.impl.feature_learning.whitening import WeightMotion, WeightStep
from theorems.impl.gram_hierarchy.gated import GatedNetwork
from theorems.impl.instances.instance import Instance
from theorems.impl.kernel_flows.decayed import DecayedMatrix
from theorems.impl.kernel_flows.minibatches import MinibatchNoise
from theorems.impl.networks.layers import LinearRows
from theorems.impl.networks.tracing import LayerTrace
from theorems.impl.preconditioning.first_layer import PreconditionedSteps
from theorems.impl.slopes.loss_lines import LossLine
from theorems.own.places.features import (
    collapsed_features,
    feature_sets,
    random_readouts,
    readout_ensembles,
)
from theorems.own.places.gradients import loss_lines
from theorems.own.places.noise import minibatch_noises
from theorems.own.places.subject import Places, Subject
from theorems.own.places.training import first_layer_steps
from theorems.own.places.weights import (
    decayed_matrices,
    layer_traces,
    linear_chains,
    relu_stacks,
    weight_motions,
    weight_steps,
)

__all__ = ["BUILDERS", "Places", "Subject", "instances_of"]

BUILDERS: dict[type[Instance], Callable[[Subject], Places | str]] = {
    LossLine: loss_lines,
    LayerTrace: layer_traces,
    GatedNetwork: relu_stacks,
    FeatureSet: feature_sets,
    LabelledFeatures: collapsed_features,
    ReadoutEnsemble: readout_ensembles,
    RandomReadout: random_readouts,
    DecayedMatrix: decayed_matrices,
    WeightStep: weight_steps,
    WeightMotion: weight_motions,
    LinearChain: linear_chains,
    MinibatchNoise: minibatch_noises,
    PreconditionedSteps: first_layer_steps,
}
"""How the instances of each type are found in a network."""


def instances_of(
    subject: Subject, types: Iterable[type[Instance]] | None = None
) -> dict[type[Instance], Places | str]:
    """Every instance that the network yields, by type and place, or why there is none at that
    place; or why it yields none.

    Args:
        subject: the network.
        types: of the instances that are wanted; by default all.

    Whatever else is raised on the way, by the network or by what looks at it, is a reason.

    Raises:
        InputError: as `impl.trace`: the network itself cannot be judged.
    """
    wanted = set(BUILDERS if types is None else types)
    built: dict[type[Instance], Places | str] = {}
    if LossLine in wanted and not any(map(is_lazy, subject.model.parameters())):
        # before there are traces, which it would have to stand beside
        built[LossLine] = _built(loss_lines, subject)
    try:
        # what is wrong with the network is said once, not as a reason of each type
        _ = subject.layers
    except Exception as error:
        lines = built.get(LossLine) or (_built(loss_lines, subject) if LossLine in wanted else "")
        refused = isinstance(error, InputError)
        if refused and isinstance(lines, str):
            raise
        # the loss can be followed, so that the row about its gradient says what is wrong (it is
        # NaN, say), or needs no layers
        reason = str(error) if refused else f"looking at its layers raised {crash(error)}"
        return {kind: lines if kind is LossLine else reason for kind in BUILDERS if kind in wanted}
    return {
        kind: built.get(kind) or _built(build, subject)
        for kind, build in BUILDERS.items()
        if kind in wanted
    }


def _built(build: Callable[[Subject], Places | str], subject: Subject) -> Places | str:
    try:
        found = build(subject)
    except InputError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001
        return f"looking for it raised {crash(error)}"
    if isinstance(found, str) or all(p.device.type == "cpu" for p in subject.model.parameters()):
        return found
    return {
        where: made if isinstance(made, str) else _on_the_cpu(made) for where, made in found.items()
    }


def _on_the_cpu(instance: Any) -> Any:
    """What was measured on an accelerator is judged in float64 where there is float64, beside what
    was drawn on the CPU.
    """
    moved = instance.map(lambda value: value.cpu() if isinstance(value, Tensor) else value)
    checked = getattr(moved, "checked", None)
    if checked is None:
        return moved
    return replace(
        moved, checked=LinearRows(checked.weight.cpu(), checked.inputs.cpu(), checked.outputs.cpu())
    )
