"""Named families of generic instances, and the strategies whose law each of them is.

A generic point counts for a claim only if the claim speaks of it: if the strategy that the claim
was stated on draws the family that the constructor draws. Every strategy for which this is so is
named here; a strategy with arguments, filtered, mapped, a part of another one, or of a user's own
making is in no list, and a claim on it says itself which family it speaks of (``generic=``).

What a constructor *builds in* (balanced weights, equal Gram matrices) is a hypothesis of whatever
is judged on its points. It is listed beside a strategy of instances that violate it, by which
`theorems.domains` sees whether a claim states the hypothesis.
"""

from __future__ import annotations

from functools import partial

from theorems.impl.generic import features, flows, networks, students
from theorems.impl.generic.family import Family, driven, full_rank_means, strictly_active, varied
from theorems.impl.generic.network_families import (
    BALANCED_CHAINS,
    BALANCED_NETWORKS,
    BIASED_LAYERS,
    CHAINS,
    DEEP_GATED,
    GATED,
    LAYERS,
    LINEAR_FLOWS,
    LINEAR_NETWORKS,
    SHALLOW_GATED,
    UNBIASED_LAYERS,
)
from theorems.impl.numbers.linalg import exact_rank
from theorems.impl.strategies import (
    alignment,
    grams,
    noise,
    preconditioning,
    ranks,
    ridge,
    spectra,
    spiked_kernels,
)
from theorems.impl.strategies import features as feature_strategies
from theorems.impl.strategies import flows as flow_strategies
from theorems.impl.strategies import students as student_strategies

__all__ = [
    "ACTIVE_TASKS", "ALIGNED", "BALANCED_CHAINS", "BALANCED_NETWORKS", "BIASED_LAYERS", "CHAINS",
    "COLLAPSED", "COUPLED_POINTS", "DECAYED", "DECODERS", "DEEP_GATED", "DRIVEN_FEATURES",
    "ENSEMBLES", "FAMILIES", "FEATURES", "GATED", "ISOTROPIC_PAIRS", "KERNEL_POINTS",
    "LAPLACIANS", "LAYERS", "LINEAR_FLOWS", "LINEAR_NETWORKS", "MATCHED_PAIRS", "MOTIONS",
    "NOISES", "PATIENT_STUDENTS", "POWERED", "REGRESSIONS", "SHALLOW_GATED", "SIMPLICES",
    "SINGLES", "SOFTMAX_DECAYED", "SPECTRAL_TASKS", "SPIKES", "STEPS", "STUDENTS", "TEACHERS",
    "TWINS", "UNBIASED_LAYERS", "WEIGHT_STEPS",
]  # fmt: skip

STEPS = Family(
    "two steps of a first layer with P = AAᵀ, 2 to 4 samples, any gradient at the outputs",
    networks.preconditioned_steps,
    (preconditioning.training_steps,),
)
TWINS = Family(
    "two data sets X = X'M with P' = MPMᵀ and W' = WMᵀ, a quadratic network, one step or two",
    networks.twin_runs,
    (preconditioning.twin_runs,),
    {
        "equal Gram matrices": preconditioning.twins_with_other_grams,
        "equal outputs at the start": preconditioning.twins_with_other_starts,
    },
)
DECODERS = Family(
    "two-layer decoders none of whose ReLUs switches on the codes",
    networks.decoder,
    (alignment.affine_decoders,),
    {
        "points exactly reconstructed": alignment.inexact_decoders,
        "affine on the data": alignment.switching_decoders,
    },
)
DECAYED = Family(
    "free features and linear layers under decay, 4 to 5 samples, 2 or 3 classes, any "
    "gradient at the outputs, some at rest or near the bound",
    flows.decayed_matrix,
    (ranks.decayed_matrices,),
    {
        "linear up to the outputs": ranks.nonlinear_layers,
        "positive decay": ranks.resting_without_decay,
    },
)
SOFTMAX_DECAYED = Family(
    "free features and linear layers under decay, 2 or 3 classes, any gradient at the "
    "outputs whose rows sum to zero, some at rest or near the bound",
    partial(flows.decayed_matrix, softmax=True),
    (ranks.softmax_matrices,),
    {
        "softmax cross-entropy": ranks.squared_matrices,
        "linear up to the outputs": ranks.nonlinear_softmax_layers,
        "positive decay": ranks.resting_softmax_without_decay,
    },
)
NOISES = Family(
    "minibatches of 3 to 7 samples behind a linear readout, any gradient at the outputs",
    flows.minibatch_noise,
    (noise.minibatch_noises, noise.projectable_noises),
    {"linear readout": noise.nonlinear_readouts},
)
SINGLES = Family(
    "eight samples, each a batch of its own, behind a linear readout of one output, any "
    "gradient there",
    partial(flows.minibatch_noise, alone=True),
    (noise.many_singles,),
    {"linear readout": noise.nonlinear_readouts},
)
KERNEL_POINTS = Family(
    "features with λ, μ above zero and the readout at its ridge optimum, 2 to 3 samples",
    flows.kernel_point,
    (flow_strategies.kernel_points,),
    {
        "positive ridge": flow_strategies.unridged_points,
        "readout at its ridge optimum": flow_strategies.lagging_points,
    },
)
COUPLED_POINTS = Family(
    "features and readout at equal decays and rates, 2 to 3 samples, any gradient at the outputs",
    flows.coupled_point,
    (flow_strategies.coupled_points,),
    {"equal decays": flow_strategies.unequal_decays, "equal rates": flow_strategies.unequal_rates},
)


