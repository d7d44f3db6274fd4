"""Symbolic instances of data in training: twin data sets, ensembles of readouts."""

from __future__ import annotations

from typing import Any

from theorems.impl.feature_learning.readouts import ReadoutEnsemble
from theorems.impl.generic.networks import pairing
from theorems.impl.numbers.operands import Operand
from theorems.impl.preconditioning.linear_students import InitialisedPair, LinearStudent
from theorems.impl.preconditioning.twins import TwinRuns
from theorems.impl.symbolic.source import SymbolicSource


def unchecked(kind: type, **fields: Any) -> Any:
    """An instance without a look at its shapes: T and T + 1 are names of their own, which no
    comparison would find to agree.
    """
    made: Any = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def twin_runs(source: SymbolicSource) -> TwinRuns:
    """Two data sets with equal X P Xᵀ; paths of which every state is one step after states that
    agree, or the start.

    By induction over the steps. Z(0) = Z'(0) is a hypothesis. If Z, and the other parameters and
    all that their optimiser remembers, agree before a step, then so do ∇_Z and what the step makes
    of the others, which are functions of them; and Z after it is X W₊ᵀ with W₊ = (1 − ηλ)W − η
    ∇_ZᵀX P, which is written down here for either data set. P = H + Hᵀ with H = P/2, so that X H Xᵀ
    agrees as well.
    """
    steps, states, rows, d, other, width, rest = (source.size(1, 3) for _ in range(7))
    seen = source.twins(*(((steps, rows, k), (steps, k, k), (steps, width, k)) for k in (d, other)))
    moved = source.twins(
        *(((states, rows, k), (states, k, k), (states, width, k)) for k in (d, other))
    )
    above, shared = source.entries(states, rows, width), source.entries(states, rest)
    rate, kept = source.entries(states)[..., None, None], source.entries(states)[..., None, None]

    def after(x: Operand, h: Operand, w: Operand) -> Operand:
        return x @ (w * kept - (above.mT @ x @ (h + h.mT)) * rate).mT

    (x, h, _), (twin, twin_h, _) = seen
    paths = {
        name: source.entries(states, rows, width) for name in ("inner_outputs", "restarted_outputs")
    }
    paths |= {name: source.entries(states, rest) for name in ("inner_others", "restarted_others")}
    return unchecked(
        TwinRuns,
        inputs=x,
        preconditioner=h + h.mT,
        start=source.entries(width, d),
        twin_inputs=twin,
        twin_preconditioner=twin_h + twin_h.mT,
        twin_start=source.entries(width, other),
        outputs=after(*moved[0]),
        others=shared,
        twin_outputs=after(*moved[1]),
        twin_others=shared,
        **paths,
    )


def readout_ensemble(source: SymbolicSource) -> ReadoutEnsemble:
    """Any white ensemble of readouts, and the gradient of the loss linearised at zero behind
    each.
    """
    count, rows, d, width, classes = (source.size(1, 3) for _ in range(5))
    variance = source.positive()
    readouts = source.white(count, classes, width, variance=variance)
    features, weight, targets = (
        source.entries(rows, d),
        source.entries(width, d),
        source.entries(rows, classes),
    )
    everywhere = source.zeros(count, width, d) + weight

    def loss(w: Operand) -> Operand:
        return -pairing(
            source.zeros(count, rows, classes) + targets, features @ w.mT @ readouts.mT
        ).sum(-1)

    (grads,) = source.gradient(loss, (everywhere,))
    return ReadoutEnsemble(features, weight, targets, readouts, variance, source.positive(), grads)


def linear_student(source: SymbolicSource, *, steps: int) -> LinearStudent:
    """A linear student from zero, any R and rates, so many steps; the noise is a square, and may be
    zero.
    """
    rows, d, noise = source.size(1, 3), source.size(1, 3), source.entries()
    return LinearStudent(
        source.entries(rows, d),
        source.entries(d, d),
        source.entries(d, d),
        source.entries(d, 1),
        noise * noise,
        source.few(steps),
    )


def matched_pair(source: SymbolicSource, *, steps: int) -> InitialisedPair:
    """Two data sets with one Gram matrix, both starts matched to their preconditioners."""
    rows, d, other, rank, other_rank, start, other_start = (source.size(1, 3) for _ in range(7))
    root = source.entries()
    scale = root * root  # which may be zero
    one, two = source.matched(
        scale,
        ((rows, d), (d, rank), (d, start)),
        ((rows, other), (other, other_rank), (other, other_start)),
    )
    (x, r, s), (twin, twin_r, twin_s) = one, two
    return InitialisedPair(
        x, r, s, twin, twin_r, twin_s, source.entries(rows, 1), source.few(steps), scale
    )
