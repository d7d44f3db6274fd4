"""Find the bias-free ReLU stacks inside any network, by what flows through it and not by how it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from impl.gated import GatedNetwork
from impl.recording import Call, Inputs, record, run, undisturbed
from impl.tracing import Loss, gradients, scalar_loss

LARGEST = 4096
"""Rows (outputs times samples) up to which pairs of rows are compared; beyond, use a smaller batch."""


def stacks(model: nn.Module, inputs: Inputs, targets: Any, loss: Loss, *, seed: int = 0) -> dict[str, GatedNetwork]:
    """Every maximal chain of bias-free linear layers with ReLU between them that ends in a linear readout.

    Layer b follows layer a if b's input is the ReLU of a's output, number for number, and nothing else reads a's output (its
    gradient is the masked gradient of b's input). Whatever comes before a stack is its data, whatever comes after it only shows in the
    residual ∂L/∂f; the readout (which may have a bias) is held fixed. C outputs on N samples are N·C rows.

    Args:
        model, inputs, targets, loss, seed: as for `impl.trace`.

    Returns:
        instances by "first layer → readout"; empty if there is no such stack.

    Raises:
        InputError: as `impl.trace`.
    """
    with undisturbed(model, seed), record(model) as seen:
        look_up = gradients(seen, scalar_loss(run(model, inputs), targets, loss))
        times = Counter(call.name for call in seen.calls)
        linear = [c for c in seen.calls if isinstance(c.layer, nn.Linear) and times[c.name] == 1]
        after = {a.name: b for a in linear for b in linear if _follows(a, b, look_up)}
        before = {b.name for b in after.values()}
        found = {}
        for call in linear:
            if call.name in before or call.name not in after:
                continue
            chain = [call]
            while chain[-1].name in after:
                chain.append(after[chain[-1].name])
            rows = chain[-1].outputs.numel()
            if rows <= LARGEST and look_up(chain[-1].outputs) is not None:
                speeds = tuple(-look_up(seen.weights[c.name]) for c in chain[:-1])  # type: ignore[operator]
                found[f"{chain[0].name} → {chain[-1].name}"] = _instance(chain, look_up, speeds)
        return found


def _follows(a: Call, b: Call, look_up: Callable[[Tensor], Tensor | None]) -> bool:
    if a is b or a.layer.bias is not None or a.outputs.numel() != b.inputs.numel():
        return False
    out, into = a.outputs.detach().reshape(-1), b.inputs.detach().reshape(-1)
    grad_out, grad_into = look_up(a.outputs), look_up(b.inputs)
    if grad_out is None or grad_into is None or not torch.equal(out.clamp(min=0), into):
        return False
    return torch.equal(grad_out.reshape(-1), grad_into.reshape(-1) * (out > 0))


def _instance(
    chain: list[Call], look_up: Callable[[Tensor], Tensor | None], speeds: tuple[Tensor, ...]
) -> GatedNetwork:
    hidden, readout = chain[:-1], chain[-1]
    classes = readout.outputs.shape[-1]

    def rows(tensor: Tensor) -> Tensor:
        flat = tensor.detach().reshape(-1, tensor.shape[-1]).double()
        return flat.repeat_interleave(classes, 0)

    residual = look_up(readout.outputs)
    assert residual is not None
    samples = residual.numel() // classes
    return GatedNetwork(
        weights=tuple(call.layer.weight.detach().double() for call in hidden),
        readout=readout.layer.weight.detach().double().repeat(samples, 1),
        inputs=rows(hidden[0].inputs),
        masks=tuple(rows(call.outputs > 0) for call in hidden),
        residual=residual.double().reshape(-1),
        weight_velocity=tuple(speed.double() for speed in speeds),
        unit=torch.finfo(readout.outputs.dtype).eps / 2,
    )
