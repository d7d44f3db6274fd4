"""The seam between any torch network and the claims: one `LayerTrace` per linear layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError, require, require_finite, told
from theorems.impl.networks import patches
from theorems.impl.networks.call_rows import Chosen, rows, some_inputs
from theorems.impl.networks.layer_errors import output_error
from theorems.impl.networks.layers import LayerTrace, LinearRows, Traces
from theorems.impl.networks.losses import no_broadcasting, require_finite_targets
from theorems.impl.networks.nested import mapped
from theorems.impl.networks.product_rows import product_rows
from theorems.impl.networks.products import Products, unfused
from theorems.impl.networks.recording import Layer, Recording, record
from theorems.impl.networks.running import Inputs, as_tensor_hint, run, undisturbed

__all__ = ["LayerTrace", "Loss", "Traces", "gradients", "scalar_loss", "trace"]

Loss: TypeAlias = Callable[[Any, Any], Tensor]


def trace(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    *,
    rate: float | None = None,
    decay: float | None = None,
    seed: int = 0,
    parts: bool = False,
    products: bool = True,
) -> Traces:
    """Run ``loss(model(inputs), targets)`` forwards and backwards once and return a trace per
    linear layer.

    The model is left as it was: hooks, ``.grad``, buffers (BatchNorm statistics) and random state
    are untouched.

    Args:
        model: any module. Its ``nn.Linear`` and ``nn.Conv1d/2d/3d`` are seen as they are called;
            every other product of a parameter with features (``x @ self.weight``,
            ``functional.linear``, packed projections, the steps of a recurrent layer) by what runs.
        inputs: a tensor, a tuple of arguments or a dict of keyword arguments; at least one sample.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        rate: learning rate η for claims about one step; by default the power of two nearest
            ‖W‖/‖∇_W‖, at which both orders of the step weigh alike.
        decay: weight decay λ for claims about decay; by default the power of two nearest ‖∇_W‖/‖W‖,
            at which decay and loss weigh alike.
        seed: of dropout and other noise inside the model.
        parts: whether large convolutions are looked at in part (see `impl.networks.parts`), so that
            their patches are never unfolded.

        products: whether products that no ``nn.Linear`` or ``nn.Conv`` makes are looked for (a
            second pass where a recurrent layer ran as one operation, or the products read the data
            themselves).

    Returns:
        traces by module name; calls of one module are more rows, groups of a convolution a leading
        dimension. Calls of one module with another weight (``functional_call``) follow as "name#2".
        Other products go by the name of their parameter, and "name[8:16]" for a part of it.
        ``left_out`` says why a layer has no trace: never called, called under ``torch.vmap``,
        differentiated twice, an output that is no layer's, a weight that enters no product of two
        matrices.

    Raises:
        InputError: for inputs that the model does not accept, targets that do not fit, NaN or
            infinity.
    """
    kind = (
        f"the class {model.__name__}; call it to make one"
        if isinstance(model, type)
        else type(model).__name__
    )
    require(isinstance(model, nn.Module), f"expected a torch nn.Module as model, got {kind}")
    given: dict[str, Any] = {"rate": rate, "decay": decay}
    for option, number in given.items():
        usable = isinstance(number, int | float) and math.isfinite(number) and number > 0
        require(
            usable or number is None,
            f"expected a positive, finite {option}, got {option}={number!r}",
        )
    look: dict[str, Any] = {"rate": rate, "decay": decay}
    with undisturbed(model, seed), record(model) as seen:
        outputs = run(model, inputs)
        value = scalar_loss(outputs, targets, loss)
        seen.finish()
        others = Products(model, value, seen) if products else None
        chosen = Chosen(seed, len(seen.layers)) if parts else None
        found = Traces(_collect(seen, value, others, chosen=chosen, **look), seen.left_out)
    if others is not None:
        more = _product_traces(others, look)
        if others.unsure:
            again = _looked_again(model, inputs, targets, loss, seed=seed, look=look)
            more = (
                more
                if again is None
                else (
                    {**again[0], **{k: v for k, v in more[0].items() if k not in again[0]}},
                    again[1],
                )
            )
        _add(found, *more, seen)
    for name, layer in found.items():
        known = output_error(layer, outputs, targets, loss)
        if known is not None:
            found[name] = replace(layer, output_error=known)
    return found


def _product_traces(
    products: Products, look: Mapping[str, Any]
) -> tuple[dict[str, LayerTrace], dict[str, str]]:
    """The traces of all products that ran backwards, and why others have none."""
    fields, silent = product_rows(products.found)
    return {
        name: _trace(name, parts, reached=True, **look) for name, parts in fields.items()
    }, products.left_out | silent


def _looked_again(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    *,
    seed: int,
    look: Mapping[str, Any],
) -> tuple[dict[str, LayerTrace], dict[str, str]] | None:
    """Products that autograd sends nothing back through: with inputs that take a gradient, and
    recurrent layers step by step.
    """
    differentiable = mapped(
        inputs, lambda t: t.detach().clone().requires_grad_(t.is_floating_point())
    )
    try:
        with undisturbed(model, seed), record(model) as seen, unfused():
            value = scalar_loss(run(model, differentiable), targets, loss)
            seen.finish()
            products = Products(model, value, seen)
            gradients(seen, value, products)
            return _product_traces(products, look)
    except InputError:
        return None  # the model asks for plain inputs: what could be seen is seen


def _add(
    found: Traces, traces: Mapping[str, LayerTrace], reasons: Mapping[str, str], seen: Recording
) -> None:
    """Add what the products show; of a layer that its product shows, or whose parameters are said
    to go unseen, nothing is said twice.
    """
    found.update(traces)
    owners = {name.partition("[")[0].partition("#")[0] for name in traces}
    for name in owners:
        found.left_out.pop(name.rpartition(".")[0], None)
    layers = tuple(f"{name}." for name in seen.layers)
    found.left_out |= {
        name: why
        for name, why in reasons.items()
        if not name.startswith(layers) and name not in owners
    }


def scalar_loss(outputs: Any, targets: Any, loss: Loss) -> Tensor:
    """The loss as one finite number, or an `InputError` that names both shapes."""
    function: Any = loss
    kind = (
        f"the class {loss.__name__}; call it to make one"
        if isinstance(loss, type)
        else type(loss).__name__
    )
    require(
        callable(function) and not isinstance(loss, type), f"expected a callable loss, got {kind}"
    )
    require_finite_targets(targets)
    try:
        with no_broadcasting(outputs, targets):
            value = loss(outputs, targets)
    except Exception as error:
        if isinstance(error, InputError):
            raise
        got = [
            f"{name} of shape {tuple(t.shape)} {t.dtype}"
            if isinstance(t, Tensor)
            else f"{name} {type(t).__name__}"
            for name, t in (("outputs", outputs), ("targets", targets))
        ]
        raise InputError(
            f"expected targets that the loss accepts, got {' and '.join(got)}: it raised "
            f"{told(error)}" + as_tensor_hint(targets)
        ) from error
    require(
        isinstance(value, Tensor),
        f"expected the loss to return a scalar tensor, got {type(value).__name__}",
    )
    require(
        value.numel() == 1,
        f"expected the loss to return a scalar, got shape {tuple(value.shape)}; sum or average it",
    )
    require_finite("the loss", value.detach())
    return value.reshape(())


def gradients(
    seen: Recording, value: Tensor, products: Products | None = None
) -> Callable[[Tensor], Tensor | None]:
    """Differentiate the loss once by every recorded tensor; look a gradient up by its tensor, None
    if there is no path.

    Products keep what they get and send back by themselves.

    Raises:
        InputError: if the loss does not depend on the parameters of any recorded layer.
    """
    tensors = [t for call in seen.calls for t in (call.inputs, call.outputs)]
    live = [t for t in (*tensors, *seen.weights.values()) if t.requires_grad]
    require(
        value.requires_grad,
        "expected a loss that depends on the model's layers, got one without gradient",
    )
    wanted: list[Any] = [*live, *([] if products is None else products.edges)]
    try:
        with nullcontext() if products is None else products.watched():
            found = torch.autograd.grad(value, wanted, allow_unused=True)
    except Exception as error:
        raise InputError(
            "expected a loss that can be differentiated, but its backward pass raised "
            f"{told(error)}"
        ) from error
    by_id = {
        id(t): g if g is None else g.detach() for t, g in zip(live, found[: len(live)], strict=True)
    }
    return lambda tensor: by_id.get(id(tensor))


def _collect(
    seen: Recording,
    value: Tensor,
    products: Products | None = None,
    *,
    rate: float | None,
    decay: float | None,
    chosen: Chosen | None = None,
) -> dict[str, LayerTrace]:
    """Differentiate and assemble the rows."""
    if not seen.calls and (products is None or not products.found):
        return {}
    called = list(dict.fromkeys(call.name for call in seen.calls))
    look_up = gradients(seen, value, products)

    def gradient(tensor: Tensor) -> Tensor:
        found = look_up(tensor)
        return torch.zeros_like(tensor) if found is None else found

    traces: dict[str, LayerTrace] = {}
    for name in called:
        calls = [call for call in seen.calls if call.name == name]
        weight = seen.weights[name]
        weight_grad = gradient(weight)
        weight_grad = hooked(name, calls[0].layer, weight_grad)
        kept = weight.detach().clone()  # a trace stays what it was when the model trains on
        some = None if chosen is None else chosen.of(calls)
        pieces = [
            rows(call, kept, gradient(call.inputs), gradient(call.outputs))
            if some is None or chosen is None
            else some_inputs(
                call,
                kept,
                gradient(call.inputs),
                gradient(call.outputs),
                some.to(kept.device),
                chosen.seed,
            )
            for call in calls
        ]
        parts = _join(pieces, calls[0].layer, weight_grad, some) | {"calls": len(calls)}
        reached = any(look_up(call.outputs) is not None for call in calls)
        traces[name] = _trace(name, parts, reached=reached, rate=rate, decay=decay)
    return traces


def _trace(
    name: str, parts: Mapping[str, Any], *, reached: bool, rate: float | None, decay: float | None
) -> LayerTrace:
    """The trace with its rate and decay, once for each network of a batch."""
    weight = parts["weight"]
    balanced = _balanced_rate(weight, parts["weight_grad"])
    step, shrink = balanced if rate is None else rate, 1 / balanced if decay is None else decay
    each: dict[str, Any] = {
        key: torch.full(weight.shape[:-2], number, dtype=torch.float64, device=weight.device)
        for key, number in (("rate", step), ("decay", shrink))
    }
    return LayerTrace(**parts, name=name, reached=reached, **each)


def hooked(name: str, layer: Layer, gradient: Tensor) -> Tensor:
    """The gradient after the hooks on the parameter, which are part of what its training sees."""
    for hook in (getattr(layer._parameters.get("weight"), "_backward_hooks", None) or {}).values():
        try:
            changed = hook(gradient)
        except Exception as error:
            raise InputError(
                f"expected a hook on the weight of {name!r} that takes its gradient, but it raised "
                f"{told(error)}"
            ) from error
        gradient = gradient if changed is None else changed
    return gradient


def _balanced_rate(weight: Tensor, weight_grad: Tensor) -> float:
    """The power of two nearest ‖W‖/‖∇_W‖; 1 where either is zero."""
    size, slope = (_log_norm(value) for value in (weight, weight_grad))
    return 2.0 ** max(-500, min(500, round(size - slope))) if math.isfinite(size - slope) else 1.0


def _log_norm(value: Tensor) -> float:
    """log₂‖value‖; by way of the largest entry where the squares are too large or too small for
    float64.
    """
    norm = torch.linalg.vector_norm(value, dtype=torch.float64).item()
    if 1e-150 < norm < math.inf:
        return math.log2(norm)
    top = float(value.abs().max())
    return (
        math.log2(top) + math.log2(torch.linalg.vector_norm(value.double() / top).item())
        if top > 0
        else -math.inf
    )


def unit_of(formats: Sequence[torch.dtype]) -> float:
    """Unit roundoff u of the coarsest format; (1 + u)² − 1 if there are several: autocast rounds a
    factor of each gradient too.
    """
    unit = max(torch.finfo(dtype).eps for dtype in formats) / 2
    return unit if len(set(formats)) == 1 else unit * (2 + unit)


def _join(
    pieces: Sequence[dict[str, Any]], layer: Layer, weight_grad: Tensor, some: Tensor | None = None
) -> dict[str, Any]:
    """The rows of several calls under one another; a single group needs no leading dimension."""
    joined = dict(pieces[0])
    joined["weight_grad"] = (
        weight_grad if isinstance(layer, nn.Linear) else patches.weight_rows(layer, weight_grad)
    )
    for name in ("inputs", "input_grad", "output_grad", "outputs", "grad_magnitude"):
        if len(pieces) > 1 and joined[name] is not None:
            joined[name] = torch.cat([piece[name] for piece in pieces], dim=-2)
    if some is not None:
        joined["weight_grad"] = joined["weight_grad"][..., some.to(weight_grad.device)]
    formats = [
        piece[name].dtype
        for piece in pieces
        for name in ("weight", "inputs", "outputs")
        if piece[name] is not None
    ]
    joined["unit"] = unit_of(
        [*formats, *(piece["checked"].outputs.dtype for piece in pieces if "checked" in piece)]
    )
    if not isinstance(layer, nn.Linear) and layer.groups == 1:
        joined |= {name: value[0] for name, value in joined.items() if isinstance(value, Tensor)}
        if some is not None:
            whole = joined["checked"]
            joined["checked"] = LinearRows(whole.weight[0], whole.inputs[0], whole.outputs[0])
    return joined
