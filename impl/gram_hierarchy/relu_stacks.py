"""Find the bias-free ReLU stacks inside any network, by what flows through it and not by how it is
written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.gram_hierarchy.gated import GatedNetwork
from theorems.impl.networks.recording import Call, Recording, record
from theorems.impl.networks.running import Inputs, run, undisturbed
from theorems.impl.networks.tracing import Loss, gradients, hooked, scalar_loss

LARGEST = 4096
"""Rows (outputs times samples) up to which pairs of rows are compared; beyond, use a smaller
batch.
"""


def stacks(
    model: nn.Module, inputs: Inputs, targets: Any, loss: Loss, *, seed: int = 0
) -> dict[str, GatedNetwork]:
    """Every maximal chain of bias-free linear layers with ReLU between them that ends in a linear
    readout.

    Layer b follows layer a if b's input is the ReLU of a's output, number for number, and the loss
    reads a's output in no other way: every path of the autograd graph from the loss to a's output
    runs through b's input. What gradient comes along that path is not asked: a ReLU with another
    derivative, or a hook on the way, is part of the stack, and contradicts the claims about it.
    Whatever comes before a stack is its data, whatever comes after it only shows in the residual
    ∂L/∂f; the readout (which may have a bias) is held fixed. C outputs on N samples are N·C rows.

    Args:
        model: any module.
        inputs: as for `impl.trace`.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        seed: of dropout and other noise inside the model.

    Returns:
        instances by "first layer → readout"; empty if there is no such stack.

    Raises:
        InputError: as `impl.trace`.
    """
    with undisturbed(model, seed), record(model) as seen:
        value = scalar_loss(run(model, inputs), targets, loss)
        seen.finish()
        if not seen.calls:
            return {}
        look_up = gradients(seen, value)
        found = {}
        for chain in _chains(seen, value):
            if chain[-1].outputs.numel() > LARGEST or look_up(chain[-1].outputs) is None:
                continue
            if all(_is_linear(c, seen.weights[c.name].detach()) for c in chain):
                found[f"{chain[0].name} → {chain[-1].name}"] = _instance(
                    chain, seen.weights, look_up
                )
        return found


def most_rows(model: nn.Module, inputs: Inputs, targets: Any, loss: Loss, *, seed: int = 0) -> int:
    """Outputs times samples of the largest stack that `stacks` would find, were it not too large; 0
    if there is none.

    Raises:
        InputError: as `impl.trace`.
    """
    with undisturbed(model, seed), record(model) as seen:
        value = scalar_loss(run(model, inputs), targets, loss)
        seen.finish()
        return max((chain[-1].outputs.numel() for chain in _chains(seen, value)), default=0)


def _chains(seen: Recording, value: Tensor) -> Iterator[list[Call]]:
    """The calls of each stack, first layer to readout."""
    times = Counter(call.name for call in seen.calls)
    linear = [c for c in seen.calls if isinstance(c.layer, nn.Linear) and times[c.name] == 1]
    after = {a.name: b for a in linear for b in linear if _follows(a, b, value)}
    before = {b.name for b in after.values()}
    for call in linear:
        if call.name in before or call.name not in after:
            continue
        chain = [call]
        while chain[-1].name in after:
            chain.append(after[chain[-1].name])
        yield chain


def _follows(a: Call, b: Call, value: Tensor) -> bool:
    if a is b or a.bias is not None or a.outputs.numel() != b.inputs.numel():
        return False
    out, into = a.outputs.detach().reshape(-1), b.inputs.detach().reshape(-1)
    if not torch.equal(out.clamp(min=0), into) or not bool((out > 0).any()):
        return False
    start, end, between = value.grad_fn, a.outputs.grad_fn, b.inputs.grad_fn
    if start is None or end is None or between is None:
        return False
    return (
        _reaches(between, end)
        and _reaches(start, between)
        and not _reaches(start, end, around=between)
    )


def _reaches(start: Any, end: Any, *, around: Any = None) -> bool:
    """Whether the backward pass from one node of the autograd graph arrives at another, not by way
    of ``around``.
    """
    waiting, known = [start], {start, around}
    while waiting:
        node = waiting.pop()
        if node is end:
            return True
        following = {other for other, _ in node.next_functions if other is not None} - known
        known |= following
        waiting += following
    return False


def _is_linear(call: Call, weight: Tensor) -> bool:
    """Whether the outputs are H Wᵀ + b up to rounding: a subclass may compute anything."""
    if len({weight.dtype, call.inputs.dtype, call.outputs.dtype}) > 1:
        return False  # autocast: formats change between the layers
    weight, inputs = weight.double(), call.inputs.detach().double()
    bias = torch.zeros(()) if call.bias is None else call.bias.detach().double()
    unit = torch.finfo(call.outputs.dtype).eps / 2
    # narrow formats sum in float32
    terms = weight.shape[-1] + 2 if unit <= torch.finfo(torch.float32).eps / 2 else 4
    gap = call.outputs.detach().double() - (inputs @ weight.mT + bias)
    return bool(
        (gap.abs() <= 2 * terms * unit * (inputs.abs() @ weight.abs().mT + bias.abs())).all()
    )


def _instance(
    chain: list[Call], weights: Mapping[str, Tensor], look_up: Callable[[Tensor], Tensor | None]
) -> GatedNetwork:
    hidden, readout = chain[:-1], chain[-1]
    classes = readout.outputs.shape[-1]

    def rows(tensor: Tensor) -> Tensor:
        flat = tensor.detach().reshape(-1, tensor.shape[-1]).double()
        return flat.repeat_interleave(classes, 0)

    def gradient(tensor: Tensor) -> Tensor:
        found = look_up(tensor)
        assert found is not None
        return found.double()

    residual = gradient(readout.outputs)
    samples = residual.numel() // classes
    return GatedNetwork(
        weights=tuple(weights[call.name].detach().double() for call in hidden),
        readout=weights[readout.name].detach().double().repeat(samples, 1),
        inputs=rows(hidden[0].inputs),
        masks=tuple(rows(call.outputs > 0) for call in hidden),
        residual=residual.reshape(-1),
        weight_velocity=tuple(
            -hooked(call.name, call.layer, gradient(weights[call.name])) for call in hidden
        ),
        unit=torch.finfo(readout.outputs.dtype).eps / 2,
    )
