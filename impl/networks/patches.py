"""Convolutions as linear layers: patches in rows, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

Conv: TypeAlias = nn.Conv1d | nn.Conv2d | nn.Conv3d


def paddings(conv: Conv) -> list[int]:
    """Padding in the order of ``functional.pad``: last dimension first, (before, after) each."""
    pads: list[int] = []
    for i in reversed(range(len(conv.kernel_size))):
        if conv.padding == "same":
            total = conv.dilation[i] * (conv.kernel_size[i] - 1)
            pads += [total // 2, total - total // 2]
        elif conv.padding == "valid":
            pads += [0, 0]
        else:
            pads += [int(conv.padding[i])] * 2
    return pads


def windows(conv: Conv, images: Tensor) -> Tensor:
    r"""What ``conv`` sees at each output position, as a view of the padded images.

    Args:
        conv: any stride, padding (mode), dilation and groups; one, two or three spatial dimensions.
        images: (B, C, \*space), of any memory format.

    Returns:
        (B, C, \*positions, \*kernel); differentiable.
    """
    mode = "constant" if conv.padding_mode == "zeros" else conv.padding_mode
    pads = paddings(conv)
    padded = functional.pad(images, pads, mode=mode) if any(pads) else images
    for i, (size, stride, dilation) in enumerate(
        zip(conv.kernel_size, conv.stride, conv.dilation, strict=True)
    ):
        padded = padded.unfold(2 + i, dilation * (size - 1) + 1, stride)[..., ::dilation]
    return padded


def unfold(conv: Conv, images: Tensor, positions: Sequence[int] = ()) -> Tensor:
    r"""The patches that ``conv`` sees, one per row.

    Args:
        conv: see `windows`.
        images: (B, C, \*space), of any memory format.
        positions: how many output positions count in each dimension, the first ones; by default
            all.

    Returns:
        (groups, B·L, C/groups·k) with L output positions and k kernel entries; differentiable.
    """
    seen, space = windows(conv, images), len(conv.kernel_size)
    kept: Any = (..., *map(slice, positions), *[slice(None)] * space)
    seen = seen[kept] if positions else seen
    batch, channels = seen.shape[:2]
    where, kernel = seen.shape[2 : 2 + space], seen.shape[2 + space :]
    grouped = seen.reshape(batch, conv.groups, channels // conv.groups, *where, *kernel)
    order = (1, 0, *range(3, 3 + space), 2, *range(3 + space, 3 + 2 * space))
    rows = batch * int(torch.Size(where).numel())
    return grouped.permute(order).reshape(conv.groups, rows, -1)


def output_shape(conv: Conv, shape: tuple[int, ...]) -> tuple[int, ...]:
    """What ``conv`` makes of inputs of ``shape``, with or without their batch dimension."""
    lead, space = shape[: -len(conv.kernel_size) - 1], shape[-len(conv.kernel_size) :]
    pads = paddings(conv)[::-1]
    sizes = [
        (size + pads[2 * i] + pads[2 * i + 1] - conv.dilation[i] * (conv.kernel_size[i] - 1) - 1)
        // conv.stride[i]
        + 1
        for i, size in enumerate(space)
    ]
    return (*lead, conv.out_channels, *sizes)


def columns(conv: Conv, images: Tensor) -> Tensor:
    """The patches of `unfold`, one per column and image by image: (B, groups, C/groups·k, L)."""
    seen, space = windows(conv, images), len(conv.kernel_size)
    order = (0, 1, *range(2 + space, 2 + 2 * space), *range(2, 2 + space))
    positions = int(torch.Size(seen.shape[2 : 2 + space]).numel())
    return seen.permute(order).reshape(seen.shape[0], conv.groups, -1, positions)


def output_rows(conv: Conv, outputs: Tensor) -> Tensor:
    r"""Outputs (B, d_out, \*space) as rows (groups, B·L, d_out/groups), in the order of
    `unfold`.
    """
    batch = outputs.shape[0]
    grouped = outputs.reshape(batch, conv.groups, outputs.shape[1] // conv.groups, -1)
    return grouped.permute(1, 0, 3, 2).reshape(conv.groups, -1, outputs.shape[1] // conv.groups)


def weight_rows(conv: Conv, weight: Tensor) -> Tensor:
    r"""Kernels (d_out, C/groups, \*k) as matrices (groups, d_out/groups, C/groups·k)."""
    return weight.reshape(conv.groups, weight.shape[0] // conv.groups, -1)


def fold(conv: Conv, patches: Tensor, like: Tensor) -> Tensor:
    """The adjoint of `unfold`: patches summed back into images of the shape of ``like``."""
    with torch.enable_grad():
        images = torch.zeros_like(like, dtype=patches.dtype).requires_grad_()
        return torch.autograd.grad(unfold(conv, images), images, patches)[0]
