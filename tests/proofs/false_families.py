"""False conjectures about families with relations, each true in some corner: of equal classes, without a ridge, of square matrices. None may be proved."""

from impl.aligned import AlignedTeacher
from impl.collapse import LabelledFeatures
from impl.decayed import DecayedMatrix
from impl.decoders import Decoder
from impl.features import FeatureSet, target_linearity
from impl.flows import KernelPoint, drive, energy
from impl.inverses import eye_like, inverse
from impl.linalg import least_squares, project, squared_norm, unexplained
from impl.linear_students import InitialisedPair, LinearStudent, PoweredCovariance, exp2, identity
from impl.readouts import ReadoutEnsemble
from impl.spectral import Regression, SpectralTask, diagonal, scalar
from impl.strategies import alignment, features, flows, grams, noise, preconditioning, ranks, ridge, spectra, students
from impl.training import MinibatchNoise
from impl.twins import TwinRuns
from impl.whitening import WeightStep
from theorems import at_most, compares, equals
from theorems.stating import rank_is


def at_least(**options):
    """Observed ≥ predicted."""
    return compares(">=", **options)


def false(how, on, observed):
    """A conjecture by its prediction."""
    return how(observed=observed, on=on)


# -- entrywise quotients ---------------------------------------------------------------------------------------------


@false(equals, ridge.regressions, lambda fit: 1 / (fit.levels * 2 + fit.ridge[..., None] * 2))
def a_quotient_forgets_its_scale(fit: Regression):
    """1/(2k + 2λ) = 1/(k + λ)."""
    return 1 / (fit.levels + fit.ridge[..., None])


@false(equals, ridge.regressions, lambda fit: 1 / (fit.levels + fit.others))
def a_quotient_of_a_sum(fit: Regression):
    """1/(k + l) = 1/k + 1/l."""
    return 1 / fit.levels + 1 / fit.others


@false(equals, ridge.regressions, lambda fit: fit.levels / (fit.levels + fit.ridge[..., None]))
def without_a_ridge(fit: Regression):
    """k/(k + λ) = 1: true for λ = 0."""
    return fit.levels * 0 + 1


@false(equals, ridge.regressions, lambda fit: 1 / fit.levels.sum(-1))
def a_quotient_passes_a_sum(fit: Regression):
    """1/Σk = Σ 1/k: true for one mode."""
    return (1 / fit.levels).sum(-1)


@false(equals, ridge.regressions, lambda fit: inverse(diagonal(fit.left, fit.levels) + eye_like(fit.left)))
def a_frame_drops_out(fit: Regression):
    """(U diag(k) Uᵀ + I)⁻¹ = diag(1/(k + 1)): true for U = I."""
    return eye_like(fit.left) * (1 / (fit.levels + 1))


@false(at_least, ridge.regressions, lambda fit: (fit.others * fit.others / (fit.levels + fit.ridge[..., None])).sum(-1))
def a_quotient_of_any_sign(fit: Regression):
    """Σ l²/(k + λ) ≥ Σ l²/λ: a denominator is no sum of squares, and smaller."""
    return (fit.others * fit.others).sum(-1) / fit.ridge


@false(equals, flows.path_tasks, lambda task: task.right.mT @ task.right)
def right_vectors_of_every_mode(task: SpectralTask):
    """VᵀV = I: true where no s is zero."""
    return eye_like(task.left)


@false(equals, flows.path_tasks, lambda task: task.right @ task.right.mT)
def square_right_vectors(task: SpectralTask):
    """V Vᵀ = I: true for as many classes as samples."""
    return identity(task.right.shape[-2], task.right)


@false(equals, flows.path_tasks, lambda task: task.left.mT @ task.targets @ task.targets.mT @ task.left)
def modes_are_not_squared(task: SpectralTask):
    """UᵀYYᵀU = diag(s): true for s of 0 and 1."""
    return eye_like(task.left) * task.values[..., None, :]


# -- projectors ------------------------------------------------------------------------------------------------------


@false(equals, features.feature_sets, lambda f: project(f.features @ f.linear_map, f.targets))
def any_map_keeps_the_span(f: FeatureSet):
    """P_HB = P_H: true for invertible B."""
    return project(f.features, f.targets)


@false(equals, features.feature_sets, lambda f: project(f.features @ (f.mixing + f.mixing.mT), f.targets))
def a_sum_is_invertible(f: FeatureSet):
    """P of H(A + Aᵀ) is that of H: false for antisymmetric A."""
    return project(f.features, f.targets)


@false(at_least, features.feature_sets, lambda f: target_linearity(f.targets, f.features @ f.linear_map))
def a_map_raises_linearity(f: FeatureSet):
    """TL(Y, HB) ≥ TL(Y, H): true for invertible B."""
    return target_linearity(f.targets, f.features)


@false(equals, features.feature_sets, lambda f: target_linearity(f.targets, f.features))
def without_centring(f: FeatureSet):
    """TL of targets as they are: true for centred ones."""
    return 1 - unexplained(f.features, f.targets) / squared_norm(f.targets)


