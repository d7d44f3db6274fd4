"""Hypothesis strategies of integrated flows: few distinct configurations, since each is integrated
when it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from theorems.impl.kernel_flows.flow_runs import escapes, run
from theorems.impl.kernel_flows.spectral import Escapes, FlowEnd, SpectralTask
from theorems.impl.networks.spec import generator
from theorems.impl.strategies.flows import gaussians, number

_SPECTRA = (
    (3.0, 2.0), (3.0, 3.0, 1.5), (2.5,), (4.0, 0.5), (3.0, 1e-6, 0.0), (0.5, 0.3), (2.0, 1.5, 0.7),
)  # fmt: skip
"""s/√(λμ): repeated, zero, tiny, all inactive, one class; none near the threshold, where rest is
approached like 1/t.
"""


@lru_cache(maxsize=64)
def _task(spectrum: int, rows: int, extra: int, seed: int) -> SpectralTask:
    normal = gaussians(generator(seed))
    relative = _SPECTRA[spectrum]
    decay, root = (1.0, 1.0) if seed % 2 else (0.5, 1.5)
    classes = len(relative) + extra
    modes = min(rows, len(relative))
    values = torch.zeros(rows, dtype=torch.float64)
    values[:modes] = torch.tensor(relative[:modes], dtype=torch.float64) * decay * root
    right = torch.zeros(classes, rows, dtype=torch.float64)
    right[:, :modes] = torch.linalg.qr(normal(classes, classes))[0][:, :modes]
    return SpectralTask(
        torch.linalg.qr(normal(rows, rows))[0],
        values,
        right,
        number(decay),
        number(root),
        normal(rows).abs(),
    )


@st.composite
def _tasks(draw: Callable[..., Any]) -> tuple[SpectralTask, int]:
    seed = draw(st.integers(0, 1))
    return _task(
        draw(st.integers(0, len(_SPECTRA) - 1)),
        draw(st.sampled_from([2, 4, 6])),
        draw(st.integers(0, 1)),
        seed,
    ), seed


@lru_cache(maxsize=256)
def _run(task: SpectralTask, seed: int, how: str, flaw: str) -> FlowEnd:
    normal = gaussians(generator(seed + 1000))
    rows, classes = task.left.shape[0], task.right.shape[0]
    active = int(task.active.sum())
    width = max(active, 1) + seed % 3
    features, readout = normal(rows, width) * 0.5, normal(classes, width) * 0.5
    if flaw == "a mode without overlap":
        lost = task.left[:, :1]
        features, readout = (
            features - lost @ (lost.mT @ features),
            readout - task.right[:, :1] @ (task.right[:, :1].mT @ readout),
        )
    if flaw == "too narrow":
        features, readout = features[:, : active - 1], readout[:, : active - 1]
    if flaw:
        return run(task, features, readout, how=how, flaw=flaw, rate=0.2 * float(task.decay))
    return run(task, features, readout, how=how)


@st.composite
def _ends(draw: Callable[..., Any], kinds: tuple[str, ...], flaw: str = "") -> FlowEnd:
    task, seed = (
        draw(_tasks())
        if not flaw
        else (_along_axes(draw(st.sampled_from([1.5, 2.0, 3.0]))), draw(st.integers(0, 2)))
    )
    return _run(task, seed, draw(st.sampled_from(kinds)), flaw)


@lru_cache(maxsize=8)
def _along_axes(second: float) -> SpectralTask:
    """Labels along the axes: a zero overlap is zero in floats too, and rounding cannot wake the
    mode.
    """
    eye = torch.eye(3, dtype=torch.float64)
    return SpectralTask(
        eye, torch.tensor([3.0, second, 0.0]).double(), eye[:2], number(1.0), number(1.0), eye[0]
    )


_FAST = ("factored flow", "gradient descent", "kernel ODE")


def kernel_ends() -> st.SearchStrategy[FlowEnd]:
    """Ends of the flow with fast readout, three ways; integrated once per configuration and
    remembered.
    """
    return _ends(_FAST)


def coupled_ends() -> st.SearchStrategy[FlowEnd]:
    """Ends of the coupled flow."""
    return _ends(("coupled flow",))


def blind_starts() -> st.SearchStrategy[FlowEnd]:
    """K(0) without overlap with an active mode: it stays missing."""
    return _ends(("factored flow",), "a mode without overlap")


def blind_coupled_starts() -> st.SearchStrategy[FlowEnd]:
    """Φ(0) and A(0) without overlap with an active mode."""
    return _ends(("coupled flow",), "a mode without overlap")


def narrow_starts() -> st.SearchStrategy[FlowEnd]:
    """Fewer features than active modes."""
    return _ends(("factored flow",), "too narrow")


def narrow_coupled_starts() -> st.SearchStrategy[FlowEnd]:
    """Fewer features than active modes in the coupled flow."""
    return _ends(("coupled flow",), "too narrow")


@lru_cache(maxsize=32)
def _escape(spectrum: tuple[float, ...], seed: int) -> Escapes:
    normal = gaussians(generator(seed))
    rows = len(spectrum) + 1
    # λ = μ = 1 alone would let any of them stand for another
    decay, root = ((1.0, 1.0), (0.5, 1.5))[seed % 2]
    values: Tensor = torch.tensor([*spectrum, 0.0], dtype=torch.float64) * (decay * root)
    right = torch.zeros(len(spectrum), rows, dtype=torch.float64)
    right[:, :-1] = torch.linalg.qr(normal(len(spectrum), len(spectrum)))[0]
    left = torch.linalg.qr(normal(rows, rows))[0]
    return escapes(
        SpectralTask(left, values, right, number(decay), number(root), normal(rows).abs())
    )


def escape_runs() -> st.SearchStrategy[Escapes]:
    """Growth beside all 2^r − 1 proper subsets of r ≤ 4 active modes; eight configurations,
    integrated once each.
    """
    spectra = st.sampled_from([(2.0,), (2.0, 1.5), (3.0, 2.0, 1.25), (4.0, 3.0, 2.0, 1.5)])
    return st.builds(_escape, spectra, st.integers(0, 1))


def weak_labels() -> st.SearchStrategy[Escapes]:
    """Runs whose missing modes are said to be weaker than the threshold."""
    return escape_runs().map(lambda runs: replace(runs, values=runs.values / 16))
