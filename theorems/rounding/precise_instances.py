"""What float instances mean exactly: registrations of `theorems.rounding.precision.precisely`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from impl.aligned import AlignedTeacher
from impl.arb_arrays import ArbArray, arb_array
from impl.arb_matrices import orthonormal, polar
from impl.collapse import LabelledFeatures
from impl.flows import KernelPoint
from impl.gaussian_teachers import GaussianTeacher
from impl.linear_students import LinearStudent, PoweredCovariance
from impl.operands import Instance
from impl.spectral import Escapes, FlowEnd, LaplacianTask, Regression, SpectralTask
from impl.whitening import WeightStep
from theorems.rounding import gamma
from theorems.rounding.precision import LARGEST, precisely


def _balls(value: Any) -> Any:
    return arb_array(value) if isinstance(value, Tensor) else value


def _small(*matrices: Tensor) -> bool:
    """Whether the matrices among them are unbatched, with at most `LARGEST` rows or columns (and ten times as many of the others)."""
    sizes = [m.shape for m in matrices if m.ndim > 1]
    return all(len(s) == 2 and min(s) <= LARGEST and max(s) <= 10 * LARGEST for s in sizes)


def _frame(columns: Tensor) -> ArbArray:
    """The exact Gram–Schmidt frame of columns that are orthonormal up to rounding; other columns as they are.

    Householder's method leaves ‖QᵀQ − I‖_F ≤ γ_{cn²} (Higham, theorem 19.4; his constant c taken as 16).
    """
    given = arb_array(columns)
    gram = (given.mT @ given).middles - np.eye(columns.shape[-1])
    rounded = np.linalg.norm(gram) <= gamma(16 * max(columns.shape) ** 2)
    return orthonormal(given) if rounded else given


def _alive(columns: Tensor, values: Tensor) -> ArbArray:
    """The frame of the columns whose singular value is not zero; the others are zero."""
    out = np.asarray(arb_array(columns * 0)).copy()
    index = [i for i, value in enumerate(values.tolist()) if value > 0]
    if index:
        out[:, index] = np.asarray(_frame(columns[:, index]))
    return out.view(ArbArray)


@precisely.register
def _spectral(task: SpectralTask) -> SpectralTask | None:
    if not _small(task.left, task.right):
        return None
    return replace(task.map(_balls), left=_frame(task.left), right=_alive(task.right, task.values))


@precisely.register(FlowEnd)
@precisely.register(Escapes)
def _measured(run: Instance) -> None:  # noqa: ARG001
    """Where an integrator stopped is a measurement."""
    return


@precisely.register
def _regression(fit: Regression) -> Regression | None:
    return replace(fit.map(_balls), left=_frame(fit.left)) if _small(fit.left) else None


@precisely.register
def _laplacian(task: LaplacianTask) -> LaplacianTask | None:
    return replace(task.map(_balls), left=_frame(task.left)) if _small(task.left) else None


@precisely.register
def _step(step: WeightStep) -> WeightStep | None:
    """The exact polar factor; of tall weights the product is completed as in `theorems.feature_learning.polar`."""
    if not _small(step.before):
        return None
    before, after = arb_array(step.before), arb_array(step.after)
    rows, columns = step.before.shape
    product = before @ after.mT
    if rows > columns:
        product = product + _null_frame(before) @ _null_frame(after).mT
    return replace(step.map(_balls), rotation=polar(product))


def _null_frame(tall: ArbArray) -> ArbArray:
    """An orthonormal basis of the null space of Wᵀ, W (n, k) of full column rank, n > k."""
    start = arb_array(np.linalg.svd(tall.middles)[0][:, tall.shape[-1] :])
    return orthonormal(arb_array(start - tall.project(start)))


@precisely.register(KernelPoint)
@precisely.register(LinearStudent)
@precisely.register(PoweredCovariance)
@precisely.register(AlignedTeacher)
@precisely.register(LabelledFeatures)
def _data(instance: Instance) -> Instance | None:
    """Instances of data alone."""
    return _converted(instance)


@precisely.register
def _teacher(teacher: GaussianTeacher) -> GaussianTeacher | None:
    """The nodes of the cubature are many, but small."""
    return teacher.map(_balls) if teacher.nodes.ndim == 2 else None


def _converted(instance: Instance) -> Instance | None:
    return instance.map(_balls) if _small(*(v for v in vars(instance).values() if isinstance(v, Tensor))) else None
