"""False conjectures about families with relations, each true in some corner: of equal classes,
without a ridge, of square matrices. None may be proved.
"""

from impl.feature_learning.collapse import LabelledFeatures
from impl.feature_learning.features import FeatureSet, target_linearity
from impl.feature_learning.whitening import WeightStep
from impl.kernel_flows.spectral import Regression, SpectralTask, diagonal
from impl.numbers.inverses import eye_like, inverse
from impl.numbers.linalg import project, squared_norm, unexplained
from impl.preconditioning.linear_students import identity
from impl.strategies import alignment, features, flows, grams, ridge
from theorems import at_most, compares, equals


def at_least(**options):
    """Observed ≥ predicted."""
    return compares(">=", **options)


def false(how, on, observed):
    """A conjecture by its prediction."""
    return how(observed=observed, on=on)


# -- entrywise quotients ---------------------------------------------------------------------------


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


@false(
    equals,
    ridge.regressions,
    lambda fit: inverse(diagonal(fit.left, fit.levels) + eye_like(fit.left)),
)
def a_frame_drops_out(fit: Regression):
    """(U diag(k) Uᵀ + I)⁻¹ = diag(1/(k + 1)): true for U = I."""
    return eye_like(fit.left) * (1 / (fit.levels + 1))


@false(
    at_least,
    ridge.regressions,
    lambda fit: (fit.others * fit.others / (fit.levels + fit.ridge[..., None])).sum(-1),
)
def a_quotient_of_any_sign(fit: Regression):
    """Σ l²/(k + λ) ≥ Σ l²/λ: a denominator is no sum of squares, and smaller."""
    return (fit.others * fit.others).sum(-1) / fit.ridge


@false(
    at_least,
    ridge.regressions,
    lambda fit: (fit.signal * fit.signal / (fit.levels - fit.others)).sum(-1),
)
def a_denominator_of_any_sign(fit: Regression):
    """Σ f²/(k − l) ≥ 0: true for k > l."""
    return fit.ridge * 0


@false(
    at_most,
    ridge.regressions,
    lambda fit: (fit.signal * fit.signal / (fit.levels - fit.others)).sum(-1),
)
def a_denominator_of_the_other_sign(fit: Regression):
    """Σ f²/(k − l) ≤ 0: true for k < l."""
    return fit.ridge * 0


@false(equals, flows.path_tasks, lambda task: task.right.mT @ task.right)
def right_vectors_of_every_mode(task: SpectralTask):
    """VᵀV = I: true where no s is zero."""
    return eye_like(task.left)


@false(equals, flows.path_tasks, lambda task: task.right @ task.right.mT)
def square_right_vectors(task: SpectralTask):
    """V Vᵀ = I: true for as many classes as samples."""
    return identity(task.right.shape[-2], task.right)


@false(
    equals, flows.path_tasks, lambda task: task.left.mT @ task.targets @ task.targets.mT @ task.left
)
def modes_are_not_squared(task: SpectralTask):
    """UᵀYYᵀU = diag(s): true for s of 0 and 1."""
    return eye_like(task.left) * task.values[..., None, :]


# -- projectors ------------------------------------------------------------------------------------


@false(equals, features.feature_sets, lambda f: project(f.features @ f.linear_map, f.targets))
def any_map_keeps_the_span(f: FeatureSet):
    """P_HB = P_H: true for invertible B."""
    return project(f.features, f.targets)


@false(
    equals,
    features.feature_sets,
    lambda f: project(f.features @ (f.mixing + f.mixing.mT), f.targets),
)
def a_sum_is_invertible(f: FeatureSet):
    """P of H(A + Aᵀ) is that of H: false for antisymmetric A."""
    return project(f.features, f.targets)


@false(
    at_least,
    features.feature_sets,
    lambda f: target_linearity(f.targets, f.features @ f.linear_map),
)
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


# -- classes ---------------------------------------------------------------------------------------


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


# -- polar factors and frames ----------------------------------------------------------------------


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


@false(
    at_least,
    grams.weight_steps,
    lambda s: ((s.before @ s.after.mT @ s.directions) * s.directions).sum(-2),
)
def steps_keep_their_side(s: WeightStep):
    """W₁W₂ᵀ ⪰ 0: true for Q = I."""
    return s.directions.sum(-2) * 0
