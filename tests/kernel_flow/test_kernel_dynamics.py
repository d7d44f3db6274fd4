"""The kernel's ODE and the coupled flow's imbalance, beside other ways to compute them
(arXiv:2601.00276).
"""

from fractions import Fraction

import numpy as np
import pytest
import torch

from impl.kernel_flows.flow_solvers import coupled_flow
from impl.kernel_flows.flows import (
    KernelPoint,
    coupled_point,
    doubled_kernel_velocity,
    reduced_objective,
)
from impl.kernel_flows.objectives import LOSSES
from impl.strategies.flows import number, rational
from tests.flow_tasks import gaussian
from theorems import kernel_flow as claims
from theorems.verdict import Grade


def test_forward_mode_sees_what_reverse_mode_sees():
    phi, y = gaussian(5, 4), gaussian(5, 2, seed=1)
    point = KernelPoint(phi, phi, y, number(0.7), number(0.3), torch.zeros(2, 4).double())
    leaf = phi.clone().requires_grad_()
    (grad,) = torch.autograd.grad(reduced_objective(leaf, y, number(0.7), number(0.3)) / 2, leaf)
    speed = -(grad @ phi.mT + phi @ grad.mT)
    torch.testing.assert_close(doubled_kernel_velocity(point), 2 * speed, rtol=1e-12, atol=1e-12)


def test_the_ode_is_exact_over_the_rationals():
    phi = rational([[1, 2], [0, 1], [-1, 1]])
    y = rational([[1], [2], [0]])
    point = KernelPoint(
        phi, phi, y, rational(Fraction(1, 2)), rational(Fraction(3)), rational([[0, 0]])
    )
    for claim in (claims.kernel_ode, claims.kernel_energy_decreases, claims.task_drive_is_low_rank):
        assert claim(point).grade is Grade.EXACT, claim


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_imbalance_is_forgotten_under_every_loss(loss):
    target = torch.softmax(gaussian(5, 3, seed=2), -1)
    point = coupled_point(
        gaussian(5, 4), gaussian(3, 4, seed=1), target, ridge=0.5, decay=0.5, loss=loss
    )
    assert claims.imbalance_decays_exponentially(point)


def test_imbalance_along_an_integrated_path():
    phi, a, y = gaussian(4, 3), gaussian(2, 3, seed=1), gaussian(4, 2, seed=2)
    before = phi.mT @ phi - a.mT @ a
    end = coupled_flow(phi, a, y, ridge=0.5, decay=0.5, until=2.0)
    after = end.features.mT @ end.features - end.readout.mT @ end.readout
    torch.testing.assert_close(after, np.exp(-2.0) * before, rtol=1e-7, atol=1e-8)
