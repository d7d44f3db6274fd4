"""Minibatch noise: how a batch's gradient differs from the full one, on free features and at any
network's readout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Slack
from theorems.impl.kernel_flows.decayed import UNIT, _softmax, readout_of, shift_error
from theorems.impl.kernel_flows.flow_errors import enclosed_noise, moved_noise, own_rounding
from theorems.impl.kernel_flows.objectives import SHIFT_FREE, Loss, loss_named
from theorems.impl.networks.double import loss_in_double, widened
from theorems.impl.networks.running import Inputs, run, undisturbed
from theorems.impl.networks.spec import generator
from theorems.impl.networks.tracing import LayerTrace, trace
from theorems.impl.networks.widening import throughout
from theorems.impl.numbers.operands import Operand

Reduction: TypeAlias = Literal["mean", "sum"]


@dataclass(frozen=True, eq=False)
class MinibatchNoise(Instance):
    r"""The noise of B minibatches of one size at the features that a linear readout reads: F = ΦAᵀ
    (+ bias).

    Times b/N and b, so that integers stay integral: :math:`\mathrm{noise} =
    N\,\nabla_Φ\ell_{\mathrm{batch}} - b\,\nabla_Φ\ell`, of summed losses.

    Args:
        features: Φ, (N, P).
        readout: A, (C, P).
        output_grad: G = ∂ℓ/∂F of the summed loss, measured, (N, C).
        counts: how often each sample is in each batch, (B, N).
        batch_grad: N·∇_Φ ℓ_batch, measured, (B, N, P).
        full_grad: ∇_Φ ℓ, measured, (N, P).
        size: b, ().
        output_error: as in `impl.kernel_flows.decayed.DecayedMatrix`; of other losses what their
            own rounding does to G, as far as the batches show it.
        shift_free: whether the loss is softmax cross-entropy.
        rescaled: 1/N of a mean loss was multiplied out: G carries that rounding.
        unit: unit roundoff of the format in which the network ran.
        flaw: what is wrong with the readout on purpose or by nature ("nonlinear readout"); empty if
            nothing.
    """

    alone = ("features", 2)

    granted: ClassVar[Mapping[str, Slack]] = {"output_grad": lambda noise: noise.output_error}

    features: Operand
    readout: Operand
    output_grad: Operand
    counts: Operand
    batch_grad: Operand
    full_grad: Operand
    size: Operand
    output_error: Operand | None = None
    shift_free: bool = False
    rescaled: bool = False
    unit: float = 2.0**-53
    flaw: str = ""

    def __post_init__(self) -> None:
        """Check shapes."""
        rows, width = self.features.shape
        require(
            self.readout.shape[-1] == width,
            f"expected a readout of shape (C, {width}), got {tuple(self.readout.shape)}",
        )
        batches, samples = self.counts.shape
        require(
            samples == rows, f"expected counts of shape (B, {rows}), got {tuple(self.counts.shape)}"
        )
        wanted = {
            "output_grad": (rows, self.readout.shape[-2]),
            "full_grad": (rows, width),
            "batch_grad": (batches, rows, width),
        }
        for name, shape in wanted.items():
            got = tuple(getattr(self, name).shape)
            require(got == shape, f"expected {name} of shape {shape}, got {got}")

    @property
    def classes(self) -> int:
        """C, the number of outputs."""
        found: int = self.readout.shape[-2]
        return found

    @property
    def batch(self) -> int:
        """b, as a plain number (of symbols, the symbol)."""
        return self.size if hasattr(self.size, "smaller") else int(self.size)

    @property
    def noise(self) -> Operand:
        """N∇ℓ_batch − b∇ℓ, (B, N, P): the noise times b."""
        return self.batch_grad - self.full_grad * self.size[..., None, None]

    def enclosed(self) -> Any:
        """Both gradients with the rounding of their products."""
        return enclosed_noise(self)

    def moved(self, **fields: Any) -> Any:
        """Under another gradient at the outputs."""
        return moved_noise(self, fields["output_grad"])


def minibatches(samples: int, size: int, number: int, *, replacement: bool, seed: int) -> Tensor:
    """How often each of N samples is in each of ``number`` random batches of ``size``, (B, N) of
    whole numbers.

    Raises:
        InputError: for a size below one, or above N without replacement.
    """
    require(
        size >= 1 and number >= 1,
        f"expected at least one sample and one batch, got size={size} and number={number}",
    )
    require(
        replacement or size <= samples,
        f"expected a batch of at most {samples} samples without replacement, got "
        f"size={size}; draw with replacement",
    )
    source = generator(seed)
    counts = torch.zeros(number, samples, dtype=torch.float64)
    for row in counts:
        if replacement:
            drawn = torch.randint(samples, (size,), generator=source)
        else:
            drawn = torch.randperm(samples, generator=source)[:size]
        row.index_add_(0, drawn, torch.ones(size, dtype=torch.float64))
    return counts


def feature_noise(
    features: Tensor, readout: Tensor, targets: Tensor, counts: Tensor, *, loss: str = "squared",
    activation: Callable[[Tensor], Tensor] | None = None,
) -> MinibatchNoise:  # fmt: skip
    """Minibatch noise of free features, measured: autograd of the loss of each batch, and of the
    whole.

    Args:
        features: Φ, (N, P).
        readout: A, (C, P).
        targets: Y, (N, C).
        counts: from `minibatches`, (B, N), the same sum in each row.
        loss: a name that `impl.kernel_flows.objectives.loss_named` knows.
        activation: what the features go through before the readout; None for nothing, as every
            claim about this noise presupposes.
    """

    def outputs(phi: Tensor) -> Tensor:
        return (phi if activation is None else activation(phi)) @ readout.mT

    return _measure(
        features,
        readout,
        outputs,
        lambda index, f: loss_named(loss)(f, targets[index]),
        counts,
        scale=1.0,
        output_error=_gradient_error(loss, outputs(features), targets),
        shift_free=loss in SHIFT_FREE,
        unit=2.0**-53,
        flaw="" if activation is None else "the features reach the outputs through an activation",
        own=True,
    )


def _gradient_error(loss: str, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """How far the gradients that two batches find for one sample can be apart, for one of our
    losses; None for not at all.

    A sigmoid is evaluated by other code in a vector's tail than in its body: σ(f) − t with σ
    accurate to 4 units in the last place, twice over.
    """
    if loss != "logistic":
        return shift_error(loss, outputs, targets)
    return UNIT * (10 * outputs.sigmoid() + 4 * targets.abs())


def readout_noise(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    counts: Tensor,
    *,
    readout: str | None = None,
    reduction: Reduction | None = None,
) -> MinibatchNoise:
    """Minibatch noise at the input of a torch network's linear readout: each sample's features move
    on their own.

    Args:
        model: any module that ends in an ``nn.Linear`` on (N, P) features.
        inputs: a batch, as for `impl.trace`.
        targets: class indices (N,) or values (N, C): one row per sample.
        loss: of outputs and targets to a scalar, the mean or the sum over samples.
        counts: from `minibatches`, (B, N).
        readout: name of the last linear layer; by default the one whose outputs are the network's,
            else the last one called.
        reduction: whether ``loss`` is a mean or a sum; by default found out by evaluating it on
            single samples.

    Raises:
        InputError: as `impl.trace`; an unknown readout; a loss that is neither.
    """
    layers = trace(model, inputs, targets, loss)
    with undisturbed(model, 0), torch.no_grad():
        outputs = run(model, inputs)
    found = readout_of(layers, outputs)
    last = readout or found or list(layers)[-1]
    require(last in layers, f"expected readout to be one of {sorted(layers)}, got readout={last!r}")
    flaw = "" if last == found else f"the outputs of {last!r} are not the network's outputs"
    layer = layers[last]
    if reduction is None and not flaw:
        reduction = reduction_of(layer, targets, loss)
        require(
            reduction is not None,
            "expected a loss that is the mean or the sum over samples, got neither",
        )
    return noise_at(layer, targets, loss, counts, reduction=reduction or "mean", flaw=flaw)


def noise_at(
    layer: LayerTrace,
    targets: Any,
    loss: Loss,
    counts: Tensor,
    *,
    reduction: Reduction,
    flaw: str = "",
) -> MinibatchNoise:
    """Minibatch noise at the input of a traced readout, of the first samples if ``targets`` and
    ``counts`` speak of fewer.

    Raises:
        InputError: features that are not one row per sample.
    """
    rows = counts.shape[1]
    require(
        layer.weight.ndim == 2 and layer.inputs.shape[-2] >= rows == len(targets),
        f"expected one row of features per sample at {layer.name!r}, got "
        f"{layer.inputs.shape[-2]} rows for {len(targets)} targets",
    )
    # the trace shares the model's storage, which training overwrites
    weight = layer.weight.detach().clone()
    bias = None if layer.bias is None else layer.bias.detach().clone()

    def outputs(phi: Tensor) -> Tensor:
        # autocast narrows features, not weights
        return nn.functional.linear(phi.to(weight.dtype), weight, bias)

    seen = None if layer.outputs is None else layer.outputs[:rows]
    soft, error = _softmax(loss, layer, seen, targets)
    scale = float(rows) if reduction == "mean" else 1.0
    if error is not None:
        error = error[:rows] * (layer.inputs.shape[-2] if reduction == "mean" else 1.0)
    return _measure(
        layer.inputs[:rows],
        weight,
        outputs,
        lambda index, f: loss(f, targets[index]),
        counts,
        scale=scale,
        output_error=error,
        shift_free=soft,
        unit=layer.unit,
        flaw=flaw,
        own=False,
    )


def reduction_of(layer: LayerTrace, targets: Tensor, loss: Loss) -> Reduction | None:
    """Whether ``loss`` of the layer's outputs is the sum or the mean of its values on single
    samples; None if neither, or if it cannot be told.

    Evaluated in float64 where the loss can be: in bfloat16 the two are the same to rounding from a
    few samples on.
    """
    outputs = layer.outputs
    if outputs is None or len(outputs) != len(targets):
        return None
    rows, width, values = len(targets), outputs.shape[-1], None
    try:
        with throughout():
            values = _on_single_samples(widened(outputs), widened(targets), loss_in_double(loss))
        unit = 2.0**-53
    except Exception:  # noqa: BLE001
        unit = layer.unit
    try:
        whole, single = values or _on_single_samples(outputs, targets, loss)
    except Exception:  # noqa: BLE001
        return None
    total = float(single.sum())
    room = 32 * unit * (rows + width) * float(single.abs().sum()) + 1e-300
    is_sum, is_mean = abs(whole - total) <= room, abs(whole * rows - total) <= room
    if is_sum and is_mean:
        return "sum" if rows == 1 or not bool(single.any()) else None
    return "sum" if is_sum else "mean" if is_mean else None


def _on_single_samples(outputs: Tensor, targets: Tensor, loss: Loss) -> tuple[float, Tensor]:
    """The loss on all samples, and on each alone."""
    with torch.no_grad():
        single = [
            loss(outputs[i : i + 1], targets[i : i + 1]).double() for i in range(len(targets))
        ]
        return float(loss(outputs, targets)), torch.stack(single)


def _measure(
    features: Tensor, readout: Tensor, outputs: Callable[[Tensor], Tensor], loss: Callable[[Tensor, Tensor], Tensor],  # noqa: E501
    counts: Tensor, *, scale: float, output_error: Tensor | None, shift_free: bool, unit: float, flaw: str, own: bool,  # noqa: E501
) -> MinibatchNoise:  # fmt: skip
    """Differentiate the loss of every batch by all features; a mean loss is multiplied by its
    number of samples.

    ``own``: the loss is one of ours, whose gradient rounds no more than its formula says; of
    others' the rounding is measured.
    """
    rows = features.shape[0]
    sizes = {int(row.sum()) for row in counts}
    require(len(sizes) == 1, f"expected batches of one size, got sizes {sorted(sizes)}")
    size = sizes.pop()
    batch_scale = float(size) if scale != 1.0 else 1.0

    def gradient(index: Tensor) -> Tensor:
        phi = features.detach().requires_grad_()
        with torch.enable_grad():
            (found,) = torch.autograd.grad(loss(index, outputs(phi)[index]), phi)
        return found

    everyone = torch.arange(rows)
    drawn = [torch.repeat_interleave(everyone, row.long()) for row in counts]
    f = outputs(features).detach().requires_grad_()
    with torch.enable_grad():
        (output_grad,) = torch.autograd.grad(loss(everyone, f), f)
    measured = output_grad.double() * scale
    if output_error is None and not own:
        output_error = own_rounding(measured, f, loss, drawn, batch_scale, unit)
    return MinibatchNoise(
        features.double(),
        readout.double(),
        measured,
        counts.double(),
        torch.stack([gradient(index).double() * (rows * batch_scale) for index in drawn]),
        gradient(everyone).double() * scale,
        torch.tensor(float(size), dtype=torch.float64),
        output_error,
        shift_free,
        scale != 1.0,
        unit,
        flaw,
    )
