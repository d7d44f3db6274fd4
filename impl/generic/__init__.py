"""Generic instances: entries drawn from a set of 2^61 values, everything else made of them exactly.

A polynomial identity that holds at one such point is false with probability at most its degree over 2^61 (Schwartz and Zippel). Every
constructor draws an instance on which the hypotheses of the catalogue's claims hold *by construction*, as generally as is known here:
gradients by exact differentiation of the network's own forward code, for an arbitrary gradient at the outputs (any loss).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from impl.aligned import AlignedTeacher
from impl.chains import LinearChain
from impl.collapse import LabelledFeatures
from impl.decayed import DecayedMatrix
from impl.decoders import Decoder
from impl.features import FeatureSet
from impl.first_layer import PreconditionedSteps
from impl.flows import CoupledPoint, KernelPoint
from impl.gated import GatedNetwork
from impl.gaussian_teachers import GaussianTeacher
from impl.generic import features, flows, networks, students
from impl.generic.source import SET_SIZE, Source
from impl.layers import LayerTrace
from impl.linear_students import InitialisedPair, LinearStudent, PoweredCovariance
from impl.readouts import ReadoutEnsemble
from impl.spectral import LaplacianTask, Regression, SpectralTask
from impl.spike_moments import SpikeSetting
from impl.training import MinibatchNoise
from impl.twins import TwinRuns
from impl.whitening import WeightMotion, WeightStep

__all__ = ["GENERIC", "SET_SIZE", "Source"]

GENERIC: Mapping[type, Callable[[Source], Any]] = {
    LayerTrace: networks.layer_trace,
    GatedNetwork: networks.gated_network,
    PreconditionedSteps: networks.preconditioned_steps,
    TwinRuns: networks.twin_runs,
    LinearChain: networks.linear_chain,
    Decoder: networks.decoder,
    DecayedMatrix: flows.decayed_matrix,
    MinibatchNoise: flows.minibatch_noise,
    KernelPoint: flows.kernel_point,
    CoupledPoint: flows.coupled_point,
    SpectralTask: flows.spectral_task,
    Regression: flows.regression,
    LaplacianTask: flows.laplacian_task,
    FeatureSet: features.feature_set,
    LabelledFeatures: features.labelled_features,
    WeightStep: features.weight_step,
    WeightMotion: features.weight_motion_of,
    ReadoutEnsemble: features.readout_ensemble,
    LinearStudent: students.linear_student,
    InitialisedPair: students.initialised_pair,
    PoweredCovariance: students.powered_covariance,
    GaussianTeacher: students.gaussian_teacher,
    AlignedTeacher: students.aligned_teacher,
    SpikeSetting: students.spike_setting,
}
"""How to draw a generic instance, by its type."""
