"""One call of one layer in rows: samples, tokens or patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.networks import parts as in_part
from theorems.impl.networks import patches
from theorems.impl.networks.recording import Call


class Chosen:
    """The inputs of large convolutions that are looked at."""

    def __init__(self, seed: int, layers: int) -> None:
        """Of a network of so many layers."""
        self.seed, self.layers = seed, layers

    def of(self, calls: Sequence[Call]) -> Tensor | None:
        """Those of the layer that these calls are of; None if it is looked at whole."""
        layer = calls[0].layer
        if isinstance(layer, nn.Linear):
            return None
        shapes = [patches.output_shape(layer, tuple(call.inputs.shape)) for call in calls]
        rows = sum(math.prod(shape) // layer.out_channels for shape in shapes)
        d_in = math.prod(layer.weight.shape[1:])
        return in_part.columns(
            rows, d_in, layer.out_channels // layer.groups, seed=self.seed, layers=self.layers
        )


def rows(call: Call, weight: Tensor, input_grad: Tensor, output_grad: Tensor) -> dict[str, Any]:
    """The fields of one call, in rows; a convolution through its unfolded patches."""
    layer, inputs, outputs = call.layer, call.inputs.detach(), call.outputs.detach()
    bias = None if call.bias is None else call.bias.detach().clone()
    if isinstance(layer, nn.Linear):
        d_out, d_in = weight.shape
        return {
            "weight": weight,
            "bias": bias,
            "inputs": inputs.reshape(-1, d_in),
            "input_grad": input_grad.reshape(-1, d_in),
            "output_grad": output_grad.reshape(-1, d_out),
            "outputs": outputs.reshape(-1, d_out),
            "grad_terms": d_out,
            "grad_magnitude": None,
        }
    if inputs.ndim == len(layer.kernel_size) + 1:  # a single image without its batch dimension
        inputs, outputs, input_grad, output_grad = (
            t[None] for t in (inputs, outputs, input_grad, output_grad)
        )
    matrix = patches.weight_rows(layer, weight)
    delta = patches.output_rows(layer, output_grad)
    patch_grad, magnitude, terms = patch_gradient(layer, inputs, input_grad, delta, matrix)
    return {
        "weight": matrix,
        "bias": None if bias is None else bias.reshape(layer.groups, -1),
        "inputs": patches.unfold(layer, inputs),
        "input_grad": patch_grad,
        "output_grad": delta,
        "outputs": patches.output_rows(layer, outputs),
        "grad_terms": terms,
        "grad_magnitude": magnitude,
    }


def some_inputs(
    call: Call, weight: Tensor, input_grad: Tensor, output_grad: Tensor, chosen: Tensor, seed: int
) -> dict[str, Any]:
    """The fields of one call of a large convolution at a few of its inputs."""
    layer, tensors = (
        call.layer,
        (call.inputs.detach(), call.outputs.detach(), input_grad, output_grad),
    )
    assert not isinstance(layer, nn.Linear)
    if tensors[0].ndim == len(layer.kernel_size) + 1:
        tensors = (tensors[0][None], tensors[1][None], tensors[2][None], tensors[3][None])
    bias = None if call.bias is None else call.bias.detach().clone().reshape(layer.groups, -1)
    return {"bias": bias, **in_part.convolution(layer, weight, *tensors, chosen, seed=seed)}


def patch_gradient(
    conv: patches.Conv, inputs: Tensor, input_grad: Tensor, delta: Tensor, matrix: Tensor
) -> tuple[Tensor, Tensor, int]:
    """The patch gradient nearest to ∇_Z W among those that fold to what autograd returned, its
    Σ|terms|, and how many terms an entry has at most.

    Autograd shows the gradient of a convolution's input, where overlapping patches are summed.
    Spreading the difference from ∇_Z W evenly over the overlaps changes nothing when the backward
    pass is right, and shows any error of it otherwise. It is made in float64, so that nothing is
    rounded but what autograd rounded: sums over the filters and over the patches that read one
    entry.
    """
    delta, matrix, input_grad = delta.double(), matrix.double(), input_grad.double()
    direct = delta @ matrix
    overlaps = patches.fold(conv, torch.ones_like(direct), inputs).clamp(min=1)
    missing = input_grad - patches.fold(conv, direct, inputs)
    magnitude = patches.fold(conv, delta.abs() @ matrix.abs(), inputs)
    correction = patches.unfold(conv, missing / overlaps)
    return (
        direct + correction,
        patches.unfold(conv, magnitude),
        matrix.shape[-2] * int(overlaps.max()),
    )
