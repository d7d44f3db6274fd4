"""Pictures of the fields on the training set (arXiv:2606.09744): a function each, which returns the
figure.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from theorems.gram_hierarchy import (
    backward_pullback_recursion,
    closure_needs_gram_from_depth_three,
    forward_pushforward_recursion,
    kernel_cut_identity,
)
from theorems.impl.gram_hierarchy.gated import GatedNetwork
from theorems.pictures.gram_paths import LAW, gram_path, network, path_error
from theorems.pictures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    below,
    canvas,
    spread,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from theorems.claim import Claim

FLOOR = 1e-17
"""What is below, exact zeros above all, is drawn here."""


def gaps(
    claims: Sequence[Claim], net: GatedNetwork, parts: Sequence[str | tuple[str, ...]] = ("",)
) -> list[float]:
    """For claims of one observation: the largest difference from it over its largest entry, worst
    of the parts that begin so.
    """
    observed: Any = claims[0].observe(net)
    sizes = {
        name: float(value.abs().max()) for name, value in observed.items() if bool(value.any())
    }
    found = []
    for claim, start in zip(claims, itertools.cycle(parts)):
        predicted: Any = claim.predict(net)
        off = (
            float((observed[n] - predicted[n]).abs().max()) / size
            for n, size in sizes.items()
            if n.startswith(start)
        )
        found.append(max(off, default=0.0))
    return found


def judged(claim: Claim, net: GatedNetwork) -> tuple[float, float]:
    """Residual and rounding bound of the entry that the suite's verdict is about, over the largest
    entry of its part.
    """
    relation: Any = claim.relation
    found = replace(relation, certify=False).judge(claim.observe, claim.predict, net)
    observed: Any = claim.observe(net)
    scale = float(observed[found.context["part"]].abs().max())
    return found.measured / scale, found.bound / scale


def _floored(values: Any) -> Any:
    return np.maximum(np.asarray(values, dtype=float), FLOOR)


@styled("8 samples, width 16, 3 networks of each depth")
def recursion_residuals(seed: int) -> Figure:
    """Both recursions against autograd by depth: what rounding leaves, its derived bound, every
    mutant; and the error of the closed dynamics, Gram operators dropped.
    """
    figure, (left, right) = canvas(2, (10.4, 4.6), sharey=True)
    depths = np.arange(1, 9)
    nets = {
        d: [network(int(d), seed=100 * seed + 10 * int(d) + i) for i in range(3)] for d in depths
    }
    for claim, colour, mark, wrong, name in (
        (backward_pullback_recursion, BLUE, "o", "x", r"$\dot p^l$ pulled back"),
        (forward_pushforward_recursion, GREEN, "s", "+", r"$\dot z^l$ pushed forward"),
    ):
        seen = np.array([[judged(claim, net) for net in nets[d]] for d in depths])
        aside = -0.12 if mark == "o" else 0.12
        for i in range(3):
            label = f"{name}, residual" if i == 0 else None
            left.plot(
                depths + aside,
                _floored(seen[:, i, 0]),
                mark,
                color=colour,
                markersize=4,
                label=label,
            )
            bound = "its network's rounding bound" if i == 0 else None
            left.plot(
                depths + aside,
                seen[:, i, 1],
                color=colour,
                linewidth=0.9,
                label=bound,
                gid=f"bound {i}",
            )
        mutants = list(claim.mutants.values())
        off = _floored([gaps(mutants, nets[d][0]) for d in depths])
        label = f"its {len(mutants)} mutants"
        left.plot(
            np.repeat(depths + aside, len(mutants)),
            off.ravel(),
            wrong,
            color=RED,
            markersize=5,
            label=label,
        )
    left.annotate(
        "at depth 1 some mutants\nsay the same as the law",
        (1.25, 3e-16),
        xytext=(2.2, 4e-9),
        color="#5d626b",
        arrowprops={"arrowstyle": "-", "color": GREY},
    )
    left.set(yscale="log", xlabel="depth $L$", ylabel="error, relative to the largest entry")
    left.set_title("The recursions hold up to rounding")
    right.set(xlabel="depth $L$", title="Gram operators dropped: they do not close")
    claim = closure_needs_gram_from_depth_three
    stated = [
        claim,
        *(
            claim.mutants[f"{which} dynamics close at every depth"]
            for which in ("forward", "conjugate")
        ),
    ]
    off = np.log(
        _floored([[gaps(stated, net, (("z", "p"), "z", "p")) for net in nets[d]] for d in depths])
    ).mean(1)
    for i, (colour, mark, name) in enumerate(
        (
            (BLUE, "o", "both, Gram operators kept"),
            (PURPLE, "s", r"$\dot z^1\dots\dot z^L$, dropped: wrong from $L=2$"),
            (ORANGE, "D", r"$\dot p^1\dots\dot p^L$, dropped: wrong from $L=3$"),
        )
    ):
        right.plot(depths, np.exp(off[:, i]), color=colour, marker=mark, markersize=5, label=name)
    right.annotate(
        "exact zeros are drawn on the edge",
        (0.985, 0.03),
        xycoords="axes fraction",
        color="#5d626b",
        ha="right",
    )
    left.set_ylim(0.4 * FLOOR, 1e3)
    for axis in (left, right):
        axis.set_xticks(depths)
        below(axis, columns=2 if axis is left else 1)
    return figure


@styled("depth 6, width 24, 24 samples")
def kernel_cut(seed: int) -> Figure:
    """The rate at which the loss falls, cut at every layer into what moves below and above: the sum
    is autograd's, unless the Gram operators are left out.
    """
    net = network(6, seed=seed, width=24, samples=24)
    levels = np.arange(net.depth + 1)

    def rates(claim: Claim, side: str = "predict") -> Any:
        moved: Any = getattr(claim, side)(net)
        return -np.array(
            [float((net.residual * moved[f"cut at {level}"]).sum()) for level in levels]
        )

    observed = rates(kernel_cut_identity, "observe")
    scale = observed[0]
    lower, upper = (
        rates(kernel_cut_identity.mutants[f"{half} half only"]) for half in ("forward", "backward")
    )
    closed = rates(kernel_cut_identity.mutants["Gram terms left out"])
    figure, (axis,) = canvas(1, (7.6, 4.6))
    axis.bar(
        levels, lower / scale, color=BLUE, width=0.62, label=r"below: $\langle p^l, N^l p^l\rangle$"
    )
    axis.bar(
        levels,
        upper / scale,
        bottom=lower / scale,
        color=ORANGE,
        width=0.62,
        label=r"above: $\langle z^l, M^l z^l\rangle$",
    )
    axis.plot(
        levels,
        observed / scale,
        color="#2b2e34",
        linewidth=1.4,
        linestyle=(0, (4, 3)),
        label="autograd, all layers",
    )
    axis.plot(
        levels,
        closed / scale,
        "D",
        color="white",
        markeredgecolor=RED,
        markeredgewidth=1.8,
        markersize=6.5,
        linestyle="none",
        label="both, Gram terms left out",
    )
    axis.set(xlabel="layer $l$ of the cut", ylabel=r"share of $-\dot{\mathcal{L}} = r^\top K r$")
    axis.set_title("Cut the tangent kernel anywhere: the halves add up")
    axis.set_ylim(0, 1.12)
    axis.grid(visible=False, axis="x")
    below(axis, columns=2)  # there is no room among the bars
    return figure


@styled("depth 3, width 10, 20 samples")
def gram_flow(seed: int) -> Figure:
    """Entries of a weight Gram matrix along gradient descent against its predicted flow, and the
    error of every layer against the step size, beside those of wrong flows.
    """
    figure, (left, right) = canvas(2, (10.4, 4.4))
    wrong = "conjugate field behind its mask"
    until, rates = 1.0, [1.0 / n for n in (12, 25, 50, 100, 200, 400)]
    paths = [
        gram_path(rate, until, seed=seed, mutants=(wrong, "twice", "not symmetrised"))
        for rate in rates
    ]
    finest, moved = paths[-1], paths[-1].observed["G2"]
    upper = np.triu(np.abs(moved[-1]))
    entries = [
        np.unravel_index(i, upper.shape) for i in np.argsort(upper.ravel())[::-1][[0, 2, 5, 9]]
    ]
    for (i, j), colour in zip(entries, (BLUE, GREEN, ORANGE, PURPLE), strict=True):
        left.plot(finest.times, moved[:, i, j], color=colour, label=f"_entry {i} {j}")
        left.plot(
            finest.times[::40],
            finest.predicted[LAW]["G2"][::40, i, j],
            "o",
            color=colour,
            markersize=5,
        )
        left.plot(
            finest.times,
            finest.predicted[wrong]["G2"][:, i, j],
            color=colour,
            linewidth=1,
            linestyle=(0, (2, 2)),
        )
    ends = [float(moved[-1, i, j]) for i, j in entries]
    for (i, j), end, at, colour in zip(
        entries, ends, spread(ends, 0.035), (BLUE, GREEN, ORANGE, PURPLE), strict=True
    ):
        left.annotate(
            f"({i + 1}, {j + 1})",
            (1.0, end),
            xytext=(1.03, at),
            color=colour,
            va="center",
            clip_on=False,
        )
    left.set_xlim(-0.05, 1.17)
    for style, name in (
        ({}, "observed"),
        ({"marker": "o", "linestyle": "none"}, "flow, added up"),
        ({"linewidth": 1, "linestyle": (0, (2, 2))}, "flow with $\\delta$ for $p$"),
    ):
        left.plot([], [], color=GREY, label=name, **style)
    left.set(
        xlabel="time $t$ = step × rate",
        ylabel=r"entries $(i,j)$ of $W_2^\top W_2$, change since $t=0$",
    )
    left.set_title("The Gram matrix moves as its flow says")
    for part, colour, mark in (("G1", BLUE, "o"), ("G2", GREEN, "s"), ("G3", ORANGE, "D")):
        errors = [path_error(path, LAW, part) for path in paths]
        right.plot(
            rates,
            errors,
            color=colour,
            marker=mark,
            markersize=5,
            linewidth=1.4,
            label=f"layer {part[1]}",
        )
    guide = np.array([rates[-1], rates[0]])
    least = min(path_error(paths[-1], LAW, part) for part in ("G1", "G2", "G3"))
    right.plot(
        guide,
        0.5 * least * guide / guide[0],
        color=GREY,
        linestyle=(0, (2, 3)),
        linewidth=1.3,
        label=r"$\propto\eta$",
    )
    for name, line, said in (
        (wrong, (0, (4, 3)), r"wrong: $\delta$ for $p$"),
        ("twice", "-.", "wrong: twice"),
        ("not symmetrised", (0, (1, 1.5)), "wrong: not symmetrised"),
    ):
        errors = [path_error(path, name, "G2") for path in paths]
        right.plot(
            rates,
            errors,
            color=RED,
            linewidth=1.2,
            linestyle=line,
            label=said,
        )
    right.set(
        xscale="log",
        yscale="log",
        xlabel=r"step size $\eta$",
        ylabel="error of the motion, relative",
    )
    right.set_xticks(rates[::-1], [f"1/{round(1 / rate)}" for rate in rates[::-1]])
    right.set_xticks([], minor=True)
    right.set_title("The error is of the order of the step")
    below(left, columns=2)
    below(right, columns=3)
    return figure


PICTURES: dict[str, Callable[[int], Figure]] = {
    "recursion-residuals": recursion_residuals,
    "kernel-cut": kernel_cut,
    "gram-flow": gram_flow,
}
"""Every picture by the name that the command line knows it by."""
