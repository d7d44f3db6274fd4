"""Find the first layer of any network, read it, and run the rest of the network without its
inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from theorems.impl.errors import InputError, require, require_finite, told
from theorems.impl.networks.nested import mapped
from theorems.impl.networks.recording import LAYERS
from theorems.impl.networks.running import Inputs, run, undisturbed
from theorems.impl.networks.spec import generator
from theorems.impl.networks.tracing import scalar_loss

LossFunction = Callable[[Any, Any], Tensor]


@dataclass
class FirstLayer:
    """The first layer of one model.

    Args:
        name: its module name.
        module: the layer; None where the model has no fully connected first layer.
        obstacle: why claims about the first layer say nothing here, or None.
    """

    name: str
    module: nn.Linear | None
    obstacle: str | None = None

    def attach(self, model: nn.Module) -> None:
        """List the layer's own parameters and all others of ``model``."""
        assert self.module is not None
        named = dict(self.module.named_parameters(recurse=False))
        self.parameters = [named[name] for name in ("weight", "bias") if name in named]
        own = {id(p) for p in self.parameters}
        self.others = [p for p in model.parameters() if id(p) not in own]
        self.shape: tuple[int, ...] = ()
        self.rows = self.outputs = self.gradients = torch.empty(0)

    def same_in(self, model: nn.Module) -> FirstLayer:
        """The same layer of a copy of the model."""
        twin = FirstLayer(self.name, model.get_submodule(self.name))  # type: ignore[arg-type]
        twin.attach(model)
        twin.shape = self.shape
        return twin

    def with_ones(self, rows: Tensor) -> Tensor:
        """[X, 1] where the layer has a bias."""
        if len(self.parameters) == 1:
            return rows
        return torch.cat(
            [rows, torch.ones(*rows.shape[:-1], 1, dtype=rows.dtype, device=rows.device)], -1
        )

    def stacked_weight(self) -> Tensor:
        """[W, b] as one matrix."""
        weight, *bias = (p.detach().clone() for p in self.parameters)
        return torch.cat([weight, bias[0][:, None]], -1) if bias else weight

    def outputs_on(self, rows: Tensor) -> Tensor:
        """What the layer makes of rows that carry their column of ones: (N, k).

        Without its hooks: those on the way in have been at the rows already.

        Raises:
            InputError: for a layer that takes more than its rows.
        """
        assert self.module is not None
        with torch.no_grad():
            try:
                outputs: Tensor = self.module.forward(
                    rows[..., : self.parameters[0].shape[-1]].contiguous()
                )
            except Exception as error:
                raise InputError(
                    f"expected the first layer, {self.name!r}, to take rows and nothing else, but "
                    f"it raised {told(error)}"
                ) from error
            return outputs.clone()

    def backward(
        self, model: nn.Module, inputs: Inputs, targets: Any, loss: LossFunction
    ) -> tuple[Tensor, Tensor]:
        """Z and ∇_Z of one real pass, with ``.grad`` filled in for every parameter."""
        seen: list[tuple[Tensor, Tensor]] = []

        def watch(_: nn.Module, args: tuple[Any, ...], outputs: Tensor) -> Tensor:
            seen.append((args[0].detach(), outputs))
            if outputs.requires_grad:
                outputs.retain_grad()
            return outputs.clone()  # whatever comes next may work in place

        assert self.module is not None
        handle = self.module.register_forward_hook(watch)
        try:
            value = scalar_loss(run(model, inputs), targets, loss)
        finally:
            handle.remove()
        require(
            value.requires_grad,
            "expected a loss that depends on the model's parameters, got one without gradient",
        )
        layer_inputs, outputs = seen[0]
        require(
            outputs.requires_grad,
            f"expected autograd to follow the first layer, {self.name!r}, but it runs where "
            "gradients are off (under no_grad, or inside a reversible layer, which runs it again)",
        )
        value.backward()
        self.shape, d = tuple(outputs.shape), layer_inputs.shape[-1]
        self.rows = self.with_ones(layer_inputs.reshape(-1, d))
        self.outputs = outputs.detach().reshape(-1, outputs.shape[-1]).clone()
        gradient = torch.zeros_like(outputs) if outputs.grad is None else outputs.grad
        self.gradients = gradient.reshape(self.outputs.shape)
        return self.outputs, self.gradients

    def gradient(
        self,
        model: nn.Module,
        inputs: Inputs,
        targets: Any,
        loss: LossFunction,
        *,
        replaced: Tensor,
        accumulate: bool = False,
    ) -> Tensor:
        """∇_Z of the network with Z ``replaced``; ``accumulate`` fills in ``.grad`` of the other
        parameters.
        """
        assert self.module is not None
        handle = self.module.register_forward_hook(lambda *_: replaced.reshape(self.shape).clone())
        try:
            value = scalar_loss(run(model, inputs), targets, loss)
        finally:
            handle.remove()
        if not value.requires_grad:
            return torch.zeros_like(replaced)
        if accumulate:
            value.backward()
            found = replaced.grad
        else:
            (found,) = torch.autograd.grad(value, [replaced], allow_unused=True)
        return torch.zeros_like(replaced) if found is None else found


