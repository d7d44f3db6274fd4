"""Rounding: `Ball` and the model behind it live in `impl.rounded`, so that instances can say how far they are off."""

from theorems.impl.rounded import CAST, UNIT, Ball, gamma, underflow

__all__ = ["CAST", "UNIT", "Ball", "gamma", "underflow"]
