"""Transcendental functions of balls, enclosed by arb ball arithmetic (python-flint)."""

from __future__ import annotations

import flint
import torch

from impl.rounded import Ball

_BITS = 128
"""Working precision of arb: far below the error that is measured."""


def exp2(ball: Ball) -> Ball:
    """2^x entry by entry: the radius is the distance of what torch returns from arb's enclosure, rounded up."""
    center = torch.exp2(ball.center)
    radii: list[float] = []
    before, flint.ctx.prec = flint.ctx.prec, _BITS
    try:
        parts = (t.reshape(-1).tolist() for t in (center, ball.center, ball.error))
        for value, exponent, error in zip(*parts, strict=True):
            gap = flint.arb(2) ** flint.arb(exponent, error) - flint.arb(value)
            radii.append(float(gap.abs_upper()) * (1 + 2.0**-50))
    finally:
        flint.ctx.prec = before
    radius = torch.tensor(radii, dtype=torch.float64).reshape(center.shape)
    return Ball(center, radius if bool(radius.any()) else None, ball.unit)