def first_layer(
    model: nn.Module, inputs: Inputs, targets: Any, loss: LossFunction, *, seed: int
) -> FirstLayer:
    """The first linear or convolutional layer that ``model`` calls, with the reason why claims may
    say nothing about it.

    Raises:
        InputError: for a model without such layers, or inputs and targets that it does not accept.
    """
    require(
        isinstance(model, nn.Module),
        f"expected a torch nn.Module as model, got {type(model).__name__}",
    )
    names = {m: name for name, m in model.named_modules() if isinstance(m, LAYERS)}
    kinds = ", ".join(sorted({type(m).__name__ for m in model.modules()}))
    require(bool(names), f"expected a model whose first layer is an nn.Linear, got one of {kinds}")
    for name, parameter in model.named_parameters():
        require_finite(f"parameter {name!r}", parameter.detach())
    calls: list[Any] = []
    handles = [m.register_forward_pre_hook(lambda m, _: calls.append(m)) for m in names]
    try:
        with undisturbed(model, seed), torch.no_grad():
            run(model, inputs)
    finally:
        for handle in handles:
            handle.remove()
    require(
        bool(calls),
        "expected the model to call its linear layers, got a forward pass that calls none",
    )
    module, name = calls[0], names[calls[0]]
    if not isinstance(module, nn.Linear):
        return FirstLayer(
            name,
            None,
            f"the first layer, {name!r}, is a {type(module).__name__}, not fully connected",
        )
    if parametrize.is_parametrized(module):
        return FirstLayer(
            name,
            None,
            f"the weight of the first layer, {name!r}, is parametrised: it is not what is trained",
        )
    if not module.weight.requires_grad:
        return FirstLayer(name, None, f"the first layer, {name!r}, is frozen")
    if calls.count(module) > 1:
        return FirstLayer(
            name, None, f"the first layer, {name!r}, is called {calls.count(module)} times"
        )
    layer = FirstLayer(name, module)
    layer.attach(model)
    layer.obstacle = _obstacle(layer, model, inputs, targets, loss, seed=seed)
    return layer


def _obstacle(
    layer: FirstLayer,
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: LossFunction,
    *,
    seed: int,
) -> str | None:
    """Compare the network with what is left of it when its inputs are noise and Z is given."""

    def gradients(blind: Tensor | None) -> list[Tensor | None]:
        for parameter in model.parameters():
            parameter.grad = None
        with undisturbed(model, seed):
            if blind is None:
                _, found = layer.backward(model, inputs, targets, loss)
            else:
                noise = blank(inputs)
                found = layer.gradient(model, noise, targets, loss, replaced=blind, accumulate=True)
        return [found, *(p.grad for p in [*layer.others, *layer.parameters])]

    real = gradients(None)
    again = gradients(None)
    z = layer.outputs.clone().requires_grad_()
    blind = gradients(z)
    for parameter in model.parameters():
        parameter.grad = None
    count = len(layer.parameters)
    if any(g is not None for g in blind[-count:]):
        return (
            f"the weights of the first layer, {layer.name!r}, are used a second time (tied, or "
            "in the loss)"
        )
    if not all(_same(a, b) for a, b in zip(real, again, strict=True)):
        return "the network is not deterministic: two passes with one seed differ"
    early = [
        a is not None and b is None for a, b in zip(real[1:-count], blind[1:-count], strict=True)
    ]
    if any(early):
        names = {id(p): name for name, p in model.named_parameters()}
        before = [names[id(p)] for p, flag in zip(layer.others, early, strict=True) if flag]
        return (
            f"parameters before the first layer, {layer.name!r}, are trained: {', '.join(before)}"
        )
    if not all(_same(a, b) for a, b in zip(real[:-count], blind[:-count], strict=True)):
        return f"the inputs are used elsewhere than in the first layer, {layer.name!r}"
    return None


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return torch.equal(a.to_dense(), b.to_dense())  # embeddings may have sparse gradients


def blank(inputs: Inputs) -> Inputs:
    """Inputs of the same shapes that hold nothing of the data: fixed noise in place of every
    floating-point tensor.
    """

    def noise(value: Tensor) -> Tensor:
        if not value.dtype.is_floating_point:
            return value
        return torch.randn(value.shape, generator=generator(1), dtype=torch.float64).to(value)

    blanked: Inputs = mapped(inputs, noise)
    return blanked
