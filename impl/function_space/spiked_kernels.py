r"""Kernels of networks whose weights are Gaussian with a spike: k₁(x, x') = E σ(⟨w,x⟩) σ(⟨w,x'⟩), w
~ N(0, Γ/d), Γ = A I + B w*w*ᵀ.

Everything in ball arithmetic (python-flint ``arb``) on rational inputs: the closed forms round, the
quadratures (``acb.integral``) enclose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from flint import acb, arb, ctx, fmpq, fmpq_mat

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance

Vector: TypeAlias = Any
"""A numpy object array of integers, fractions or balls, (d,)."""


def rational(value: Any) -> fmpq:
    """An integer or fraction as python-flint's rational, whose arithmetic is fast."""
    return value if isinstance(value, fmpq) else fmpq(value.numerator, value.denominator)


def arb_of(value: Any) -> arb:
    """The ball of an integer, a fraction, a rational or a ball."""
    return value if isinstance(value, arb) else arb(rational(value))


_rationals = np.vectorize(rational, otypes=[object])
_balls = np.vectorize(arb_of, otypes=[object])


@dataclass(frozen=True, eq=False)
class SpikedKernel(Instance):
    """Points and the covariance Γ/d = (A I + B w*w*ᵀ)/d of the weights, all rational.

    Args:
        points: x₁ … x_N, (N, d), object array.
        direction: w*, (d,), of norm one exactly: see `unit_vector`.
        bulk: A.
        spike: B.
        activation: "relu" or "cos+sin".

    Raises:
        InputError: shapes that do not fit, no point, an indefinite Γ.
    """

    alone = ("points", 2)

    points: Any
    direction: Any
    bulk: Fraction
    spike: Fraction
    activation: str = "relu"

    def __post_init__(self) -> None:
        """Check shapes and definiteness."""
        require(
            self.points.ndim == 2 and self.points.size > 0,
            f"expected points (N, d), got {self.points.shape}",
        )
        require(
            self.direction.shape == self.points.shape[1:],
            f"expected a direction of shape {self.points.shape[1:]}, got {self.direction.shape}",
        )
        require(
            self.bulk > 0 and self.bulk + self.spike > 0,
            f"expected a positive definite covariance, got A = {self.bulk} and A + B = "
            f"{self.bulk + self.spike}",
        )
        require(
            self.activation in ("relu", "cos+sin"),
            f"expected the activation relu or cos+sin, got {self.activation!r}",
        )

    @property
    def dimension(self) -> int:
        """D."""
        return int(self.points.shape[1])

    @cached_property
    def inputs(self) -> Vector:
        """The points as rationals, (N, d)."""
        return _rationals(self.points)

    @cached_property
    def teacher(self) -> Vector:
        """w* as rationals, (d,)."""
        return _rationals(self.direction)

    def spread(self, vectors: Vector) -> Vector:
        """Γv for every row v of rationals, or for one v."""
        along = vectors @ self.teacher
        return vectors * rational(self.bulk) + np.multiply.outer(along, self.teacher) * rational(
            self.spike
        )

    def root(self, vectors: Vector) -> Vector:
        """Γ^{½}v for every row v of rationals, as balls."""
        low, high = arb_of(self.bulk).sqrt(), arb_of(self.bulk + self.spike).sqrt()
        along = np.multiply.outer(vectors @ self.teacher, self.teacher)
        return _balls(vectors) * low + _balls(along) * (high - low)

    @cached_property
    def sampled(self) -> Vector:
        """`sampled_kernel`, computed once."""
        return sampled_kernel(self)

    @cached_property
    def reweighted(self) -> Vector:
        """`reweighted_kernel`, computed once."""
        return reweighted_kernel(self)

    def isotropic(self) -> SpikedKernel:
        """The kernel k₀ of w ~ N(0, I/d) on the same points."""
        return replace(self, bulk=Fraction(1), spike=Fraction(0))

    def closed_form(self, vectors: Vector) -> Vector:
        """k₀ between all rows of ``vectors`` (N, d), balls or rationals: arc-cosine for ReLU,
        Gaussian for cos + sin; (N, N).
        """
        gram = _balls(vectors @ vectors.T)
        kernel = arc_cosine if self.activation == "relu" else _translation_invariant
        out = np.empty(gram.shape, dtype=object)
        for i, j in np.ndindex(gram.shape):
            out[i, j] = kernel(gram[i, i], gram[i, j], gram[j, j], self.dimension)
        return out


