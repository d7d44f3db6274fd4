"""False conjectures about families with relations, each true in some corner: of equal classes,
without a ridge, of square matrices. None may be proved.
"""

from impl.feature_learning.decoders import Decoder
from impl.feature_learning.readouts import ReadoutEnsemble
from impl.kernel_flows.decayed import DecayedMatrix
from impl.kernel_flows.flows import KernelPoint, drive, energy
from impl.kernel_flows.minibatches import MinibatchNoise
from impl.kernel_flows.spectral import scalar
from impl.numbers.inverses import eye_like, inverse
from impl.numbers.linalg import least_squares
from impl.preconditioning.aligned import AlignedTeacher
from impl.preconditioning.linear_students import (
    InitialisedPair,
    LinearStudent,
    PoweredCovariance,
    exp2,
    identity,
)
from impl.preconditioning.twins import TwinRuns
from impl.strategies import alignment, flows, noise, preconditioning, ranks, spectra, students
from theorems import at_most, compares, equals
from theorems.stating import rank_is


def at_least(**options):
    """Observed ≥ predicted."""
    return compares(">=", **options)


def false(how, on, observed):
    """A conjecture by its prediction."""
    return how(observed=observed, on=on)


# -- data in training ------------------------------------------------------------------------------


@false(equals, alignment.readout_ensembles, lambda e: (e.readouts.mT @ e.readouts).sum(0))
def white_on_the_other_side(e: ReadoutEnsemble):
    """Σ AᵀA = R K v I: true of some ensembles."""
    return (
        identity(e.readouts.shape[-1], e.weight)
        * e.variance
        * (e.readouts.shape[0] * e.readouts.shape[1])
    )


@false(equals, alignment.readout_ensembles, lambda e: (e.readouts @ e.readouts.mT)[0])
def each_readout_is_white(e: ReadoutEnsemble):
    """A Aᵀ = m v I of the first readout: true of orthogonal ones."""
    return identity(e.readouts.shape[1], e.weight) * e.variance * e.readouts.shape[-1]


@false(equals, preconditioning.twin_runs, lambda t: t.inputs @ t.inputs.mT)
def twins_share_their_inputs(t: TwinRuns):
    """X Xᵀ = X'X'ᵀ: true for P = I."""
    return t.twin_inputs @ t.twin_inputs.mT


@false(equals, preconditioning.twin_runs, lambda t: t.outputs[0])
def twins_stand_still(t: TwinRuns):
    """Z(0) = Z(T)."""
    return t.twin_outputs[-1]


@false(equals, preconditioning.twin_runs, lambda t: t.outputs[:1] + t.outputs * 0)
def the_inner_twin_follows(t: TwinRuns):
    """An equal X Xᵀ is enough: true for P = I."""
    return t.inner_outputs[:1] + t.outputs * 0


def _spectrum(s, factor):
    root = s.inputs @ factor
    return root.mT @ root


@false(equals, students.students, lambda s: _spectrum(s, s.factor))
def roots_are_symmetric(s: LinearStudent):
    """RᵀXᵀXR = R XᵀX Rᵀ: true for R = Rᵀ and XᵀX = I."""
    return s.factor @ (s.inputs.mT @ s.inputs) @ s.factor.mT


@false(equals, spectra.matched_pairs, lambda p: p.inputs @ p.inputs.mT)
def pairs_share_their_inputs(p: InitialisedPair):
    """X Xᵀ = X'X'ᵀ."""
    return p.twin_inputs @ p.twin_inputs.mT


@false(equals, spectra.matched_pairs, lambda p: p.inputs @ p.start @ p.start.mT @ p.inputs.mT)
def the_scale_is_one(p: InitialisedPair):
    """X S SᵀXᵀ = X R RᵀXᵀ: true for c = 1."""
    return p.inputs @ p.factor @ p.factor.mT @ p.inputs.mT


# -- powers, designs, decoders ---------------------------------------------------------------------


@false(equals, spectra.powered_covariances, lambda c: exp2(c.logs) * exp2(c.logs * c.power))
def exponents_multiply(c: PoweredCovariance):
    """2^x 2^y = 2^(xy)."""
    return exp2(c.logs * c.logs * c.power)


