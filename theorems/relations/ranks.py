r"""The relation "this matrix has rank at most k", and its quantitative form :math:`\sigma_{k+1}(M)
\le \|E\|`.

Integers that nothing rounded are decided by exact rank (FLINT). Otherwise the measured matrix is
known up to a radius, and the claim is refuted only if σ_{k+1} of what was measured is *proved*
larger than the radius: then no matrix of rank k is near.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from flint import arb
from torch import Tensor

from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.arb_arrays import arb_array
from theorems.impl.numbers.arb_matrices import norm, proved_rank
from theorems.impl.numbers.exact_arrays import plain_array
from theorems.impl.numbers.linalg import exact_rank
from theorems.impl.numbers.operands import Operand, is_exact, to_exact
from theorems.impl.numbers.rounded import UNIT, Ball
from theorems.relations import Finding, Side, _parts, _worst
from theorems.relations.doubt import advice, half_the_digits, movements
from theorems.relations.enclosures import enclose
from theorems.relations.spectra import positive_eigenvalues, singular_values
from theorems.relations.thin_ranks import thin_values
from theorems.verdict import Grade, Outcome


class Within(NamedTuple):
    """A part of which σ_{k+1}(matrix) ≤ ‖slack‖ (spectral norms) is claimed, not rank ≤ k."""

    matrix: Operand
    slack: Operand


@dataclass(frozen=True)
class RankIs:
    """Part by part: rank(observed) <= (or =) predicted, an integer.

    Args:
        equal: names of the parts whose rank equals the prediction ("" for a side without parts).
        certify: whether floats that have an exact meaning are judged in ball arithmetic too, see
            `theorems.relations.precision`.
    """

    equal: tuple[str, ...] = ()
    certify: bool = True

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Observe matrices, predict integers; the most severe part answers."""
        first = next(v for v in vars(instance).values() if isinstance(v, Tensor | np.ndarray))
        ranks, half = _parts(predict(instance)), half_the_digits(instance)
        if is_exact(first):
            observed: Mapping[str, Any] = {
                name: _plain(value) for name, value in _named(observe(instance)).items()
            }
            enclosed = observed
        else:
            observed, enclosed = (
                _named(observe(instance.double())),
                _named(observe(enclose(instance))),
            )
        if set(ranks) != set(observed):
            raise TypeError(
                f"expected the parts {sorted(observed)} on both sides, got {sorted(ranks)} "
                "predicted"
            )
        found = _worst(
            [
                self._part(name, observed[name], enclosed[name], int(ranks[name]), half)
                for name in ranks
            ]
        )
        if is_exact(first):
            return found
        if self.certify and found.grade is not Grade.EXACT:
            from theorems.relations.precision import strengthened

            found = strengthened(found, _EnclosedRanks(self.equal), observe, predict, instance)
        if found.outcome is not Outcome.REFUTED:
            return found
        return self._doubted(found, enclosed, ranks, observe, instance)

    def _doubted(
        self,
        found: Finding,
        enclosed: Mapping[str, Any],
        ranks: Mapping[str, Any],
        observe: Side,
        instance: Instance,
    ) -> Finding:
        """A refutation that what was taken as given cannot explain; else UNDECIDED."""
        moved = movements(lambda other: _matrices(_named(observe(other))), instance)
        if moved is None:
            return found
        again = []
        for name, ball in enclosed.items():
            matrix, slack = ball if isinstance(ball, Within) else (ball, None)
            wide = _moved(matrix, moved[name])
            room = None if slack is None else _moved(slack, moved[f"{name} slack"])
            again.append(
                _numerically(
                    wide,
                    room,
                    int(ranks[name]),
                    half_the_digits(instance),
                    equal=name in self.equal,
                )
            )
        if _worst(again).outcome is Outcome.REFUTED:
            return found
        return replace(
            found,
            outcome=Outcome.UNDECIDED,
            bound=_worst(again).bound,
            context={**found.context, "reason": advice(instance)},
        )

    def _part(self, name: str, observed: Any, enclosed: Any, rank: int, half: float) -> Finding:
        label = {"part": name} if name else {}
        label["rank claimed"] = f"{'=' if name in self.equal else '<='} {rank}"
        matrix, slack = observed if isinstance(observed, Within) else (observed, None)
        ball, allowance = enclosed if isinstance(enclosed, Within) else (enclosed, None)
        if is_exact(matrix):
            exact = _exactly(matrix, slack, rank, equal=name in self.equal)
            if exact is not None:
                return replace(exact, context=label | dict(exact.context))
            matrix, ball, slack, allowance = (_float(m) for m in (matrix, matrix, slack, slack))
        measured = Ball(matrix, ball.radius if isinstance(ball, Ball) else None)
        room = (
            None
            if slack is None
            else Ball(slack, allowance.radius if isinstance(allowance, Ball) else None)
        )
        if _whole(measured) and (room is None or _whole(room)):
            exact = _exactly(
                to_exact(measured.center),
                None if room is None else to_exact(room.center),
                rank,
                equal=name in self.equal,
            )
            if exact is not None:
                return replace(exact, context=label | dict(exact.context))
        found = _numerically(measured, room, rank, half, equal=name in self.equal)
        return replace(found, context=label | dict(found.context))