def unit_vector(parameters: Sequence[int]) -> Vector:
    """A rational point of the unit sphere from any integers t, by stereographic projection; (len(t)
    + 1,).
    """
    square = sum(t * t for t in parameters)
    entries = [Fraction(2 * t, square + 1) for t in parameters]
    return _objects([*entries, Fraction(square - 1, square + 1)])


def _objects(values: Sequence[Any]) -> Vector:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def arc_cosine(xx: arb, xy: arb, yy: arb, dimension: int) -> arb:
    r"""ReLU kernel :math:`\frac{\lVert x\rVert\lVert x'\rVert}{2\pi d}(\sin\theta + (\pi -
    \theta)\cos\theta)` from inner products.
    """
    area = (xx * yy - xy * xy).nonnegative_part().sqrt()  # ‖x‖‖x'‖ sin θ
    if not (xx > 0 and yy > 0):
        return arb(0)
    # decreasing or increasing in the area, whatever the sign of ⟨x,x'⟩: the endpoints enclose, and
    # keep off the branch cut
    theta = arb.atan2(area.lower().nonnegative_part(), xy).union(arb.atan2(area.upper(), xy))
    return (area + (arb.pi() - theta) * xy) / (2 * arb.pi() * dimension)


def _translation_invariant(xx: arb, xy: arb, yy: arb, dimension: int) -> arb:
    """E (cos u + sin u)(cos v + sin v) = E cos(u − v) = exp(−‖x − x'‖²/2d)."""
    return (-(xx - 2 * xy + yy) / (2 * dimension)).exp()


# -- quadrature ------------------------------------------------------------------------------------


