"""The seam between any torch network and the claims: one `LayerTrace` per linear layer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from impl import patches
from impl.errors import InputError, require, require_finite
from impl.losses import check_targets
from impl.operands import Instance, Operand
from impl.recording import Call, Inputs, Layer, Recording, record, run, undisturbed

Loss: TypeAlias = Callable[[Any, Any], Tensor]


@dataclass(frozen=True, eq=False)
class LayerTrace(Instance):
    r"""One linear layer :math:`Z = HW^\top + b` during one backward pass; rows are samples, tokens or patches.

    Args:
        weight: W, (…, d_out, d_in); leading dimensions are a batch of networks, or the groups of a convolution.
        inputs: H, (…, N, d_in).
        weight_grad: :math:`\nabla_W L`, (…, d_out, d_in), through this layer only.
        input_grad: :math:`\nabla_H L`, (…, N, d_in), through this layer only.
        output_grad: :math:`\nabla_Z L`, (…, N, d_out).
        outputs: Z, (…, N, d_out), as the module computed it; None if not known.
        bias: b, (…, d_out); None where the layer has none.
        rate: learning rate η of the one step that claims about steps take, (…).
        decay: weight decay λ of claims about decay, (…).
        name: of the module.
        unit: unit roundoff of the format in which the network ran; read off the tensors unless given.
        grad_terms: how many products an entry of `input_grad` sums (d_out; times the kernel for convolutions).
        grad_magnitude: Σ|products| of each entry of `input_grad`, where it is not |∇_Z||W| (convolutions).
        reached: False where autograd found no path from the loss to the layer.

    Raises:
        InputError: shapes that do not fit one another, NaN or infinity, an empty batch.
    """

    weight: Operand
    inputs: Operand
    weight_grad: Operand
    input_grad: Operand
    output_grad: Operand
    outputs: Operand | None = None
    bias: Operand | None = None
    rate: Operand = 1.0
    decay: Operand = 1.0
    name: str = ""
    unit: float = 0.0
    grad_terms: int = 0
    grad_magnitude: Operand | None = None
    reached: bool = True

    def __post_init__(self) -> None:
        """Check shapes and numbers; fill in what can be read off them."""
        for name in ("rate", "decay"):
            if isinstance(getattr(self, name), int | float):
                object.__setattr__(self, name, torch.as_tensor(getattr(self, name), dtype=torch.float64))
        if not isinstance(self.weight, Tensor):
            return
        label = f" of layer {self.name!r}" if self.name else ""
        require(self.weight.ndim >= 2, f"expected a weight{label} of shape (…, d_out, d_in), got {tuple(self.weight.shape)}")
        *lead, d_out, d_in = self.weight.shape
        require(self.inputs.ndim >= 2, f"expected inputs{label} of shape (…, N, d_in), got {tuple(self.inputs.shape)}")
        rows = self.inputs.shape[-2]
        require(rows > 0, f"expected at least one row of inputs{label}, got {tuple(self.inputs.shape)}")
        wanted = {
            "inputs": (*lead, rows, d_in),
            "weight_grad": (*lead, d_out, d_in),
            "input_grad": (*lead, rows, d_in),
            "output_grad": (*lead, rows, d_out),
            "outputs": (*lead, rows, d_out),
            "bias": (*lead, d_out),
        }
        for name, shape in wanted.items():
            value = getattr(self, name)
            if value is None:
                continue
            require(isinstance(value, Tensor), f"expected a tensor as {name}{label}, got {type(value).__name__}")
            require(tuple(value.shape) == shape, f"expected {name}{label} of shape {shape}, got {tuple(value.shape)}")
        for name in ("weight", *wanted, "rate", "decay"):
            value = getattr(self, name)
            if isinstance(value, Tensor):
                require(value.dtype.is_floating_point, f"expected floating-point {name}{label}, got {value.dtype}")
                require_finite(f"{name}{label}", value)
        require(bool((self.rate > 0).all() and (self.decay > 0).all()), "expected a positive rate and decay")
        if self.unit == 0.0:
            tensors = (self.weight, self.inputs, self.output_grad, self.weight_grad, self.input_grad)
            object.__setattr__(self, "unit", max(torch.finfo(t.dtype).eps for t in tensors) / 2)
        if self.grad_terms == 0:
            object.__setattr__(self, "grad_terms", d_out)


def trace(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    *,
    rate: float | None = None,
    decay: float = 1.0,
    seed: int = 0,
) -> dict[str, LayerTrace]:
    """Run ``loss(model(inputs), targets)`` forwards and backwards once and return a trace per linear layer.

    The model is left as it was: hooks, ``.grad``, buffers (BatchNorm statistics) and random state are untouched.

    Args:
        model: any module with ``nn.Linear`` or ``nn.Conv1d/2d/3d`` in it; layers that are not called are left out.
        inputs: a tensor, a tuple of arguments or a dict of keyword arguments; at least one sample.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        rate: learning rate η for claims about one step; by default the power of two nearest ‖W‖/‖∇_W‖, at which both
            orders of the step weigh alike.
        decay: weight decay λ for claims about decay.
        seed: of dropout and other noise inside the model.

    Returns:
        traces by module name; calls of one module are more rows, groups of a convolution a leading dimension.

    Raises:
        InputError: for a model without such layers, inputs it does not accept, targets that do not fit, NaN or infinity.
    """
    require(isinstance(model, nn.Module), f"expected a torch nn.Module as model, got {type(model).__name__}")
    with undisturbed(model, seed), record(model) as seen:
        value = scalar_loss(run(model, inputs), targets, loss)
        require(bool(seen.calls), "expected the model to call its linear layers, got a forward pass that calls none")
        return _collect(seen, value, rate=rate, decay=decay)


def scalar_loss(outputs: Any, targets: Any, loss: Loss) -> Tensor:
    """The loss as one finite number, or an `InputError` that names both shapes."""
    check_targets(outputs, targets)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Using a target size")
            value = loss(outputs, targets)
    except Exception as error:
        if isinstance(error, InputError):
            raise
        got = [f"{name} of shape {tuple(t.shape)} {t.dtype}" if isinstance(t, Tensor) else f"{name} {type(t).__name__}"
               for name, t in (("outputs", outputs), ("targets", targets))]
        raise InputError(
            f"expected targets that the loss accepts, got {' and '.join(got)}: it raised {type(error).__name__}: {error}"
        ) from error
    require(isinstance(value, Tensor), f"expected the loss to return a scalar tensor, got {type(value).__name__}")
    require(value.numel() == 1, f"expected the loss to return a scalar, got shape {tuple(value.shape)}; sum or average it")
    require_finite("the loss", value.detach())
    return value.reshape(())


def gradients(seen: Recording, value: Tensor) -> Callable[[Tensor], Tensor | None]:
    """Differentiate the loss once by every recorded tensor; look a gradient up by its tensor, None if there is no path.

    Raises:
        InputError: if the loss does not depend on the parameters of any recorded layer.
    """
    tensors = [t for call in seen.calls for t in (call.inputs, call.outputs)]
    live = [t for t in (*tensors, *seen.weights.values()) if t.requires_grad]
    require(value.requires_grad, "expected a loss that depends on the model's layers, got one without gradient")
    found = torch.autograd.grad(value, live, allow_unused=True)
    by_id = {id(t): g if g is None else g.detach() for t, g in zip(live, found, strict=True)}
    return lambda tensor: by_id.get(id(tensor))


def _collect(seen: Recording, value: Tensor, *, rate: float | None, decay: float) -> dict[str, LayerTrace]:
    """Differentiate and assemble the rows."""
    called = list(dict.fromkeys(call.name for call in seen.calls))
    look_up = gradients(seen, value)

    def gradient(tensor: Tensor) -> Tensor:
        found = look_up(tensor)
        return torch.zeros_like(tensor) if found is None else found

    traces: dict[str, LayerTrace] = {}
    for name in called:
        calls = [call for call in seen.calls if call.name == name]
        weight = seen.weights[name]
        weight_grad = gradient(weight)
        for hook in (getattr(calls[0].layer._parameters.get("weight"), "_backward_hooks", None) or {}).values():
            changed = hook(weight_grad)  # a hook on the parameter is part of what its training sees
            weight_grad = weight_grad if changed is None else changed
        pieces = [_rows(call, weight.detach(), gradient(call.inputs), gradient(call.outputs)) for call in calls]
        parts = _join(pieces, calls[0].layer, weight_grad)
        step = _balanced_rate(parts["weight"], parts["weight_grad"]) if rate is None else rate
        options = {"dtype": torch.float64, "device": weight.device}
        traces[name] = LayerTrace(
            **parts,
            name=name,
            reached=any(look_up(call.outputs) is not None for call in calls),
            rate=torch.full(parts["weight"].shape[:-2], step, **options),
            decay=torch.full(parts["weight"].shape[:-2], decay, **options),
        )
    return traces


def _balanced_rate(weight: Tensor, weight_grad: Tensor) -> float:
    """The power of two nearest ‖W‖/‖∇_W‖; 1 where either is zero."""
    size, slope = float(weight.double().norm()), float(weight_grad.double().norm())
    return 2.0 ** max(-500, min(500, round(math.log2(size / slope)))) if size > 0 and slope > 0 else 1.0


def _rows(call: Call, weight: Tensor, input_grad: Tensor, output_grad: Tensor) -> dict[str, Any]:
    """The fields of one call, in rows; a convolution through its unfolded patches."""
    layer, inputs, outputs = call.layer, call.inputs.detach(), call.outputs.detach()
    bias = layer.bias.detach() if layer.bias is not None else None
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
        inputs, outputs, input_grad, output_grad = (t[None] for t in (inputs, outputs, input_grad, output_grad))
    matrix = patches.weight_rows(layer, weight)
    delta = patches.output_rows(layer, output_grad)
    patch_grad, magnitude = _patch_gradient(layer, inputs, input_grad, delta, matrix)
    return {
        "weight": matrix,
        "bias": None if bias is None else bias.reshape(layer.groups, -1),
        "inputs": patches.unfold(layer, inputs),
        "input_grad": patch_grad,
        "output_grad": delta,
        "outputs": patches.output_rows(layer, outputs),
        "grad_terms": matrix.shape[-2] * matrix.shape[-1],
        "grad_magnitude": magnitude,
    }


def _patch_gradient(
    conv: patches.Conv, inputs: Tensor, input_grad: Tensor, delta: Tensor, matrix: Tensor
) -> tuple[Tensor, Tensor]:
    """The patch gradient nearest to ∇_Z W among those that fold to what autograd returned, and its Σ|terms|.

    Autograd shows the gradient of a convolution's input, where overlapping patches are summed. Spreading the difference from
    ∇_Z W evenly over the overlaps changes nothing when the backward pass is right, and shows any error of it otherwise.
    """
    direct = delta @ matrix
    overlaps = patches.fold(conv, torch.ones_like(direct), inputs).clamp(min=1)
    missing = input_grad - patches.fold(conv, direct, inputs)
    magnitude = patches.fold(conv, delta.abs() @ matrix.abs(), inputs)
    correction = patches.unfold(conv, missing / overlaps)
    return direct + correction, patches.unfold(conv, magnitude)


def _join(pieces: Sequence[dict[str, Any]], layer: Layer, weight_grad: Tensor) -> dict[str, Any]:
    """The rows of several calls under one another; a single group needs no leading dimension."""
    joined = dict(pieces[0])
    joined["weight_grad"] = weight_grad if isinstance(layer, nn.Linear) else patches.weight_rows(layer, weight_grad)
    for name in ("inputs", "input_grad", "output_grad", "outputs", "grad_magnitude"):
        if len(pieces) > 1 and joined[name] is not None:
            joined[name] = torch.cat([piece[name] for piece in pieces], dim=-2)
    formats = [piece[name].dtype for piece in pieces for name in ("weight", "inputs", "outputs")]
    joined["unit"] = max(torch.finfo(dtype).eps for dtype in formats) / 2
    if not isinstance(layer, nn.Linear) and layer.groups == 1:
        joined |= {name: value[0] for name, value in joined.items() if isinstance(value, Tensor)}
    return joined
