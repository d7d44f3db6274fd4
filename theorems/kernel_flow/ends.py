"""Where integrated flows end: arXiv:2601.00276, the water-filling state with a fast readout and
without.
"""

from __future__ import annotations

from typing import Any

import torch

from theorems.claim import Hypothesis, Source
from theorems.impl.kernel_flows.spectral import FlowEnd, diagonal, positive_part, scalar
from theorems.impl.numbers.inverses import eye_like
from theorems.impl.numbers.operands import Operand
from theorems.impl.strategies import runs as run_strategies
from theorems.kernel_flow.kernel_ranks import PAPER
from theorems.kernel_flow.water_filling import levels, mode_ridge, mode_root
from theorems.stating import equals


def too_narrow(end: FlowEnd) -> str | None:
    """Why the width cannot hold the active modes, or None if it can."""
    active, width = int(end.active.sum()), int(end.features.shape[-1])
    return f"{width} features cannot hold {active} active modes" if width < active else None


def _end_state(end: FlowEnd) -> dict[str, Operand]:
    kernel = end.features @ end.features.mT
    return {
        "regularised kernel": kernel + eye_like(kernel) * end.ridge,
        "residual": end.targets - end.features @ end.readout.mT,
    }


def _closed_form(
    end: FlowEnd, filled: Operand | None = None, kept: Operand | None = None
) -> dict[str, Operand]:
    filled = levels(end) if filled is None else filled
    kept = positive_part(end.values - end.threshold) if kept is None else kept
    kernel = diagonal(end.left, filled)
    return {
        "regularised kernel": kernel + eye_like(kernel) * end.ridge,
        "residual": end.targets - (end.left * kept[..., None, :]) @ end.right.mT,
    }


_END_MUTANTS: dict[str, Any] = {
    "without the root": lambda end: _closed_form(
        end, positive_part(end.values * mode_root(end) * mode_root(end) - mode_ridge(end) / 2)
    ),
    "no water": lambda end: _closed_form(end, end.values * mode_root(end)),
    "labels fitted exactly": lambda end: _closed_form(end, kept=end.values),
    "threshold λμ": lambda end: _closed_form(
        end, kept=positive_part(end.values - end.threshold * end.threshold / 2)
    ),
    "first mode missing": lambda end: _closed_form(
        end, levels(end) * (torch.arange(end.values.shape[-1]) > 0)
    ),
}


@equals(
    observed=_end_state,
    on=run_strategies.kernel_ends,
    source=Source(PAPER, "the flow's end"),
    hypotheses={
        "overlap with every active mode": Hypothesis(run_strategies.blind_starts),
        "width of at least the active modes": Hypothesis(run_strategies.narrow_starts, too_narrow),
    },
    mutants=_END_MUTANTS,
)
def kernel_flow_reaches_water_filling(end: FlowEnd) -> dict[str, Operand]:
    r"""From any start that overlaps every active mode, the kernel's flow ends in the water-filling
    state.

    .. math:: K(t) \to \sum_i (s_i\sqrt{\lambda/\mu} - \lambda)_+\, u_i u_i^\top, \qquad
              F(t) \to \sum_i (s_i - \sqrt{\lambda\mu})_+\, u_i v_i^\top

    Three ways: scipy on the kernel's ODE, the factored flow, gradient descent on Φ by autograd. The
    bound is measured: the end is within 2‖∇J‖/ρ of rest, ρ the least nonzero Hessian eigenvalue
    there (see `impl.kernel_flows.flow_errors`). Shapes: K (N, N), F (N, C).

    Hypotheses: K(0) overlaps every active mode (not checkable from the end); P ≥ number of active
    modes (checked). Configurations without a mode near the threshold, where rest is approached like
    1/t. Raises InputError for anything that is not a FlowEnd. Source: arXiv:2601.00276 [P]; forms
    [D, N].
    """
    return _closed_form(end)


def _coupled_state(end: FlowEnd) -> dict[str, Operand]:
    return _end_state(end) | {
        "balance": _regularised(end, end.features.mT @ end.features * scalar(end.decay))
    }


def _regularised(end: FlowEnd, gram: Operand) -> Operand:
    """μΦᵀΦ or λAᵀA plus λμ, which sets the scale where nothing is learned."""
    return gram + eye_like(gram) * end.ridge * scalar(end.decay)


def _coupled_form(end: FlowEnd) -> dict[str, Operand]:
    return _closed_form(end) | {
        "balance": _regularised(end, end.readout.mT @ end.readout * end.ridge)
    }


@equals(
    observed=_coupled_state,
    on=run_strategies.coupled_ends,
    source=Source(PAPER, "the same law without fast readout; forms derived"),
    hypotheses={
        "overlap with every active mode": Hypothesis(run_strategies.blind_coupled_starts),
        "width of at least the active modes": Hypothesis(
            run_strategies.narrow_coupled_starts, too_narrow
        ),
    },
    mutants={
        name: (lambda end, change=change: _coupled_form(end) | change(end))
        for name, change in _END_MUTANTS.items()
    }
    | {
        "balance the other way": lambda end: (
            _coupled_form(end)
            | {"balance": _regularised(end, end.readout.mT @ end.readout * scalar(end.decay) * 3)}
        )
    },
)
def coupled_flow_reaches_water_filling(end: FlowEnd) -> dict[str, Operand]:
    r"""Without a fast readout the coupled flow ends in the same kernel, its outputs a soft
    threshold of the labels.

    .. math:: \dot\Phi = -(GA + \mu\Phi), \quad \dot A = -(G^\top\Phi + \lambda A): \qquad
              K \to K_\infty, \quad
              F \to \sum_i (s_i - \sqrt{\lambda\mu})_+\, u_i v_i^\top, \quad
              \mu\,\Phi^\top\Phi = \lambda A^\top A

    Observed: LSODA on Φ and A; the bound as in `kernel_flow_reaches_water_filling`. Shapes: K (N,
    N), F (N, C), ΦᵀΦ (P, P).

    Hypotheses: as `kernel_flow_reaches_water_filling`. Raises InputError for anything
    that is not a FlowEnd. Source: arXiv:2601.00276 [P] (same law); forms [D, N].
    """
    return _coupled_form(end)