def _integral(function: Callable[[acb], acb], low: arb, high: arb) -> arb:
    """Rigorous quadrature, asked for little more than half the digits that are set; the radius that
    comes back is proved whatever is asked.
    """
    tolerance = 2.0 ** -(9 * ctx.prec // 16)
    found = acb.integral(lambda z, _: function(z), low, high, rel_tol=tolerance, abs_tol=tolerance)
    return found.real


def _plane(form: Sequence[Any], product: str) -> arb:
    r"""∫ product · e^{−½(q₁u² + 2q₂uv + q₃v²)} du dv over u > 0 (and v > 0 for the product
    "(u)₊(v)₊"), in polar form.

    Axes scaled to q₁ = q₃ = 1, then :math:`\int_0^\infty r^3 e^{-r^2 q/2} dr = 2/q^2` and the angle
    is left to rigorous quadrature.
    """
    first, mixed, last = (arb_of(value) for value in form)
    r, quarter = mixed / (first * last).sqrt(), arb.pi() / 2

    def density(angle: acb) -> acb:
        sine, cosine = (2 * angle).sin_cos() if product == "(u)₊²" else ((2 * angle).sin(), None)
        weight = 1 + r * sine
        return (sine if cosine is None else 1 + cosine) / (weight * weight)

    area = _integral(density, arb(0) if product == "(u)₊(v)₊" else -quarter, quarter)
    return area / (first * (first * last).sqrt() if product == "(u)₊²" else first * last)


def expected_product(covariance: tuple[Any, Any, Any], *, rectified: bool) -> arb:
    r"""E (u)₊(v)₊, or E (u)₊v, of a centred Gaussian pair: its density integrated over the (u, v)
    plane.

    Args:
        covariance: (E u², E uv, E v²), rational.
        rectified: whether v is rectified too.
    """
    uu, uv, vv = covariance
    determinant = uu * vv - uv * uv
    if uu == 0 or vv == 0:
        return arb(0)
    if determinant == 0:  # v = κu
        slope = uv / uu
        return arb(0) if rectified and slope < 0 else arb_of(slope) * half_square(uu)
    form = [value / determinant for value in (vv, -uv, uu)]
    area = _plane(form, "(u)₊(v)₊" if rectified else "(u)₊v")
    return area / (2 * arb.pi() * arb_of(determinant).sqrt())


def half_square(variance: Any) -> arb:
    """E (u)₊² of a centred Gaussian: ∫₀^L z² φ(z) dz by rigorous quadrature, plus a bound on the
    tail beyond L.
    """
    cut = arb(24)
    scale = 1 / (2 * arb.pi()).sqrt()
    body = _integral(lambda z: z * z * (-z * z / 2).exp() * scale, arb(0), cut)
    tail = (cut + 1) * (-cut * cut / 2).exp()  # ∫_L^∞ z² e^{−z²/2} ≤ (L + 1/L) e^{−L²/2}
    return arb_of(variance) * (body + arb(0, tail.upper()))


def sampled_kernel(kernel: SpikedKernel) -> Vector:
    """k₁ of ReLU with the weights drawn from N(0, Γ/d), by quadrature over the pre-activations; (N,
    N).
    """
    covariance = kernel.inputs @ kernel.spread(kernel.inputs).T
    d = kernel.dimension
    return _pairwise(len(kernel.points), lambda i, j: expected_product(
        tuple(covariance[p] / d for p in ((i, i), (i, j), (j, j))), rectified=True
    ))  # fmt: skip


def reweighted_kernel(kernel: SpikedKernel) -> Vector:
    r"""k₁ of ReLU as E ρ(w) σσ over isotropic weights, ρ the density ratio, by quadrature in
    span(x, x', w*); (N, N).

    .. math:: \rho(w) = \det(\Gamma)^{-1/2} \exp\!\left(\tfrac d2
              \left[(1 - \tfrac1A)\lVert w\rVert^2
        + (\tfrac1A - \tfrac1{A+B}) \langle w_*, w\rangle^2\right]\right)
    """
    return _pairwise(
        len(kernel.points), lambda i, j: _reweighted(kernel, kernel.inputs[i], kernel.inputs[j])
    )


def _pairwise(count: int, entry: Callable[[int, int], arb]) -> Vector:
    out = np.empty((count, count), dtype=object)
    for i in range(count):
        for j in range(i, count):
            out[i, j] = out[j, i] = entry(i, j)
    return out


def _reweighted(kernel: SpikedKernel, x: Vector, y: Vector) -> arb:
    xx, xy, yy = x @ x, x @ y, y @ y
    if xx == 0 or yy == 0:
        return arb(0)
    if xx * yy == xy * xy:  # collinear: σ(⟨w,x⟩)σ(⟨w,κx⟩) = κ(u)₊²
        slope = xy / xx
        return arb(0) if slope < 0 else arb_of(slope) * _tilted(kernel, [x], "(u)₊²")
    return _tilted(kernel, [x, y], "(u)₊(v)₊")


def _tilted(kernel: SpikedKernel, vectors: list[Vector], product: str) -> arb:
    """∫ product · ρ · density over the pre-activations of ``vectors`` and, unless in their span, t
    = ⟨w*, w⟩.
    """
    d, bulk, spike = kernel.dimension, rational(kernel.bulk), rational(kernel.spike)
    inside = _coordinates(vectors, kernel.teacher)
    basis = vectors if inside is not None else [*vectors, kernel.teacher]
    size = len(basis)
    inverse, determinant = _inverse([[a @ b / d for b in basis] for a in basis])
    teacher = inside if inside is not None else [fmpq(0)] * len(vectors) + [fmpq(1)]
    drop = d * (1 / bulk - 1 / (bulk + spike))
    form = [
        [inverse[i][j] / bulk - drop * teacher[i] * teacher[j] for j in range(size)]
        for i in range(size)
    ]
    # det Γ = A^{d−1}(A + B); the d − r coordinates outside the span integrate
    # e^{(d/2)(1−1/A)‖w_rest‖²} to A^{(d−r)/2}
    normal = (
        (2 * arb.pi()) ** size * arb_of(determinant * bulk ** (size - 1) * (bulk + spike))
    ).sqrt()
    if size == 3:  # t runs over the whole line: ∫ e^{−½(at² + 2bt)} dt = √(2π/a) e^{b²/2a}
        a = form[2][2]
        normal = normal / (2 * arb.pi() / arb_of(a)).sqrt()
        form = [[form[i][j] - form[i][2] * form[j][2] / a for j in range(2)] for i in range(2)]
    if size == 1:  # ∫₀^∞ u² e^{−qu²/2} du
        return half_square(1 / form[0][0]) * (2 * arb.pi() / arb_of(form[0][0])).sqrt() / normal
    return _plane((form[0][0], form[0][1], form[1][1]), product) / normal


def _coordinates(vectors: list[Vector], target: Vector) -> list[fmpq] | None:
    """The coefficients of ``target`` in the independent ``vectors``, or None if it is not in their
    span; exact.
    """
    inverse, _ = _inverse([[a @ b for b in vectors] for a in vectors])
    right = [a @ target for a in vectors]
    found = [
        sum((inverse[i][j] * right[j] for j in range(len(right))), fmpq(0))
        for i in range(len(right))
    ]
    rest = target - sum(c * v for c, v in zip(found, vectors, strict=True))
    return None if any(value != 0 for value in rest) else found


def _inverse(matrix: list[list[fmpq]]) -> tuple[list[list[fmpq]], fmpq]:
    """Inverse and determinant of a small rational matrix."""
    size = len(matrix)
    entries = fmpq_mat(size, size, [value for row in matrix for value in row])
    return entries.inv().tolist(), entries.det()