@dataclass(frozen=True)
class _EnclosedRanks:
    """The same on balls of arb at rising precision: elimination proves how large a rank is at
    least, and what is left beyond it.
    """

    equal: tuple[str, ...]

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Eliminate as long as the question is open; the most severe part answers."""
        from theorems.relations.certified import in_balls
        from theorems.relations.precision import rising

        return rising(lambda: self._at(observe, predict, in_balls(instance)))

    def _at(self, observe: Side, predict: Side, instance: Instance | None) -> Finding | None:
        if instance is None:
            return None
        ranks, observed = _parts(predict(instance)), _named(observe(instance))
        if any(isinstance(value, Within) for value in observed.values()):
            raise NotImplementedError("a rank within a slack is about measured numbers")
        return _worst(
            [self._part(name, arb_array(observed[name]), int(ranks[name])) for name in ranks]
        )

    def _part(self, name: str, matrix: Any, rank: int) -> Finding:
        from theorems.relations.certified import decided

        least, rest = proved_rank(matrix, max(rank, 0))
        label = ({"part": name} if name else {}) | {
            "rank claimed": f"{'=' if name in self.equal else '<='} {rank}",
            "rank proved": f">= {least}",
        }
        above = least == rank >= 0 and proved_rank(matrix, rank + 1)[0] > rank
        missing = name in self.equal and least < rank
        if rank < 0 or above or (missing and rank > min(matrix.shape[-2:])):
            return Finding(Outcome.REFUTED, Grade.CERTIFIED, 1.0, 0.0, label)
        outcome = decided("=", arb(0, rest) if rest.is_finite() else rest, norm(matrix))
        if missing:  # no enclosure proves a determinant to be zero
            outcome = Outcome.UNDECIDED
        return Finding(outcome, Grade.CERTIFIED, 0.0, float(rest), label)


def _plain(value: Any) -> Any:
    return (
        Within(*(plain_array(part) for part in value))
        if isinstance(value, Within)
        else plain_array(value)
    )


def _matrices(observed: Mapping[str, Any]) -> dict[str, Any]:
    """Every matrix of an observation by a name of its own."""
    out = {}
    for name, value in observed.items():
        matrix, slack = value if isinstance(value, Within) else (value, None)
        out[name] = matrix
        if slack is not None:
            out[f"{name} slack"] = slack
    return out


def _moved(matrix: Any, by: Tensor) -> Ball:
    ball = matrix if isinstance(matrix, Ball) else Ball(torch.as_tensor(matrix))
    return Ball(ball.center, ball.error + by)


def _named(side: Any) -> Mapping[str, Any]:
    return side if isinstance(side, Mapping) else {"": side}


def _float(matrix: Operand | None) -> Tensor | None:
    return None if matrix is None else torch.as_tensor(matrix.astype(np.float64))


def _whole(matrix: Ball) -> bool:
    """Whether the entries are integers that nothing rounded."""
    exact = matrix.radius is None or not bool(matrix.radius.any())
    return exact and bool((matrix.center == matrix.center.round()).all())


def _exactly(
    matrix: np.ndarray, slack: np.ndarray | None, rank: int, *, equal: bool
) -> Finding | None:
    """Exact rank of every matrix of a batch; None where ‖slack‖ is too near to decide."""
    flat = matrix.reshape(-1, *matrix.shape[-2:])
    if slack is not None and any(v != 0 for v in slack.reshape(-1)):
        verdicts = [
            _below(m, e, rank)
            for m, e in zip(flat, slack.reshape(-1, *slack.shape[-2:]), strict=True)
        ]
        if any(v is None for v in verdicts):
            return None
        outcome = Outcome.HOLDS if all(verdicts) else Outcome.REFUTED
        return Finding(outcome, Grade.EXACT, 0.0 if all(verdicts) else 1.0, 0.0)
    ranks = [exact_rank(m) for m in flat]
    excess = max(abs(r - rank) if equal else max(r - rank, 0) for r in ranks)
    outcome = Outcome.HOLDS if excess == 0 else Outcome.REFUTED
    return Finding(outcome, Grade.EXACT, float(excess), 0.0, {"rank": max(ranks)})


def _below(matrix: np.ndarray, slack: np.ndarray, rank: int) -> bool | None:
    """Whether σ_{rank+1}(matrix) ≤ ‖slack‖, decided by counting eigenvalues above a rational
    threshold; None if too near.
    """
    square, room = _gram(matrix), _gram(slack)
    direction = np.linalg.eigh(_scaled(room))[1][:, -1]
    x = np.array([round(v * 2**40) for v in direction], dtype=object)
    quotient = Fraction(x @ room @ x) / Fraction(x @ x)  # Rayleigh: at most ‖slack‖²
    if _above(square, quotient) <= rank:
        return True
    ceiling = quotient * (1 + Fraction(1, 2**30))
    return False if _above(room, ceiling) == 0 and _above(square, ceiling) > rank else None


def _scaled(matrix: np.ndarray) -> np.ndarray:
    """Divided by the largest entry, in float64: whole numbers may be larger than any float."""
    peak = max(abs(value) for value in matrix.flat) or 1
    return np.array([float(Fraction(value) / Fraction(peak)) for value in matrix.flat]).reshape(
        matrix.shape
    )


def _gram(matrix: np.ndarray) -> np.ndarray:
    rows, columns = matrix.shape
    return matrix @ matrix.T if rows <= columns else matrix.T @ matrix


def _above(square: np.ndarray, threshold: Fraction) -> int:
    return positive_eigenvalues(square - threshold * np.eye(len(square), dtype=int).astype(object))


def _numerically(
    matrix: Ball, slack: Ball | None, rank: int, half: float = math.sqrt(UNIT), *, equal: bool
) -> Finding:
    if slack is None and not equal:
        thin = _thinly(matrix, rank, half)
        if thin is not None:
            return thin
    values, errors = singular_values(matrix)
    width = values.shape[-1]
    room = certain = torch.zeros(values.shape[:-1], dtype=torch.float64)
    if slack is not None:
        top, off = singular_values(slack)
        room, certain = top[..., 0], off[..., 0]
    if rank >= width:
        found = Finding(Outcome.HOLDS, Grade.EXACT, 0.0, 0.0, {"smaller side": width})
    elif rank < 0:
        return Finding(Outcome.REFUTED, Grade.EXACT, math.inf, 0.0)
    else:
        gap, bound = values[..., rank] - room, errors[..., rank] + certain
        worst = int((gap - bound).reshape(-1).argmax())
        residual, limit = float(gap.reshape(-1)[worst]), float(bound.reshape(-1)[worst])
        outcome = _outcome(residual, limit)
        largest = float(values.max())
        context: dict[str, Any] = {
            "sigma": float(values[..., rank].reshape(-1)[worst]),
            "largest sigma": largest,
        }
        if outcome is Outcome.HOLDS and not _told_apart(
            values, bound, gap, rank, half, slack=slack is not None
        ):
            outcome = Outcome.UNDECIDED
            hidden = f"rounding hides up to {limit:.2g} of singular values up to {largest:.2g}"
            context["reason"] = f"{hidden}: a smaller rank passes as well; use float64"
        found = Finding(outcome, Grade.NUMERICAL, max(residual, 0.0), limit, context)
    if equal and found.outcome is Outcome.HOLDS and rank > 0:
        if rank > width:
            return Finding(
                Outcome.REFUTED, Grade.EXACT, float(rank - width), 0.0, {"smaller side": width}
            )
        if not bool((values[..., rank - 1] > errors[..., rank - 1]).all()):
            found = replace(found, outcome=Outcome.UNDECIDED)
        return replace(found, grade=Grade.NUMERICAL)
    return found


def _thinly(matrix: Ball, rank: int, half: float) -> Finding | None:
    """The same from thin factors, where it holds and would with every bound twice as large or as
    small; None where the whole has to be decomposed to tell.
    """
    found = thin_values(matrix, rank)
    if found is None:
        return None
    values, errors = found
    top, bound, gap = values[..., 0], errors[..., rank], values[..., rank]
    apart = (2 * bound <= _FINE * top) & (gap <= bound)
    for value in (values[..., rank - 1] if rank else bound * 4, gap):
        apart &= (value > 2 * bound) | (value <= bound / 128)
    fine = (2 * bound <= min(half, _FINE) * top) & (gap <= bound)
    if not bool((apart | fine).all()):
        return None
    worst = int((gap - bound).reshape(-1).argmax())
    context = {
        "sigma": float(gap.reshape(-1)[worst]),
        "largest sigma": float(top.max()),
    }
    residual, limit = float(gap.reshape(-1)[worst]), float(bound.reshape(-1)[worst])
    return Finding(Outcome.HOLDS, Grade.NUMERICAL, residual, limit, context)


_FINE = 2.0**-5
"""What rounding may hide of the largest singular value: half-precision formats hide more."""


def _told_apart(
    values: Tensor, bound: Tensor, gap: Tensor, rank: int, half: float, *, slack: bool
) -> bool:
    """Whether the radius is small enough for "at most ``rank``" to say something: no false rank,
    smaller or not, must pass for rounding's sake alone.

    It is where the radius leaves half of the digits of the format. Else the radius must be a small
    part of it, and of σ_rank and σ_{rank+1} those below the radius must look like what rounding
    leaves: far below any bound on it, or one like the next.
    """
    top = values[..., 0]
    fine = (bound <= _FINE * top) | (top == 0)  # zeros have no scale
    if slack:  # an inequality that is proved in spite of its bound needs no scale
        return bool((fine | (gap <= -bound)).all())
    following = torch.cat([values, torch.zeros_like(values[..., :1])], -1)
    for index in range(max(rank - 1, 0), rank + 1):
        value = following[..., index]
        fine &= (value > bound) | (value <= 16 * following[..., index + 1]) | (value <= bound / 64)
    return bool((fine | (bound <= min(half, _FINE) * top)).all())


def _outcome(residual: float, limit: float) -> Outcome:
    if not math.isfinite(limit) or math.isnan(residual):
        return Outcome.UNDECIDED
    return Outcome.HOLDS if residual <= limit else Outcome.REFUTED
