"""What the claims about one large step are measured with, against computations that share nothing
with it.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import ctx
from scipy import integrate

from impl.function_space.ensembles import EnsemblePath
from impl.function_space.gaussian_gap import GapPath, GapPoint
from impl.function_space.gaussian_quadrature import chi_squared, mean_coordinate
from impl.function_space.harmonics import Harmonic
from impl.function_space.kernel_expansion import _expected, rectified
from impl.function_space.one_step import StepPath, StepPoint
from impl.function_space.spiked_kernels import SpikedKernel
from impl.function_space.zonal_operator import ZonalPoint, funk_hecke
from tests.spiked import objects

# -- one step --------------------------------------------------------------------------------------


def test_a_network_is_drawn_with_the_variances_that_the_statement_says():
    """Weights of variance 1/d, a readout of variance 1/m; at d ≠ m neither can stand for the other.
    Relative error √(2/N) of a variance.
    """
    model = StepPoint(dimension=64, samples=5, width=1600, rate=1.0, network_seed=3).network()
    weight, readout = model.first.weight.detach(), model.readout
    assert weight.shape == (1600, 64)
    assert float(weight.var()) * 64 == pytest.approx(1, abs=6 * math.sqrt(2 / weight.numel()))
    assert float(readout.var()) * 1600 == pytest.approx(1, abs=6 * math.sqrt(2 / 1600))


def test_a_path_has_the_sizes_and_steps_that_it_says():
    path = StepPath(
        alpha=0.5, beta=3.0, zeta=0.75, scale=2.0, noise=0.5, sizes=(16, 64), replicates=(1, 1)
    )
    for d, (point,) in path.path.items():
        assert (point.dimension, point.samples, point.width) == (d, d // 2, 3 * d)
        assert point.rate == pytest.approx(2 * d**0.75)
    assert point.label_square == pytest.approx(
        StepPoint(dimension=2, samples=2, width=2, rate=1.0).label_square + 0.25
    )


def test_labels_have_the_second_moment_that_is_predicted():
    point = StepPoint(
        dimension=3, samples=400_000, width=1, rate=1.0, noise=0.5, target="tanh", data_seed=1
    )
    labels = point.batch()[1]
    error = float(labels.square().std()) / math.sqrt(len(labels))
    assert float(labels.square().mean()) == pytest.approx(point.label_square, abs=6 * error)


def test_groups_share_their_batch_and_nothing_else():
    path = EnsemblePath(sizes=(4,), replicates=(3,), group=2, shared_data=True)
    seeds = [[point.data_seed for point in runs.points] for runs in path.path[4]]
    assert [len(set(group)) for group in seeds] == [1, 1, 1]
    assert len({group[0] for group in seeds}) == 3
    assert len({point.network_seed for runs in path.path[4] for point in runs.points}) == 6
    runs = path.path[4][0]
    torch.testing.assert_close(runs.spike, runs.points[1].step.spike)
    alone = torch.cat([point.learned_weight for point in runs.points]).float()
    torch.testing.assert_close(runs.learned_weights, alone, rtol=1e-5, atol=1e-6)


# -- kernels ---------------------------------------------------------------------------------------


def _gaussian_pair(uu, uv, vv, count=4_000_000):
    rng = np.random.default_rng(7)
    u, rest = rng.standard_normal((2, count))
    return math.sqrt(uu) * u, uv / math.sqrt(uu) * u + math.sqrt(vv - uv * uv / uu) * rest


@pytest.mark.slow
@pytest.mark.parametrize("pair", [(0.5, 0.4, 2.0), (3.0, -0.7, 0.4)])
@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_kinked_kernels_against_samples(activation, pair):
    """E σσ, E σ'σ' and E σσ'' with σ'' as a narrow box; the variances differ, so that u and v
    cannot change places.
    """
    u, v = _gaussian_pair(*pair)
    function = {"relu": lambda t: np.maximum(t, 0), "abs": np.abs}[activation]
    slope = {"relu": lambda t: t > 0, "abs": np.sign}[activation]
    jump, half = {"relu": 1, "abs": 2}[activation], 0.02
    samples = {
        (0, 0): function(u) * function(v),
        (1, 1): 1.0 * slope(u) * slope(v),
        (0, 2): function(u) * (np.abs(v) < half) * jump / (2 * half),
        (2, 0): function(v) * (np.abs(u) < half) * jump / (2 * half),
    }
    for orders, values in samples.items():
        found, _ = _expected(activation, pair, *orders)
        assert found == pytest.approx(
            values.mean(), abs=6 * values.std() / math.sqrt(len(values)) + 1e-3 * half
        ), orders


def test_rectified_kernel_against_a_double_integral():
    uu, uv, vv = 0.5, -0.3, 2.0
    determinant = uu * vv - uv * uv

    def density(v, u):
        form = (vv * u * u - 2 * uv * u * v + uu * v * v) / determinant
        return u * v * math.exp(-form / 2) / (2 * math.pi * math.sqrt(determinant))

    value, _ = integrate.dblquad(density, 0, 9, 0, 15)
    assert rectified(uu, uv, vv, 0, 0)[0] == pytest.approx(value, rel=1e-7)


def test_cos_and_sin_kernel_and_the_isotropic_one():
    """At d = 1 the kernel is a single integral; without A and B it is that of N(0, 1)."""
    kernel = SpikedKernel(objects([[0], [2]]), objects([1]), Fraction(3), Fraction(5), "cos+sin")

    def product(scale):
        def integrand(w):
            return (
                1.0
                * (math.cos(2 * w) + math.sin(2 * w))
                * math.exp(-w * w / 2 / scale)
                / math.sqrt(2 * math.pi * scale)
            )

        return integrate.quad(integrand, -30, 30, limit=200)[0]

    plain = kernel.isotropic()
    assert (plain.bulk, plain.spike) == (1, 0)
    with ctx.workprec(80):
        for k, scale in ((kernel, 8.0), (plain, 1.0)):
            assert float(k.closed_form(k.root(k.inputs))[0, 1].mid()) == pytest.approx(
                product(scale), abs=1e-7
            )


# -- the gap ---------------------------------------------------------------------------------------


def test_the_gap_is_measured_over_the_difference_of_two_gaussian_points():
    """δ = x − x': δ_* has variance 2 and ‖δ_⊥‖² is twice a χ² of d − 1 degrees."""
    point = GapPoint(dimension=3, samples=5, width=7, rate=2.0)
    deltas = np.diff(np.random.default_rng(1).standard_normal((2, 400_000, 3)), axis=0)[0]
    spread = math.sqrt(len(deltas))
    for moment in (1, 2):
        square = (deltas[:, 1:] ** 2).sum(1) ** moment
        across = point.grid((20, 12))[1][0]
        found = float(across**moment @ chi_squared(12, 2)[1])
        assert found == pytest.approx(square.mean(), abs=6 * square.std() / spread)
    assert point.strength == pytest.approx(math.exp(-0.5) * 2 / 35)