_SPECTRAL = "2 to 4 orthonormal modes at least one of which is active, none at the threshold"
SPECTRAL_TASKS = Family(
    _SPECTRAL,
    flows.spectral_task,
    (flow_strategies.spectral_tasks, flow_strategies.path_tasks),
    {"orthonormal modes": flow_strategies.stretched_tasks},
)
ACTIVE_TASKS = Family(
    _SPECTRAL,
    flows.spectral_task,
    (flow_strategies.active_tasks,),
    {
        "orthonormal modes": flow_strategies.stretched_tasks,
        "an active mode": flow_strategies.inactive_tasks,
        "no mode at the threshold": flow_strategies.threshold_tasks,
    },
    member=strictly_active,
)
REGRESSIONS = Family(
    "kernel regressions with an orthonormal basis, a positive spectrum and uncorrelated "
    "noise, 2 to 3 samples",
    flows.regression,
    (ridge.regressions,),
    {"noise of the stated size": ridge.misjudged_noise},
)
LAPLACIANS = Family(
    "Laplacians with 2 to 4 orthonormal eigenvectors at least one of which passes, two "
    "equal or one at the cut included",
    flows.laplacian_task,
    (ridge.laplacians,),
    {"orthonormal eigenvectors": ridge.stretched_laplacians},
)


FEATURES = Family(
    "features with more samples than dimensions, two equal columns and explained targets "
    "included, rate below 2/λ_max",
    features.feature_set,
    (feature_strategies.feature_sets,),
    {
        "targets vary": feature_strategies.constant_targets,
        "mixing invertible": feature_strategies.singular_mixings,
    },
    member=varied,
)
DRIVEN_FEATURES = Family(
    "features of full rank with more samples than dimensions, rate below 2/λ_max",
    partial(features.feature_set, driven=True),
    (feature_strategies.driven_features,),
    {
        "targets vary": feature_strategies.constant_targets,
        "residual reaches the features": feature_strategies.explained_targets,
    },
    member=lambda i: driven(i) and varied(i),
)


