"""Pictures of one large gradient step (arXiv:2605.17718): a function each, which returns the
figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from theorems.function_space.corrected import gaussian_equivalent_gap
from theorems.function_space.limits import top_mode_mixes_quadratic_harmonic
from theorems.impl.function_space.gaussian_gap import GapPath
from theorems.impl.function_space.one_step import StepPoint
from theorems.impl.function_space.zonal_operator import ZonalPoint
from theorems.pictures.style import BLUE, GREEN, GREY, ORANGE, RED, below, canvas, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def predicted_spike(point: StepPoint) -> float:
    """The largest singular value of W₁: a Gaussian matrix plus a spike of size θ, in the limit of
    proportional sizes.

    θ = c₁η √(μ₁² + E y²/α)/√m, and the outlier is √((1 + θ²)(β + θ²))/θ above the bulk's edge 1 +
    √β once θ⁴ > β.
    """
    alpha, beta = point.samples / point.dimension, point.width / point.dimension
    spike = math.sqrt(point.target_slope**2 + point.label_square / alpha)
    theta = point.activation_slope * point.rate * spike / math.sqrt(point.width)
    if theta**4 <= beta:
        return 1 + math.sqrt(beta)
    return math.sqrt((1 + theta**2) * (beta + theta**2)) / theta


@styled("d = 500 inputs, n = 1000 samples, m = 400 neurons, η = 130")
def updated_spectrum(seed: int) -> Figure:
    """Singular values of a real network's first layer before and after one step, with the predicted
    outlier; printed coefficient beside it.
    """
    point = StepPoint(
        dimension=500, samples=1000, width=400, rate=130.0, data_seed=seed, network_seed=seed + 1
    )
    before = torch.linalg.svdvals(point.network().first.weight.detach()).numpy()
    after = torch.linalg.svdvals(point.learned_weight.double()).numpy()
    figure, (axis,) = canvas(1, (8.2, 4.4))
    bins = np.linspace(0, 1.05 * after.max(), 90).tolist()
    axis.hist(before, bins=bins, color="#c6ccd5", label="$W_0$")
    axis.hist(
        after,
        bins=bins,
        histtype="step",
        color=BLUE,
        linewidth=1.5,
        label="$W_1$, one step of autograd",
    )
    edge = 1 + math.sqrt(point.width / point.dimension)
    ratio = point.target_slope / point.activation_slope
    wrong = StepPoint(dimension=500, samples=1000, width=400, rate=130.0 * ratio)
    axis.axvline(edge, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)))
    axis.axvline(
        predicted_spike(point),
        color=RED,
        linewidth=1.4,
        linestyle=(0, (4, 3)),
        label=r"predicted, $c_1=E\sigma'$",
    )
    axis.axvline(
        predicted_spike(wrong),
        color=ORANGE,
        linewidth=1.8,
        linestyle="-.",
        label=r"as printed, $\mu_1=E g'$",
    )
    axis.annotate(
        r"edge $1+\sqrt{\beta}$",
        (edge, 0.4),
        xycoords=("data", "axes fraction"),
        va="top",
        xytext=(5, 0),
        textcoords="offset points",
        color="#5d626b",
    )
    axis.annotate(
        f"{after.max():.2f}",
        (after.max(), 1),
        xytext=(-14, 14),
        textcoords="offset points",
        ha="right",
        color=BLUE,
        arrowprops={"arrowstyle": "-", "color": BLUE},
    )
    axis.set(
        xlabel="singular values",
        ylabel="how many",
        title="One large step pushes one singular value out",
    )
    axis.set_xlim(0, max(bins[-1], 1.05 * predicted_spike(wrong)))
    for at, name in ((predicted_spike(point), "predicted"), (predicted_spike(wrong), "as printed")):
        axis.annotate(
            f"{name}\n{at:.2f}",
            (at, 0.97),
            xycoords=("data", "axes fraction"),
            xytext=(-5, 0),
            va="top",
            ha="right",
            textcoords="offset points",
            color="#2b2e34",
        )
    below(axis, columns=4)
    return figure


@styled("d = 32, 128, 512, A = 1", random=False)
def mixing(seed: int) -> Figure:  # noqa: ARG001
    """Share of the quadratic harmonic in the top eigenfunction against B, exact and to first order,
    and what that is worth.
    """
    figure, (left, right) = canvas(2, (10.4, 4.2))
    for d, colour, mark in ((32, ORANGE, "s"), (128, GREEN, "^"), (512, BLUE, "o")):
        spikes = np.geomspace(0.05, d / 2, 25)
        points = [ZonalPoint(dimension=d, bulk=1.0, spike=float(b)) for b in spikes]
        exact = [p.top_mode for p in points]
        law = [top_mode_mixes_quadratic_harmonic.predict(p) for p in points]
        left.plot(
            spikes / d,
            [e["degree 2"][0] for e in exact],
            mark,
            color=colour,
            markersize=4,
            label=f"$d={d}$",
        )
        left.plot(spikes / d, [q["degree 2"] for q in law], color=colour, linewidth=1.2)
        errors = [
            abs(e["eigenvalue"][0] - q["eigenvalue"]) for e, q in zip(exact, law, strict=True)
        ]
        right.plot(
            spikes / d,
            errors,
            f"{mark}-",
            color=colour,
            markersize=3,
            linewidth=1.2,
            label=f"$d={d}$",
        )
    guide = np.geomspace(1e-3, 0.5, 2)
    right.plot(
        guide, 0.08 * guide**2, color=GREY, linestyle=(0, (2, 3)), label=r"$\propto (B/d)^2$"
    )
    left.set(xscale="log", xlabel="$B/d$", title="The top mode takes in a quadratic harmonic")
    left.set_ylabel(r"$\tau$, the share of $Y_2$ in $Y_0+\tau\,Y_2$")
    left.annotate(
        "marks: Galerkin; lines: first order\n"
        r"$Y_0$, $Y_2$: harmonics of degree 0 and 2" "\n"
        r"$B$: size of the spike in $\Gamma=A\,I+B\,w_*w_*^\top$",
        (0.03, 0.5), xycoords="axes fraction", color="#5d626b",
    )  # fmt: skip
    left.legend(loc="upper left")
    right.set(
        xscale="log", yscale="log", xlabel="$B/d$", ylabel=r"$|\lambda_{\max}(T_1)-\tilde\lambda|$"
    )
    right.set_title(r"Error of $\tilde\lambda=A\,\lambda_{\max}(T_0)+B/2\pi d$")
    right.annotate(
        "where $B<1$ the exact slope in $B$\nstill differs by order $1/d$",
        (0.37, 0.06),
        xycoords="axes fraction",
        color="#5d626b",
    )
    right.legend(loc="upper left")
    return figure


@styled("d from 100 to 6400 (ζ = 1/2) or 25600, n = m = d", random=False)
def equivalence_gap(seed: int) -> Figure:  # noqa: ARG001
    """The gap to the Gaussian equivalent against d on log axes, with the printed exponent and the
    corrected one.
    """
    figure, (axis,) = canvas(1, (7.8, 4.8))
    for zeta, colour, mark, name in (
        (1.0, ORANGE, "s", "1"),
        (0.75, GREEN, "^", "3/4"),
        (0.5, BLUE, "o", "1/2"),
    ):
        path = GapPath(zeta=zeta).path
        sizes = np.array(list(path), dtype=float)
        predict: Any = gaussian_equivalent_gap.predict
        gaps = np.array([p.distance(predict(p))[0] for (p,) in path.values()])
        axis.plot(sizes, gaps, mark, color=colour, markersize=5, label=rf"$\zeta={name}$, measured")
        axis.plot(
            sizes, gaps[-1] * (sizes / sizes[-1]) ** (4 * zeta - 4), color=colour, linewidth=1.4
        )
        printed = sizes ** (4 * zeta - 5) * np.log(sizes) ** 3
        axis.plot(
            sizes,
            gaps[0] * printed / printed[0],
            color=colour,
            linewidth=1.2,
            linestyle=(0, (2, 3)),
        )
    axis.plot([], [], color=GREY, linewidth=1.4, label=r"corrected, $\eta^4/d^4$")
    axis.plot(
        [],
        [],
        color=GREY,
        linewidth=1.2,
        linestyle=(0, (2, 3)),
        label=r"as printed, $\eta^4\ln^3 d/d^5$",
    )
    axis.set(xscale="log", yscale="log", xlabel="$d$", ylabel=r"$\|T_1^*-T_1\|_{HS}$")
    axis.set_title("The printed order is too small by a factor of $d$")
    axis.set_ylim(bottom=1e-9)  # room for the legend
    axis.legend(
        loc="lower left",
        ncols=2,
        title=r"$\eta=3d^\zeta$, $\sigma=\mathrm{cos}+\mathrm{sin}$, $g=\mathrm{tanh}$",
        alignment="left",
    )
    return figure


PICTURES: dict[str, Callable[[int], Figure]] = {
    "updated-spectrum": updated_spectrum,
    "mixing": mixing,
    "equivalence-gap": equivalence_gap,
}
"""Every picture by the name that the command line knows it by."""