def test_the_distance_of_two_gaussian_kernels_is_a_closed_form():
    """‖k − k'‖² for k = e^{−‖δ‖²/2d}·…: at a step of almost no size k₁* is isotropic, and all
    averages are determinants.
    """
    d = 3
    point = GapPoint(dimension=d, samples=5, width=7, rate=1e-9)
    value, _ = point.distance(lambda along, across: np.exp(-2 * (along**2 + across) / (2 * d)))

    def mean(c):  # E e^{−c‖δ‖²/2d}, δ of variance 2 in d coordinates
        return (1 + 2 * c / d) ** (-d / 2)

    assert value == pytest.approx(math.sqrt(mean(2) - 2 * mean(3) + mean(4)), rel=1e-5)


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("zeta=1.5", {"zeta": 1.5}),
        ("positive scale", {"zeta": 0.5, "scale": 0.0}),
        ("whole number", {"zeta": 0.5, "alpha": 0.333}),
        ("increasing sizes", {"zeta": 0.5, "sizes": (200, 100)}),
    ],
)
def test_bad_gap_paths_say_what_is_wrong(message, options):
    with pytest.raises(ValueError, match=message):
        GapPath(**options)


# -- the operator ----------------------------------------------------------------------------------


def test_the_top_eigenvalue_on_the_circle_against_a_grid():
    """d = 2, a spike of 30: T₁ on ‖x‖h(θ) is 2 · mean over θ' of the arc-cosine kernel of stretched
    unit vectors; 4 harmonics miss it.
    """
    bulk, spike, count = 1.0, 30.0, 1200
    angle = (np.arange(count) + 0.5) * 2 * math.pi / count
    stretched = np.stack(
        [math.sqrt(bulk + spike) * np.cos(angle), math.sqrt(bulk) * np.sin(angle)], 1
    )
    norms = np.linalg.norm(stretched, axis=1)
    cosine = np.clip(stretched @ stretched.T / np.outer(norms, norms), -1, 1)
    turn = np.arccos(cosine)
    kernel = np.outer(norms, norms) / (4 * math.pi) * (np.sin(turn) + (math.pi - turn) * cosine)
    top = np.linalg.eigvalsh(kernel)[-1] * 2 / count
    point = ZonalPoint(dimension=2, bulk=bulk, spike=spike)
    assert point.top_mode["eigenvalue"][0] == pytest.approx(top, rel=2e-5)
    assert abs(point._solve(4, 192)["eigenvalue"] / top - 1) > 1e-4
    assert point.top_mode["eigenvalue"][1] < 1e-4 * top


@pytest.mark.parametrize("d", [2, 3, 10, 500])
def test_funk_hecke_against_rigorous_quadrature(d):
    for k in (0, 1, 2, 4, 8):
        assert d * funk_hecke(9, d)[k] ** 2 == pytest.approx(
            float(Harmonic(d, k).eigenvalue.mid()), rel=1e-9
        ), k
    assert mean_coordinate(d) == pytest.approx(2 * funk_hecke(9, d)[0])


def test_the_mean_coordinate_loses_no_digit_in_high_dimension():
    d = 2**20
    assert mean_coordinate(d) * math.sqrt(d) == pytest.approx(
        math.sqrt(2 / math.pi) * (1 + 1 / (4 * d) + 1 / (32 * d * d)), rel=1e-15
    )
