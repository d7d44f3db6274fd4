"""False conjectures that were called proved once, or of which every part was: one entry taken for a
sum over an axis, a number of gates for a gate, zero for a divisor.
"""

from impl import GatedNetwork, strategies
from impl.feature_learning.features import FeatureSet
from impl.kernel_flows.flows import KernelPoint
from impl.kernel_flows.spectral import Regression
from impl.numbers.inverses import eye_like, inverse
from impl.numbers.linalg import least_squares, project
from impl.preconditioning.linear_students import (
    InitialisedPair,
    LinearStudent,
    PoweredCovariance,
    identity,
)
from impl.strategies import features, flows, ridge, spectra, students
from theorems import compares, equals


def at_least(**options):
    """Observed ≥ predicted."""
    return compares(">=", **options)


def above(**options):
    """Observed > predicted."""
    return compares(">", **options)


def false(how, on, observed):
    """A conjecture by its prediction."""
    return how(observed=observed, on=on)


def _with_the_number_of_gates(net):
    gates, x, y = net.masks[0].sum(-1).sum(-1), net.inputs.sum(-1).sum(-1), net.residual.sum(-1)
    return gates * x * x - gates * x * y * 2 + y * y


@false(at_least, strategies.gated_networks, _with_the_number_of_gates)
def a_number_of_gates_is_its_own_square(net: GatedNetwork):
    """G x² − 2G x y + y² ≥ 0: true where at most one gate is open."""
    return net.residual.sum(-1) * 0


@false(
    equals,
    ridge.regressions,
    lambda f: inverse(f.left[:, :1] @ f.left[:, :1].mT + eye_like(f.left)),
)
def one_mode_is_all_of_them(fit: Regression):
    """(u uᵀ + I)⁻¹ = I/2 for the first mode u: true for one mode."""
    return eye_like(fit.left) * 0.5


@false(
    equals,
    features.feature_sets,
    lambda f: project(f.features[:, :1] @ f.mixing[:1, :], f.features),
)
def one_column_spans_all(f: FeatureSet):
    """P H = H for the projector P on the first column of H: true for rank one."""
    return f.features


def _of_the_first(f):
    first, one = f.features[:, :1], identity(f.features.shape[0], f.features)
    return inverse(first @ first.mT + one), one


@false(equals, features.feature_sets, lambda f: _of_the_first(f)[0] @ f.features @ f.features.mT)
def one_feature_resolves_all(f: FeatureSet):
    """R H Hᵀ = I − R for R = (h hᵀ + I)⁻¹ of the first column h: true for one feature."""
    resolvent, one = _of_the_first(f)
    return one - resolvent


def _of_the_first_row(f, rows):
    return inverse(rows.mT @ rows + eye_like(f.mixing))


@false(equals, features.feature_sets, lambda f: _of_the_first_row(f, f.features[:1]))
def one_sample_is_all_of_them(f: FeatureSet):
    """(h hᵀ + I)⁻¹ = (HᵀH + I)⁻¹ for the first sample h: true for one sample."""
    return _of_the_first_row(f, f.features)


def _one_direction(c):
    return c.basis[:, :1] @ c.scores.mT[:1, :]


@false(
    equals,
    spectra.powered_covariances,
    lambda c: least_squares(_one_direction(c), _one_direction(c)),
)
def one_direction_is_independent(c: PoweredCovariance):
    """A⁺A = I for A of rank one: true for one sample."""
    return identity(c.scores.shape[0], c.scores)


@false(
    equals,
    spectra.powered_covariances,
    lambda c: least_squares(_one_direction(c), c.basis @ c.scores.mT),
)
def one_direction_inverts_all(c: PoweredCovariance):
    """A⁺B = I for A the first direction of B: true in one dimension."""
    return identity(c.scores.shape[0], c.scores)


@false(above, students.students, lambda s: s.noise)
def there_is_noise(s: LinearStudent):
    """σ² > 0: students without noise are drawn."""
    return s.noise * 0


@false(above, flows.kernel_points, lambda p: p.decay)
def there_is_decay(p: KernelPoint):
    """μ > 0: points without decay are drawn."""
    return p.decay * 0


@false(above, spectra.matched_pairs, lambda p: p.scale)
def starts_have_a_scale(p: InitialisedPair):
    """c > 0: pairs that start from zero are drawn."""
    return p.scale * 0
