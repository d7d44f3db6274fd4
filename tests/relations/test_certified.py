"""The certified engine: which claims reach which grade, wrong constants, rising precision, and what
it leaves to floats.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

import theorems
from impl.instances.instance import Instance
from impl.kernel_flows.flows import drive
from impl.kernel_flows.spectral import SpectralTask, diagonal
from impl.numbers.arb_arrays import arb_array
from impl.numbers.arb_matrices import (
    norm,
    orthonormal,
    polar,
    symmetric_eigenvalues,
    symmetric_root,
)
from impl.numbers.operands import Operand
from impl.strategies import flows, grams, ridge, spectra, students
from impl.strategies.wild_tables import WILD
from theorems.relations import Comparison
from theorems.relations.certified import Enclosure
from theorems.relations.precision import LIMIT, PRECISION, precisely
from theorems.verdict import Grade, Outcome

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED

SPECTRAL = {
    "water_filling_law": lambda: flows.seeded_tasks(largest=20),
    "water_filling_path": lambda: flows.seeded_tasks(largest=4),
    "only_full_water_filling_is_stable": lambda: flows.active_seeded(largest=5),
    "laplacian_spectral_filter": ridge.graph_laplacians,
    "laplacian_filter_rank": ridge.graph_laplacians,
    "spectral_bias_variance": lambda: WILD[theorems.spectral_bias_variance.subject](
        "tame", torch.float64
    ),
    "covariance_power_sets_spectral_bias": spectra.powered_covariances,
    "preconditioned_regression_risk": students.students,
    "exponent_needs_early_stopping": students.patient_students,
    "alignment_decides_exponent": lambda: WILD[theorems.alignment_decides_exponent.subject](
        "tame", torch.float64
    ),
    "one_step_learns_powered_teacher": spectra.gaussian_teachers,
    "kernel_views_agree": None,
    "linear_modes_are_amplified": None,
    "relu_kernel_eigenvalues": None,
    "decay_is_preserved": None,
    "spiked_covariance_series": None,
    "spike_moments": None,
    "simplex_target_linearity": None,
    "neural_collapse_implies_target_linearity": None,
    "balanced_linear_network_feature_ansatz": None,
}
"""Claims with closed-form spectra (and functions of them), with the general instances on which
roots and frames are irrational.
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECTRAL)
def test_closed_form_spectral_claims_are_certified_or_exact(name):
    claim, grades, refuted = getattr(theorems, name), Counter(), {}

    @settings(max_examples=max(5, settings.default.max_examples // 20))
    @given((SPECTRAL[name] or claim.instances)())
    def every_instance(instance):
        verdict = claim(instance)
        assert verdict.outcome in (HOLDS, Outcome.INAPPLICABLE), verdict
        # None: beyond 20 × 20
        if verdict and not (verdict.grade is Grade.NUMERICAL and precisely(instance) is None):
            grades[verdict.grade] += 1
        for mutant, wrong in claim.mutants.items():
            found = wrong(instance)
            if found.outcome is REFUTED:
                refuted.setdefault(mutant, Counter())[found.grade] += 1

    every_instance()
    assert set(grades) <= {Grade.CERTIFIED, Grade.EXACT}, grades
    assert refuted, "no wrong constant was refuted"
    if SPECTRAL[name] is not None and Grade.CERTIFIED in grades:
        assert any(Grade.CERTIFIED in seen for seen in refuted.values()), refuted


def test_the_page_names_them_all():
    page = (Path(theorems.__file__).parent.parent / "docs" / "certified.md").read_text()
    table = page[page.index("## Grades") :]
    assert not [name for name in SPECTRAL if f"`{name}`" not in table]


def _task(rows, classes, seed, active=None):
    """A task of size N with singular values on both sides of the threshold, some equal."""
    normal, modes = flows.gaussians(torch.Generator().manual_seed(seed)), min(rows, classes)
    values, right = torch.zeros(rows).double(), torch.zeros(classes, rows).double()
    values[:modes] = 0.3 * torch.linspace(0.2, 4, modes).double()
    if active is not None:
        values[:modes] = 0.3 * torch.tensor([1.5] * active + [0.5] * (modes - active)).double()
    right[:, :modes] = torch.linalg.qr(normal(classes, classes))[0][:, :modes]
    left = torch.linalg.qr(normal(rows, rows))[0]
    return SpectralTask(
        left, values, right, flows.number(1.0), flows.number(0.3), normal(rows).abs()
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "classes", "active"),
    [
        ("water_filling_law", 20, None),
        ("water_filling_law", 3, 2),
        ("water_filling_path", 3, None),
        ("only_full_water_filling_is_stable", 2, 2),
    ],
)
def test_size_twenty(name, classes, active):
    claim, task = getattr(theorems, name), _task(20, classes, 1, active)
    verdict = claim(task)
    assert (verdict.outcome, verdict.grade, verdict.context["bits"]) == (
        HOLDS,
        Grade.CERTIFIED,
        PRECISION,
    ), verdict
    wrong = next(iter(claim.mutants.values()))(task)
    assert (wrong.outcome, wrong.grade) == (REFUTED, Grade.CERTIFIED)


def test_a_refutation_on_balls_stands():
    task = _task(12, 5, 2)

    def predict(t):
        kernel = theorems.water_filling_law.predict(t)
        return kernel * (1 + arb(10) ** -8) if isinstance(kernel, np.ndarray) else kernel

    verdict = replace(theorems.water_filling_law, predict=predict)(task)
    assert (verdict.outcome, verdict.grade) == (REFUTED, Grade.CERTIFIED)  # whatever floats say


# -- labels with given entries: matrix functions, no frame -----------------------------------------


def _positive_part(matrix):
    """B₊ of a symmetric invertible matrix: (B + √(B²))/2, multiple eigenvalues or not."""
    return (matrix + symmetric_root(matrix @ matrix)) * 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one-hot", "Gaussian", "repeated"])
@given(
    seed=st.integers(0, 2**32 - 1),
    ridge_=st.sampled_from([Fraction(1, 3), Fraction(2), Fraction(1, 50)]),
    decay=st.sampled_from([Fraction(1, 7), Fraction(1)]),
)
@settings(max_examples=3)
def test_water_filling_of_given_labels_by_matrix_functions(kind, seed, ridge_, decay):
    """K∞ = (√(λ/μ)(YYᵀ)^½ − λ)₊ for rational labels with multiple singular values and irrational
    roots: an oracle without singular vectors.
    """
    source = torch.Generator().manual_seed(seed)
    if kind == "one-hot":
        labels = (
            torch.eye(4).repeat_interleave(3, 0)[:, torch.randperm(4, generator=source)].double()
            * 3
            / 2
        )
    else:
        labels = torch.randn(12, 4, generator=source).double()
    if kind == "repeated":
        labels = torch.cat([labels[:6], labels[:6]])
    with ctx.workprec(256):
        y, lam, mu = arb_array(labels), arb_array(ridge_), arb_array(decay)
        # (4, 4), definite: the column side has every singular value that is not zero
        narrow = y.mT @ y
        root = symmetric_root(narrow)
        width = (lam / mu).sqrt()
        eye = np.eye(4, dtype=int).astype(object)
        inside = _positive_part(width * root - eye * lam)
        # f(YYᵀ) = Y (YᵀY)^{-½} f(YᵀY) (YᵀY)^{-½} Yᵀ for f(0) = 0
        half = y @ root.inverse()
        kernel = half @ inside @ half.mT
        slope = np.eye(12, dtype=int).astype(object) * mu - drive(kernel, y, lam)
        assert norm(slope @ kernel) < arb(2) ** -60
        assert symmetric_eigenvalues(slope)[-1] > -(arb(2) ** -40)
        assert symmetric_eigenvalues(kernel)[-1] > -(arb(2) ** -40)
        left, values, right = torch.linalg.svd(labels)
        q = float((ridge_ / decay) ** 0.5)
        padded = torch.zeros(12).double()
        padded[:4] = values
        wide = torch.zeros(4, 12).double()
        wide[:, :4] = right.mT
        task = SpectralTask(left, padded, wide, flows.number(float(decay)), flows.number(q), padded)
        claimed = diagonal(left, (padded * q - float(decay) * q * q).clamp(min=0))
        assert abs(kernel.middles - claimed.numpy()).max() < 1e-9
    assert theorems.water_filling_law(task).grade is Grade.CERTIFIED


# -- rising precision ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Nothing(Instance):
    """An instance of no numbers."""

    size: int = 0


def _judged(sign, observed, predicted):
    return Enclosure(sign).judge(lambda _: observed(), lambda _: predicted(), Nothing())


def test_precision_rises_until_the_answer_is_proved():
    close = _judged(">", lambda: arb(2).sqrt(), lambda: arb(2).sqrt() - arb(2) ** -300)
    assert (close.outcome, close.grade, close.context["bits"]) == (HOLDS, Grade.CERTIFIED, 512)
    closer = _judged(">", lambda: arb(2).sqrt() - arb(2) ** -900, lambda: arb(2).sqrt())
    assert (closer.outcome, closer.context["bits"]) == (REFUTED, 1024)


def test_at_the_limit_it_says_so():
    never = _judged(">", lambda: arb(2).sqrt() ** 2, lambda: arb(2))
    assert (never.outcome, never.context["bits"]) == (UNDECIDED, LIMIT)
    lost = _judged("=", lambda: arb(1, 1), lambda: arb(1))  # a radius that no precision narrows
    assert (lost.outcome, lost.context["bits"]) == (UNDECIDED, LIMIT)


def test_equal_means_known_to_agree():
    cancelling = _judged(
        "=", lambda: (arb(2) ** 100 + arb(2).sqrt()) - arb(2) ** 100, lambda: arb(2).sqrt()
    )
    # at 128 bits 2⁻²⁸ was left
    assert (cancelling.outcome, cancelling.context["bits"]) == (
        HOLDS,
        256,
    )
    off = _judged("=", lambda: arb(2).sqrt() * (1 + arb(2) ** -100), lambda: arb(2).sqrt())
    assert off.outcome is REFUTED


# -- what it leaves alone --------------------------------------------------------------------------


def test_exact_instances_stay_exact():
    task = _task(3, 2, 0).exact()
    task = replace(
        task, left=np.eye(3, dtype=int).astype(object), right=np.eye(2, 3, dtype=int).astype(object)
    )
    assert theorems.water_filling_law(task).grade is Grade.EXACT


def test_a_formula_that_needs_torch_is_judged_on_floats():
    def predict(task: SpectralTask) -> Operand:
        """A formula with torch's own functions."""
        k = theorems.water_filling_law.predict(task)
        return k if hasattr(k, "radius") else torch.linalg.matrix_power(k, 1)

    verdict = replace(theorems.water_filling_law, predict=predict)(_task(4, 2, 3))
    assert (verdict.outcome, verdict.grade) == (HOLDS, Grade.NUMERICAL)
    assert "NotCarriedError" in verdict.context["not certified"]


def test_frames_that_are_not_orthonormal_are_not_straightened():
    task = _task(4, 2, 4)
    verdict = theorems.water_filling_law(replace(task, left=task.left * 1.001))
    assert (verdict.outcome, verdict.grade) == (REFUTED, Grade.CERTIFIED)


def test_large_instances_are_judged_on_floats():
    verdict = theorems.water_filling_law(_task(21, 2, 5))
    assert (verdict.outcome, verdict.grade) == (HOLDS, Grade.NUMERICAL)


def test_what_ball_arithmetic_has_proved_no_float_refutes():
    task = _task(4, 2, 6)
    claim = replace(
        theorems.spectral_bias_variance,
        relation=Comparison("="),
        subject=SpectralTask,
        hypotheses={},
        observe=lambda t: t.values * (1.5 if isinstance(t.values, torch.Tensor) else 1),
        predict=lambda t: t.values,
    )
    verdict = claim(task)
    assert (verdict.outcome, verdict.grade) == (HOLDS, Grade.CERTIFIED)


def test_the_exact_polar_factor_is_near_the_computed_one():
    step = grams.weight_step(
        torch.randn(5, 5, generator=torch.Generator().manual_seed(1)).double(),
        torch.eye(5).double(),
    )
    with ctx.workprec(128):
        exact = polar(arb_array(step.before))
        assert abs(exact.middles - step.rotation.numpy()).max() < 1e-13
        assert orthonormal(exact).radii.max() < 1e-20
