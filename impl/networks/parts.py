"""Layers that are too large to look at whole: a few of their inputs, on all rows.

Every claim about one layer compares matrices (d_in, d_in) that are sums over all rows: WᵀX, HᵀX.
Their entries between the inputs in S need the columns S of W, H and their gradients and nothing
else. So the trace restricted to S is a trace, its claims are those of the whole layer at these
entries, and no row is left out.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.grad import conv1d_input, conv2d_input, conv3d_input

from theorems.impl.networks import patches
from theorems.impl.networks.layers import LayerTrace, LinearRows
from theorems.impl.networks.spec import generator

LARGEST_ROWS = 2**22
"""Entries of H up to which a layer is looked at whole."""
LARGEST_PRODUCT = 2**29
"""Multiplications of one (d_in, d_in) product, over as many layers as the network has, up to which
a layer is looked at whole.
"""
MOST, FEWEST, KEPT = 32, 8, 2**20
"""Inputs that are looked at: at most, at least, and in between as many as make this many entries of
H.
"""
CHECKED = 2**19
"""Entries of the rows, with all inputs, on which the outputs are compared with H Wᵀ + b."""

_ADJOINT: dict[int, Any] = {1: conv1d_input, 2: conv2d_input, 3: conv3d_input}


def columns(rows: int, d_in: int, d_out: int, *, seed: int, layers: int = 1) -> Tensor | None:
    """The inputs S of a large layer, drawn without replacement; None for a layer that can be looked
    at whole.
    """
    if rows * d_in <= LARGEST_ROWS and d_in * d_in * max(rows, d_out) * layers <= LARGEST_PRODUCT:
        return None
    kept = min(d_in, max(FEWEST, min(MOST, KEPT // rows)))
    return torch.randperm(d_in, generator=generator(seed))[:kept].sort().values


def said(kept: int, d_in: int, checked: int, rows: int) -> str:
    """What is looked at, for the table."""
    return f"{kept} of its {d_in} inputs (all {rows} rows; outputs on {checked})"


def some_rows(rows: int, d_in: int, *, seed: int) -> Tensor:
    """The rows on which outputs are compared."""
    count = min(rows, max(16, CHECKED // d_in))
    return torch.randperm(rows, generator=generator(seed + 1))[:count].sort().values


def restricted(layer: LayerTrace, *, seed: int, layers: int = 1) -> LayerTrace:
    """The same layer at a few of its inputs if it is large; a layer that is small, or restricted
    already, as it is.
    """
    rows, d_in, d_out = layer.inputs.shape[-2], layer.inputs.shape[-1], layer.weight.shape[-2]
    chosen = None if layer.part else columns(rows, d_in, d_out, seed=seed, layers=layers)
    if chosen is None:
        return layer
    chosen, checked = (
        chosen.to(layer.weight.device),
        some_rows(rows, d_in, seed=seed).to(layer.weight.device),
    )
    cut = {
        name: getattr(layer, name)[..., chosen]
        for name in ("weight", "inputs", "weight_grad", "input_grad")
    }
    whole = (
        None
        if layer.outputs is None
        else LinearRows(layer.weight, layer.inputs[..., checked, :], layer.outputs[..., checked, :])
    )
    magnitude = None if layer.grad_magnitude is None else layer.grad_magnitude[..., chosen]
    return replace(
        layer,
        **cut,
        outputs=None,
        grad_magnitude=magnitude,
        checked=whole,
        part=said(len(chosen), d_in, len(checked), rows),
    )


def convolution(
    conv: patches.Conv,
    weight: Tensor,
    images: Tensor,
    outputs: Tensor,
    input_grad: Tensor,
    output_grad: Tensor,
    chosen: Tensor,
    *,
    seed: int,
) -> dict[str, Any]:
    """The fields of a trace of one call of a convolution at the patch entries ``chosen``; no patch
    is unfolded whole.

    Args:
        conv: the layer.
        weight: its kernels, (d_out, C/groups, *k).
        images: what it read, (B, C, *space).
        outputs: what it returned, (B, d_out, *positions).
        input_grad: as autograd returned it, of the images' shape.
        output_grad: of the outputs' shape.
        chosen: indices into the C/groups·k entries of a patch.
        seed: of the rows on which outputs are compared.
    """
    matrix, delta = patches.weight_rows(conv, weight), patches.output_rows(conv, output_grad)
    some, within = _channels(conv, images, weight, chosen)
    few, input_grad, kernels = (
        images[:, some],
        input_grad[:, some],
        weight[:, some[: len(some) // conv.groups]],
    )
    # nothing rounds here
    delta, output_grad, input_grad = (
        delta.double(),
        output_grad.double(),
        input_grad.double(),
    )
    kernels = kernels.to(delta.dtype)
    missing = input_grad - _adjoint(conv, output_grad, kernels, few, conv.groups)
    counts = _adjoint(
        conv, torch.ones_like(output_grad[:1, :1]), torch.ones_like(kernels[:1, :1]), few[:1, :1], 1
    )
    correction = entries(conv, missing / counts.clamp(min=1), within)
    rows = delta.shape[-2]
    checked = some_rows(rows, matrix.shape[-1], seed=seed).to(delta.device)
    whole = LinearRows(
        matrix, rows_of(conv, images, checked), patches.output_rows(conv, outputs)[:, checked]
    )
    return {
        "weight": matrix[..., chosen],
        "inputs": entries(conv, few, within),
        "input_grad": delta @ matrix.to(delta.dtype)[..., chosen] + correction,
        "output_grad": delta,
        "outputs": None,
        "grad_terms": matrix.shape[-2] * int(counts.max()),
        "grad_magnitude": entries(conv, _magnitude(conv, output_grad, kernels, few), within),
        "checked": whole,
        "part": said(len(chosen), matrix.shape[-1], len(checked), rows),
    }


def _channels(
    conv: patches.Conv, images: Tensor, weight: Tensor, chosen: Tensor
) -> tuple[Tensor, Tensor]:
    """The channels of the images that the entries ``chosen`` read, group by group, and these
    entries among those of the channels alone.
    """
    offsets = math.prod(weight.shape[2:])
    channels, place = torch.unique(chosen // offsets, return_inverse=True)
    groups = torch.arange(conv.groups, device=chosen.device)[:, None] * (
        images.shape[1] // conv.groups
    )
    return (groups + channels).reshape(-1), place * offsets + chosen % offsets


def _adjoint(
    conv: patches.Conv, delta: Tensor, weight: Tensor, images: Tensor, groups: int
) -> Tensor:
    """The adjoint of the convolution by ``weight``: `patches.fold` of ``delta`` @ weight without
    the unfolded patches.
    """
    pads = patches.paddings(conv)
    mode = "constant" if conv.padding_mode == "zeros" else conv.padding_mode
    with torch.enable_grad():
        start = torch.zeros_like(images, dtype=delta.dtype).requires_grad_()
        padded = functional.pad(start, pads, mode=mode) if any(pads) else start * 1
        inner = _ADJOINT[len(conv.kernel_size)](
            padded.shape,
            weight,
            delta,
            stride=conv.stride,
            padding=0,
            dilation=conv.dilation,
            groups=groups,
        )
        return torch.autograd.grad(padded, start, inner)[0]


def _magnitude(conv: patches.Conv, delta: Tensor, weight: Tensor, images: Tensor) -> Tensor:
    """At least Σ|δ||W| of every entry of the images' gradient: by Cauchy and Schwarz over the
    channels of a group, ‖δ‖‖W‖ at each offset.
    """
    groups, batch = conv.groups, delta.shape[0]
    deltas = torch.linalg.vector_norm(
        delta.double().reshape(batch, groups, -1, *delta.shape[2:]), dim=2
    )
    kernels = torch.linalg.vector_norm(
        weight.double().reshape(groups, -1, *weight.shape[1:]), dim=1
    )
    return _adjoint(conv, deltas, kernels, images.double(), groups) * (1 + 2.0**-40)


def entries(conv: patches.Conv, images: Tensor, chosen: Tensor) -> Tensor:
    """Columns ``chosen`` of `patches.unfold`, (groups, B·L, |S|)."""
    seen, space = patches.windows(conv, images), len(conv.kernel_size)
    kernel, channels = tuple(seen.shape[2 + space :]), images.shape[1] // conv.groups
    channel, offsets = (
        chosen // math.prod(kernel),
        torch.unravel_index(chosen % math.prod(kernel), kernel),
    )
    found = []
    for group in range(conv.groups):
        index: Any = (slice(None), channel + group * channels, *[slice(None)] * space, *offsets)
        found.append(seen[index].reshape(len(chosen), -1).mT)
    return torch.stack(found)


def rows_of(conv: patches.Conv, images: Tensor, rows: Tensor) -> Tensor:
    """Rows ``rows`` of `patches.unfold`, (groups, R, C/groups·k)."""
    seen, space = patches.windows(conv, images), len(conv.kernel_size)
    where = torch.unravel_index(rows, (seen.shape[0], *seen.shape[2 : 2 + space]))
    index: Any = (where[0], slice(None), *where[1:])
    picked = seen[index]
    return picked.reshape(len(rows), conv.groups, -1).transpose(0, 1)
