"""Instances of one large gradient step that cannot be: each says what is wrong."""

from fractions import Fraction

import pytest

from impl.errors import InputError
from impl.function_space.ensembles import Ensemble
from impl.function_space.gaussian_gap import GapPoint
from impl.function_space.harmonics import Harmonic
from impl.function_space.kernel_expansion import ExpansionPath
from impl.function_space.one_step import StepPath, StepPoint
from impl.function_space.spike_moments import SpikeSetting
from impl.function_space.spiked_kernels import unit_vector
from impl.function_space.spiked_series import SpikedSeries
from impl.function_space.zonal_operator import ZonalPoint
from tests.spiked import kernel, objects

BAD = {
    "width": lambda: StepPoint(dimension=3, samples=3, width=0, rate=1.0),
    "positive learning rate": lambda: StepPoint(dimension=3, samples=3, width=1, rate=0.0),
    "one of the links": lambda: StepPoint(
        dimension=3, samples=3, width=1, rate=1.0, target="cubic"
    ),
    "whole number": lambda: StepPath(alpha=0.3),
    "increasing sizes": lambda: StepPath(sizes=(4, 2), replicates=(1, 1)),
    "at least one run": lambda: Ensemble(()),
    "positive definite": lambda: kernel(2, Fraction(1), Fraction(-2)),
    "relu or cos\\+sin": lambda: kernel(2, Fraction(1), Fraction(2), activation="tanh"),
    "degree 0 or 1": lambda: Harmonic(1, 2),
    "γ₂ > 0": lambda: SpikedSeries(Fraction(1), Fraction(0)),
    "odd power": lambda: SpikedSeries(Fraction(1), Fraction(1), "power", (2,)),
    "dimension of at least 2": lambda: ZonalPoint(dimension=1, bulk=1.0, spike=1.0),
    "positive bulk": lambda: ExpansionPath(bulk=0.0),
    "gaussian or rademacher": lambda: SpikeSetting(
        unit_vector([]), objects([1]), Fraction(0), 1, 1, Fraction(1), Fraction(1), inputs="uniform"
    ),
    "samples of at least 1": lambda: GapPoint(dimension=3, samples=0, width=1, rate=1.0),
}


@pytest.mark.parametrize("message", BAD, ids=str)
def test_bad_instances_say_what_is_wrong(message):
    with pytest.raises(InputError, match=message):
        BAD[message]()