@false(
    equals,
    spectra.powered_covariances,
    lambda c: c.inputs.mT @ least_squares(c.inputs.mT, identity(c.scores.shape[-1], c.scores)),
)
def as_many_samples_as_dimensions(c: PoweredCovariance):
    """H H⁺ = I: true of a square H."""
    return identity(c.scores.shape[-1], c.scores)


@false(equals, spectra.aligned_teachers, lambda t: t.design @ t.design.mT)
def designs_are_square(t: AlignedTeacher):
    """U Uᵀ = I: true for as many samples as dimensions."""
    return identity(t.design.shape[0], t.design)


@false(equals, spectra.aligned_teachers, lambda t: t.teacher * exp2(t.logs)[:, None])
def every_eigenvalue_is_one(t: AlignedTeacher):
    """λ β = β: true where the eigenvalue is one."""
    return t.teacher


@false(equals, alignment.affine_decoders, lambda d: d.decode(d.mixtures @ d.codes) * 2)
def decoders_are_linear(d: Decoder):
    """The mixture of both sides twice, offset included once."""
    return d.mixtures @ d.points + d.biases[-1][None, :]


@false(equals, alignment.affine_decoders, lambda d: (d.mixtures * d.mixtures).sum(-1))
def mixtures_are_single(d: Decoder):
    """Σ c² = 1: true of one point alone."""
    return d.mixtures.sum(-1)


# -- kernels, noise, ranks -------------------------------------------------------------------------


def _resolvent(features, p):
    kernel = features @ features.mT
    return inverse(kernel + eye_like(kernel) * scalar(p.ridge))


@false(
    at_most,
    flows.kernel_points,
    lambda p: energy(p.features @ p.features.mT, p.targets, p.ridge, p.decay),
)
def energies_are_ordered(p: KernelPoint):
    """E(K₁) ≤ E(K₁ + K₂)."""
    return energy(p.features @ p.features.mT + p.other @ p.other.mT, p.targets, p.ridge, p.decay)


@false(
    at_least,
    flows.kernel_points,
    lambda p: (
        p.targets.mT @ _resolvent(p.features, p) @ _resolvent(p.other, p) @ p.targets
    ).trace(),
)
def products_of_positive_inverses(p: KernelPoint):
    """tr YᵀR₁R₂Y ≥ 0: true where the kernels commute."""
    return p.ridge * 0


@false(
    at_least,
    flows.kernel_points,
    lambda p: (p.targets.mT @ _resolvent(p.features, p) @ p.other @ p.other.mT @ p.targets).trace(),
)
def positive_inverses_between_other_things(p: KernelPoint):
    """tr YᵀR₁K₂Y ≥ 0: true where the kernels commute."""
    return p.ridge * 0


@false(
    equals,
    flows.kernel_points,
    lambda p: drive(p.features @ p.features.mT, p.targets, p.ridge) * scalar(p.ridge),
)
def drives_without_a_kernel(p: KernelPoint):
    """λ D = Y Yᵀ: true for K = 0."""
    return p.targets @ p.targets.mT


@false(equals, noise.minibatch_noises, lambda n: n.counts * n.counts)
def no_sample_twice(n: MinibatchNoise):
    """n_i² = n_i: true without replacement."""
    return n.counts


@false(rank_is, noise.minibatch_noises, lambda n: {"": n.full_grad})
def every_loss_sees_no_shift(n: MinibatchNoise):
    """rank ∇ ≤ C − 1: true of softmax."""
    return {"": n.classes - 1}


@false(rank_is, noise.minibatch_noises, lambda n: {"": n.batch_grad.sum(0) - n.full_grad})
def one_place_is_enough(n: MinibatchNoise):
    """The batches' gradients together have rank b: true of one batch."""
    return {"": n.batch}


@false(rank_is, ranks.softmax_matrices, lambda p: {"": p.matrix - p.gradient})
def at_decay_one(p: DecayedMatrix):
    """rank(Φ − ∇) ≤ C − 1: true for μ = 1."""
    return {"": p.classes - 1}


@false(
    rank_is,
    ranks.softmax_matrices,
    lambda p: {
        "": p.output_grad @ p.output_grad.mT + p.output_grad @ p.output_grad.sum(-2)[:, None] * 0
    },
)
def two_directions_fewer(p: DecayedMatrix):
    """rank G Gᵀ ≤ C − 2."""
    return {"": p.classes - 2}
