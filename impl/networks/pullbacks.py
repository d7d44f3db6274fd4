"""One forward pass of any network, ready to pull its outputs back to each linear layer, sample by
sample.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError, require, require_finite
from theorems.impl.networks import patches
from theorems.impl.networks.recording import Call, Inputs, record, require_layers, run
from theorems.impl.networks.sample_grams import Rows
from theorems.impl.networks.spec import generator

_TEMPORARY = 2**23
"""Bytes of a tensor that a batched backward pass may make at a layer; the best of 2^19 … 2^25 on
CNNs, with 2^22 on MLPs.
"""


class Pullback:
    """What each layer read on one batch, and the graph to differentiate the outputs by what it
    wrote.

    Args:
        model: returns one tensor (N, …), samples first, and treats samples one by one.
        inputs: what `impl.networks.recording.run` takes.
        names: of the layers wanted, each called at least once; None for all that are called.
        bias: whether biases count.

    Raises:
        InputError: see `impl.tangent_kernel`.
    """

    def __init__(
        self, model: nn.Module, inputs: Inputs, names: Collection[str] | None, *, bias: bool
    ) -> None:
        """Run the model once."""
        require_layers(model)
        with record(model) as seen:
            unknown = sorted(set(names or ()) - set(seen.layers))
            require(
                not unknown,
                f"expected layers among {', '.join(map(repr, seen.layers))}, got {unknown}",
            )
            values = run(model, inputs)
            seen.finish()
        for name, reason in (seen.skipped | seen.refused).items():
            require(
                names is not None and name not in names,
                f"expected layers that can be traced, got {name!r}: {reason}; leave it out "
                "with layers=[…]",
            )
        changing = sorted({call.layer_name for call in seen.calls if call.name != call.layer_name})
        require(
            not changing,
            f"expected layers with one weight throughout the pass, got {changing}, which "
            "run with several",
        )
        self.calls = [call for call in seen.calls if names is None or call.name in names]
        for call in self.calls:
            _check_linear(call, seen.weights[call.name])
        silent = sorted(set(names or ()) - {call.name for call in self.calls})
        require(
            not silent, f"expected layers that the model calls, got {silent}, which it does not"
        )
        require(
            bool(self.calls),
            "expected the model to call its linear layers, got a forward pass that calls none",
        )
        if not isinstance(values, Tensor):
            kind = type(values).__name__
            raise InputError(
                f"expected a model that returns one tensor (N, …), got {kind}; wrap it in "
                "one that picks a head"
            )
        shape = tuple(values.shape)
        require(
            values.ndim > 0 and values.numel() > 0,
            f"expected outputs of shape (N, …), samples first, got {shape}",
        )
        require_finite("the outputs", values.detach())
        require(
            values.requires_grad,
            "expected outputs that depend on the linear layers, got outputs without gradient",
        )
        self.values, self.samples, self.outputs = values, shape[0], values[0].numel()
        self.modules = {call.name: call.layer for call in self.calls}
        self.rows = {name: self._rows(name, bias=bias) for name in self.modules}
        self.batched = True  # until a backward function turns out not to be vectorisable
        order = torch.randperm(self.samples, generator=generator(0))
        self.probed, self.spared = (
            order[: (self.samples + 1) // 2],
            order[(self.samples + 1) // 2 :],
        )

    def _rows(self, name: str, *, bias: bool) -> Rows:
        layer = self.modules[name]
        groups = 1 if isinstance(layer, nn.Linear) else layer.groups
        parts = [_inputs(call, self.samples) for call in self.calls if call.name == name]
        read = parts[0] if len(parts) == 1 else torch.cat(parts, -1)
        return Rows(read, layer.weight.shape[0] // groups, bias and layer.bias is not None)

    def chunk(self) -> int:
        """How many outputs a backward pass should carry: larger temporaries leave the cache and
        gain nothing.
        """
        size = max(call.outputs.numel() * call.outputs.element_size() for call in self.calls)
        passes = -(-(self.outputs + 1) * size // _TEMPORARY)
        return -(-(self.outputs + 1) // passes)

    def deltas(self, start: int, stop: int) -> dict[str, Tensor]:
        """Gradients of outputs ``start`` … ``stop − 1`` by what each layer wrote: (c, N, g, d_out,
        T) by name.

        Each is summed over the samples before differentiating, which is harmless as long as samples
        do not mix. Output −1 is the test of that: a random half of the samples, which must leave
        the rows of the other half alone. It is not returned.
        """
        seeds = self.values.new_zeros(stop - start, self.samples, self.outputs)
        wanted = torch.arange(max(start, 0), stop)
        seeds[wanted - start, :, wanted] = 1
        if start < 0:
            seeds[0, self.probed] = torch.rand(self.outputs, generator=generator(0)).to(seeds) + 1
        found = self._backward(seeds.view(-1, *self.values.shape))
        deltas: dict[str, Tensor] = {}
        for name in self.modules:
            pairs = [
                (call, grad)
                for call, grad in zip(self.calls, found, strict=True)
                if call.name == name
            ]
            parts = [_outputs(call, grad, self.samples) for call, grad in pairs]
            deltas[name] = parts[0] if len(parts) == 1 else torch.cat(parts, -1)
        if start >= 0:
            return deltas
        for name, delta in deltas.items():
            require(
                not bool(delta[0, self.spared].any()),
                "expected a model that treats samples one by one and keeps them in the first "
                f"dimension, got outputs that depend on rows of other samples at layer {name!r}; "
                "use batch_first=True, or statistics that are not the batch's",
            )
        return {name: delta[1:] for name, delta in deltas.items()}

    def _backward(self, seeds: Tensor) -> list[Tensor]:
        """Gradients of the outputs weighted by each of ``seeds`` (c, N, …), by what every call
        wrote: (c, …) each.
        """
        live = [call.outputs for call in self.calls if call.outputs.requires_grad]
        found = self._batched(live, seeds) if self.batched and len(seeds) > 1 else None
        if found is None:
            each = [
                torch.autograd.grad(self.values, live, s, retain_graph=True, allow_unused=True)
                for s in seeds
            ]
            found = [
                None
                if parts[0] is None
                else parts[0][None]
                if len(parts) == 1
                else torch.stack(parts)
                for parts in zip(*each, strict=True)
            ]
        by_output = dict(zip(map(id, live), found, strict=True))
        grads = [by_output.get(id(call.outputs)) for call in self.calls]
        return [
            call.outputs.new_zeros(()).expand(len(seeds), *call.outputs.shape)
            if grad is None
            else grad
            for call, grad in zip(self.calls, grads, strict=True)
        ]

    def _batched(self, live: list[Tensor], seeds: Tensor) -> list[Tensor | None] | None:
        """All seeds in one vectorised pass; None, now and from now on, where some backward function
        cannot be vectorised.
        """
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="There is a performance drop")
                options = {"retain_graph": True, "allow_unused": True, "is_grads_batched": True}
                return list(torch.autograd.grad(self.values, live, seeds, **options))
        except RuntimeError:
            self.batched = False
            return None


def _check_linear(call: Call, weight: Tensor) -> None:
    """The closed forms hold for layers whose output is linear in their input: own ``forward``s and
    hooks may change that.
    """
    layer = call.layer
    kind = next(k for k in (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d) if isinstance(layer, k))
    if (
        type(layer).forward is kind.forward
        and "forward" not in vars(layer)
        and not layer._forward_hooks
    ):
        return
    with torch.no_grad():
        bias, read = layer.bias, call.inputs.detach()
        if isinstance(layer, nn.Linear):
            plain = nn.functional.linear(read, weight, bias)
        else:
            plain = layer._conv_forward(read, weight, bias)
    require(
        torch.equal(plain, call.outputs.detach()),
        f"expected layer {call.name!r} to compute {kind.__name__} of its input, got "
        f"{type(layer).__name__}, whose forward (or hook) computes something else; leave it out "
        "with layers=[…]",
    )


def _per_sample(call: Call, leading: int, samples: int) -> int:
    """How many leading rows of a call belong to one sample."""
    require(
        leading % samples == 0,
        f"expected every sample to have its own rows at layer {call.name!r}, got {leading} rows "
        f"for {samples} samples; the model must keep samples in the first dimension, and layers "
        "on shared data are to be left out with layers=[…]",
    )
    return leading // samples


def _inputs(call: Call, samples: int) -> Tensor:
    """What the call read: (N, g, d_in, T)."""
    layer, read = call.layer, call.inputs.detach()
    if isinstance(layer, nn.Linear):
        rows = _per_sample(call, read.numel() // read.shape[-1], samples)
        return read.reshape(samples, 1, rows, -1).mT
    images = read if read.ndim == len(layer.kernel_size) + 2 else read[None]
    columns = patches.columns(layer, images)
    each = _per_sample(call, len(columns), samples)
    return columns.reshape(samples, each, *columns.shape[1:]).movedim(1, -2).flatten(-2)


def _outputs(call: Call, grad: Tensor, samples: int) -> Tensor:
    """The gradient (c, …) by what the call wrote: (c, N, g, d_out, T)."""
    layer = call.layer
    if isinstance(layer, nn.Linear):
        return grad.reshape(len(grad), samples, 1, -1, grad.shape[-1]).mT
    images = grad if grad.ndim == len(layer.kernel_size) + 3 else grad[:, None]
    rows = images.reshape(
        len(grad),
        samples,
        -1,
        layer.groups,
        layer.out_channels // layer.groups,
        images[0, 0, 0].numel(),
    )
    return rows.movedim(2, -2).flatten(-2)
