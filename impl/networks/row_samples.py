"""A few rows of every linear layer of a network, from one forward and one backward pass: what a
watched training can afford at every record.

Nothing of the size of all rows is kept: of the gradient at a layer's outputs the rows that are
looked at are taken while the backward pass runs, and patches of a convolution are made of those
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError, require, told
from theorems.impl.networks.nested import mapped
from theorems.impl.networks.product_rows import product_rows
from theorems.impl.networks.products import Products, unfused
from theorems.impl.networks.recording import Recording, record
from theorems.impl.networks.row_plans import (
    LayerRows,
    RowPlan,
    by_name,
    linked_layers,
    rows_kept,
)
from theorems.impl.networks.running import Inputs, run, undisturbed
from theorems.impl.networks.tracing import Loss, hooked, scalar_loss


@dataclass
class Samples:
    """The layers that autograd reached, by name, and what the model returned.

    ``stepwise`` says that recurrent layers had to be run step by step; ``linked`` are the readout
    and the layers from which the outputs are reached through linear layers alone, as far as their
    numbers tell, on all rows and with autograd's ∇_H L.
    """

    layers: dict[str, LayerRows] = field(default_factory=dict)
    linked: dict[str, LayerRows] = field(default_factory=dict)
    outputs: Any = None
    stepwise: bool = False


def row_samples(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    *,
    seed: int = 0,
    stepwise: bool = False,
    linked: bool = False,
    most: Callable[[int, int, int], int] = rows_kept,
) -> Samples:
    """Run ``loss(model(inputs), targets)`` forwards and backwards once and keep some rows of every
    linear layer; the model is left as it was.

    Args:
        model: any module; layers are found as by `impl.trace`, convolutions in groups left out.
        inputs: a tensor, a tuple of arguments or a dict of keyword arguments.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        seed: of dropout and other noise inside the model.
        stepwise: run recurrent layers step by step at once, as a network needs that has them.
        linked: also look for ``linked`` layers.
        most: how many rows of a layer are kept, of so many, of width d_in and d_out.

    Raises:
        InputError: as `impl.trace`.
    """
    look: dict[str, Any] = {"seed": seed, "most": most, "linked": linked}
    found = _looked_at(model, inputs, targets, loss, stepwise=stepwise, **look)
    if found.stepwise and not stepwise:
        again = None
        try:
            again = _looked_at(model, inputs, targets, loss, stepwise=True, **look)
        except InputError:  # the model asks for plain inputs: what could be seen is seen
            found.stepwise = False
        if again is not None:
            found.layers = again.layers | found.layers
    return found


def _looked_at(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    *,
    seed: int,
    most: Callable[[int, int, int], int],
    linked: bool,
    stepwise: bool,
) -> Samples:
    given = (
        mapped(inputs, lambda t: t.detach().clone().requires_grad_(t.is_floating_point()))
        if stepwise
        else inputs
    )
    with (
        undisturbed(model, seed),
        record(model) as seen,
        unfused() if stepwise else nullcontext(),
    ):
        outputs = run(model, given)
        value = scalar_loss(outputs, targets, loss)
        seen.finish()
        others = Products(model, value, seen)
        whole = linked_layers(seen.calls, outputs) if linked else frozenset()
        layers = _sampled(seen, value, others, most, whole)
    chain = {name: layers[name] for name in layers if name in whole}
    thin = {name: layer.thinned(most) for name, layer in layers.items()}
    return Samples(thin, chain, outputs, others.unsure or stepwise)


def _sampled(
    seen: Recording,
    value: Tensor,
    others: Products,
    most: Callable[[int, int, int], int],
    whole: frozenset[str],
) -> dict[str, LayerRows]:
    if not seen.calls and not others.found:
        return {}
    called = by_name(seen.calls)
    require(
        value.requires_grad,
        "expected a loss that depends on the model's layers, got one without gradient",
    )
    plans = {
        name: RowPlan(calls, seen.weights[name], most, whole=name in whole)
        for name, calls in called.items()
    }
    weights = [seen.weights[name] for name in plans]
    wanted: list[Any] = [*weights, *(t for plan in plans.values() for t in plan.asked)]
    try:
        with others.watched(), ExitStack() as stack:
            for name, plan in plans.items():
                plan.watch(called[name], stack)
            seen.calls.clear()
            called.clear()
            found = torch.autograd.grad(value, [*wanted, *others.edges], allow_unused=True)
    except Exception as error:
        raise InputError(
            "expected a loss that can be differentiated, but its backward pass raised "
            f"{told(error)}"
        ) from error
    layers: dict[str, LayerRows] = {}
    for (name, plan), gradient in zip(plans.items(), found[: len(plans)], strict=True):
        if gradient is not None and plan.reached:
            layers[name] = plan.rows(hooked(name, plan.layer, gradient.detach()))
    fields, _ = product_rows(others.found)
    return layers | {
        name: _of_product(parts) for name, parts in fields.items() if parts["weight"].ndim == 2
    }


def _of_product(parts: Mapping[str, Any]) -> LayerRows:
    weight, rows = parts["weight"], len(parts["inputs"])
    return LayerRows(
        weight.detach().clone(),
        parts["weight_grad"],
        parts["inputs"],
        parts["output_grad"],
        parts["input_grad"],
        torch.arange(rows, device=weight.device),
        rows,
    )
