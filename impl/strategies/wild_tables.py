"""Which strategy makes wild instances of which type, and which strategies draw all of a type; see
`impl.strategies.wild`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st

from theorems.impl.feature_learning.collapse import LabelledFeatures
from theorems.impl.feature_learning.decoders import Decoder
from theorems.impl.feature_learning.features import FeatureSet
from theorems.impl.feature_learning.linear_networks import LinearNetwork
from theorems.impl.feature_learning.readouts import ReadoutEnsemble
from theorems.impl.feature_learning.whitening import WeightMotion, WeightStep
from theorems.impl.gram_hierarchy.gated import GatedNetwork
from theorems.impl.instances.instance import Instance
from theorems.impl.kernel_flows.decayed import DecayedMatrix
from theorems.impl.kernel_flows.flows import CoupledPoint, KernelPoint
from theorems.impl.kernel_flows.minibatches import MinibatchNoise
from theorems.impl.kernel_flows.spectral import LaplacianTask, Regression, SpectralTask
from theorems.impl.networks.tracing import LayerTrace
from theorems.impl.preconditioning.aligned import AlignedTeacher
from theorems.impl.preconditioning.first_layer import PreconditionedSteps
from theorems.impl.preconditioning.gaussian_teachers import GaussianTeacher
from theorems.impl.preconditioning.linear_students import (
    InitialisedPair,
    LinearStudent,
    PoweredCovariance,
)
from theorems.impl.strategies import (
    alignment,
    deep_linear,
    features,
    flows,
    gated,
    grams,
    layers,
    noise,
    preconditioning,
    ranks,
    ridge,
    wild,
    wild_data,
)

WILD: dict[type[Instance], Callable[[str, torch.dtype], st.SearchStrategy[Any]]] = {
    LayerTrace: wild.layer_traces,
    GatedNetwork: wild.gated_networks,
    DecayedMatrix: wild.decayed_matrices,
    MinibatchNoise: wild.minibatch_noises,
    PreconditionedSteps: wild.preconditioned_runs,
    KernelPoint: wild_data.kernel_points,
    CoupledPoint: wild_data.coupled_points,
    SpectralTask: wild_data.spectral_tasks,
    Regression: wild_data.regressions,
    LaplacianTask: wild_data.laplacians,
    FeatureSet: wild_data.feature_sets,
    LinearStudent: wild_data.linear_students,
    InitialisedPair: wild_data.initialised_pairs,
    PoweredCovariance: wild_data.powered_covariances,
    GaussianTeacher: wild_data.gaussian_teachers,
    AlignedTeacher: wild_data.aligned_teachers,
    WeightStep: wild_data.weight_steps,
    WeightMotion: wild_data.weight_motions,
    ReadoutEnsemble: wild_data.ensembles,
    LabelledFeatures: wild_data.labelled_features,
    Decoder: wild_data.decoders,
    LinearNetwork: wild_data.linear_networks,
}
"""The strategy of wild instances by subject type: call it with a kind of
`impl.strategies.wild.KINDS` and a format.
"""

WILD_FOR: dict[str, Callable[[str, torch.dtype], st.SearchStrategy[Any]]] = {
    "softmax_kernel_rank_below_classes": functools.partial(wild.decayed_matrices, softmax=True),
    "single_layer_residual_dynamics": functools.partial(wild.gated_networks, most=1),
    "weight_gram_is_first_nontrivial_pullback": functools.partial(wild.gated_networks, least=2),
}
"""Strategies of claims that most wild instances of their subject type do not meet the hypotheses
of.
"""

WHOLE: dict[type[Instance], tuple[Callable[[], st.SearchStrategy[Any]], ...]] = {
    LayerTrace: (layers.layer_traces,),
    GatedNetwork: (gated.gated_networks, gated.activated_networks),
    DecayedMatrix: (ranks.decayed_matrices,),
    MinibatchNoise: (noise.minibatch_noises,),
    PreconditionedSteps: (preconditioning.training_steps,),
    KernelPoint: (flows.kernel_points,),
    CoupledPoint: (flows.coupled_points,),
    SpectralTask: (flows.spectral_tasks,),
    Regression: (ridge.regressions,),
    LaplacianTask: (ridge.laplacians,),
    FeatureSet: (features.feature_sets,),
    WeightStep: (grams.weight_steps,),
    WeightMotion: (grams.weight_motions,),
    Decoder: (alignment.affine_decoders,),
    LinearNetwork: (deep_linear.deep_linear_networks,),
}
"""Strategies that draw whatever `WILD` makes worse: a claim on one of them speaks of the wild
instances of its type too.
"""