@false(at_least, features.feature_sets, lambda f: target_linearity(f.targets, f.features) * 2)
def half_is_explained(f: FeatureSet):
    """TL ≥ 1/2."""
    return target_linearity(f.targets, f.features) * 0 + 1


@false(equals, features.feature_sets, lambda f: f.targets.sum(-2))
def targets_are_centred(f: FeatureSet):
    """Σ_i Y_i = 0."""
    return f.targets.sum(-2) * 0


# -- classes ---------------------------------------------------------------------------------------------------------


@false(equals, alignment.simplex_batches, lambda b: target_linearity(b.labels, b.features))
def every_simplex_is_complete(b: LabelledFeatures):
    """TL = 1 on a simplex: true for classes of equal sizes."""
    return b.labels.sum(-1).sum(-1) * 0 + 1


@false(equals, alignment.collapsed_batches, lambda b: b.labels.sum(-2) * b.labels.shape[-1])
def classes_are_of_one_size(b: LabelledFeatures):
    """K n_k = N."""
    return b.labels.sum(-2) * 0 + b.labels.shape[-2]


@false(equals, alignment.collapsed_batches, lambda b: b.labels @ b.labels.mT)
def samples_have_classes_of_their_own(b: LabelledFeatures):
    """E Eᵀ = I: true for one sample a class."""
    return identity(b.labels.shape[-2], b.labels)


@false(equals, alignment.collapsed_batches, lambda b: project(b.features, b.labels))
def labels_are_explained_uncentred(b: LabelledFeatures):
    """P E = E: true for class means of full rank, not for a simplex."""
    return b.labels


@false(equals, alignment.simplex_batches, lambda b: b.features.sum(-2))
def features_are_centred(b: LabelledFeatures):
    """Σ_i H_i = 0: true for classes of equal sizes."""
    return b.features.sum(-2) * 0


# -- polar factors and frames ----------------------------------------------------------------------------------------


@false(at_most, grams.weight_steps, lambda s: squared_norm(s.before - s.competitor @ s.after))
def any_rotation_is_nearest(s: WeightStep):
    """The competitor is at least as near as the polar factor."""
    return squared_norm(s.before - s.rotation @ s.after)


@false(at_most, grams.weight_steps, lambda s: squared_norm(s.before - s.after))
def no_rotation_is_nearest(s: WeightStep):
    """The new weights are as near without a rotation."""
    return squared_norm(s.before - s.rotation @ s.after)


@false(equals, grams.weight_steps, lambda s: (s.rotation @ s.after) @ (s.rotation @ s.after).mT)
def rows_keep_their_gram(s: WeightStep):
    """W'W'ᵀ = W₂W₂ᵀ: true for Q = I."""
    return s.after @ s.after.mT


@false(equals, grams.weight_steps, lambda s: s.rotation @ s.before @ s.after.mT)
def the_rotation_goes_the_other_way(s: WeightStep):
    """Q W₁W₂ᵀ is symmetric: true of Q W₂W₁ᵀ."""
    return s.after @ s.before.mT @ s.rotation.mT


@false(at_least, grams.weight_steps, lambda s: ((s.before @ s.after.mT @ s.directions) * s.directions).sum(-2))
def steps_keep_their_side(s: WeightStep):
    """W₁W₂ᵀ ⪰ 0: true for Q = I."""
    return s.directions.sum(-2) * 0


# -- data in training ------------------------------------------------------------------------------------------------


@false(equals, alignment.readout_ensembles, lambda e: (e.readouts.mT @ e.readouts).sum(0))
def white_on_the_other_side(e: ReadoutEnsemble):
    """Σ AᵀA = R K v I: true of some ensembles."""
    return identity(e.readouts.shape[-1], e.weight) * e.variance * (e.readouts.shape[0] * e.readouts.shape[1])


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


# -- powers, designs, decoders ---------------------------------------------------------------------------------------


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


# -- kernels, noise, ranks -------------------------------------------------------------------------------------------


def _resolvent(features, p):
    kernel = features @ features.mT
    return inverse(kernel + eye_like(kernel) * scalar(p.ridge))


@false(at_most, flows.kernel_points, lambda p: energy(p.features @ p.features.mT, p.targets, p.ridge, p.decay))
def energies_are_ordered(p: KernelPoint):
    """E(K₁) ≤ E(K₁ + K₂)."""
    return energy(p.features @ p.features.mT + p.other @ p.other.mT, p.targets, p.ridge, p.decay)


@false(
    at_least,
    flows.kernel_points,
    lambda p: (p.targets.mT @ _resolvent(p.features, p) @ _resolvent(p.other, p) @ p.targets).trace(),
)
def products_of_positive_inverses(p: KernelPoint):
    """tr YᵀR₁R₂Y ≥ 0: true where the kernels commute."""
    return p.ridge * 0


@false(equals, flows.kernel_points, lambda p: drive(p.features @ p.features.mT, p.targets, p.ridge) * scalar(p.ridge))
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
    lambda p: {"": p.output_grad @ p.output_grad.mT + p.output_grad @ p.output_grad.sum(-2)[:, None] * 0},
)
def two_directions_fewer(p: DecayedMatrix):
    """rank G Gᵀ ≤ C − 2."""
    return {"": p.classes - 2}