COLLAPSED = Family(
    "batches collapsed on independent class means, or on a simplex with classes of one "
    "size, 2 to 3 classes",
    features.labelled_features,
    (alignment.collapsed_batches,),
    {
        "zero within-class variation": alignment.uncollapsed_batches,
        "means of full rank, or balanced simplex": alignment.imbalanced_simplices,
    },
    member=full_rank_means,
)
SIMPLICES = Family(
    "batches collapsed on a simplex, 2 to 3 classes of 1 to 3 samples",
    partial(features.labelled_features, simplex=True),
    (alignment.simplex_batches,),
    {
        "zero within-class variation": alignment.uncollapsed_simplices,
        "simplex equiangular tight frame": alignment.full_rank_batches,
    },
    member=full_rank_means,
)
WEIGHT_STEPS = Family(
    "weight steps of full rank, 2 to 3 rows and as many columns or one more, with their "
    "polar factor",
    features.weight_step,
    (grams.weight_steps,),
    {"exact polar factor": grams.wrongly_rotated_steps},
    member=lambda step: exact_rank(step.before @ step.after.mT) == len(step.before),
)
MOTIONS = Family(
    "weights of full rank with two rows, any velocity, and the spin that solves its equation",
    features.weight_motion_of,
    (grams.weight_motions,),
    {"spin solves its equation": grams.wrongly_spun_motions},
)
ENSEMBLES = Family(
    "readouts ± the rows of a multiple of an orthogonal matrix, behind the loss linearised at zero",
    features.readout_ensemble,
    (alignment.readout_ensembles,),
    {
        "readouts of mean zero and second moment m·v": alignment.skewed_ensembles,
        "loss linearised at zero": alignment.full_loss_ensembles,
    },
)
STUDENTS = Family(
    "linear students from zero, 1 to 3 steps of any rates",
    students.linear_student,
    (student_strategies.students,),
    {"starts from zero": student_strategies.started_students},
)
PATIENT_STUDENTS = Family(
    "linear students with more samples than dimensions at rates that end the descent",
    partial(students.linear_student, patient=True),
    (student_strategies.patient_students,),
    {
        "n ≥ d and full rank": student_strategies.poor_students,
        "run to the end": student_strategies.impatient_students,
    },
)
MATCHED_PAIRS = Family(
    "two data sets X = X'M with R' = MR, and starts N(0, cRRᵀ)",
    students.matched_pair,
    (spectra.matched_pairs,),
    {
        "equal Gram matrices": spectra.pairs_with_other_grams,
        "matched initialisation": spectra.isotropic_pairs,
    },
    beyond={"a twin of one dimension more": partial(students.matched_pair, square=False)},
)
ISOTROPIC_PAIRS = Family(
    "two triangular data sets whitened by their preconditioners, and starts N(0, I)",
    students.isotropic_pair,
    (spectra.isotropic_pairs,),
    {"equal Gram matrices": spectra.pairs_with_other_grams},
)
POWERED = Family(
    "spectra of powers of two in 2 to 3 dimensions, no more samples than dimensions, whole "
    "exponents",
    students.powered_covariance,
    (spectra.powered_covariances,),
    {"independent samples, N ≤ d": spectra.crowded_covariances},
)
TEACHERS = Family(
    "Gaussian teachers in 1 to 2 dimensions, activations z and z + z², one step of rate 1 "
    "from zero",
    students.gaussian_teacher,
    (spectra.gaussian_teachers,),
    {
        "starts from zero": spectra.started_teachers,
        "activation with a slope at zero": spectra.kinked_teachers,
        "Gaussian inputs": spectra.coin_teachers,
    },
    beyond={"any rate": partial(students.gaussian_teacher, any_rate=True)},
)
ALIGNED = Family(
    "teachers on an eigenvector in 2 to 3 dimensions, spectra of powers of two, whole exponents",
    students.aligned_teacher,
    (spectra.aligned_teachers,),
    {"teacher on an eigenvector": spectra.mixed_teachers},
)
SPIKES = Family(
    "unit teachers in 1 to 3 dimensions, g of degree 1 to 3, batches of 1 to 3 samples, "
    "Gaussian moments",
    students.spike_setting,
    (spiked_kernels.spike_settings,),
    {
        "unit teacher": spiked_kernels.long_teachers,
        "Gaussian inputs": spiked_kernels.rademacher_inputs,
        "centred noise": spiked_kernels.biased_noise,
    },
)

FAMILIES: tuple[Family, ...] = (
    LAYERS,
    BIASED_LAYERS,
    UNBIASED_LAYERS,
    GATED,
    DEEP_GATED,
    SHALLOW_GATED,
    LINEAR_FLOWS,
    STEPS,
    TWINS,
    BALANCED_CHAINS,
    CHAINS,
    LINEAR_NETWORKS,
    BALANCED_NETWORKS,
    DECODERS,
    DECAYED,
    SOFTMAX_DECAYED,
    NOISES,
    SINGLES,
    KERNEL_POINTS,
    COUPLED_POINTS,
    SPECTRAL_TASKS,
    ACTIVE_TASKS,
    REGRESSIONS,
    LAPLACIANS,
    FEATURES,
    DRIVEN_FEATURES,
    COLLAPSED,
    SIMPLICES,
    WEIGHT_STEPS,
    MOTIONS,
    ENSEMBLES,
    STUDENTS,
    PATIENT_STUDENTS,
    MATCHED_PAIRS,
    ISOTROPIC_PAIRS,
    POWERED,
    TEACHERS,
    ALIGNED,
    SPIKES,
)
"""Every family; a strategy is of one at most."""
