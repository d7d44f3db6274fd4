"""The layer-wise tangent kernel of any torch network, at its present weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from theorems.impl.errors import require, require_finite
from theorems.impl.networks import sample_grams as grams
from theorems.impl.networks.closed_kernels import closed_kernel
from theorems.impl.networks.factored_kernels import Factored
from theorems.impl.networks.perceptron_kernels import Summed
from theorems.impl.networks.perceptrons import NoPerceptron
from theorems.impl.networks.pullbacks import Pullback
from theorems.impl.networks.recording import Inputs, undisturbed


@dataclass(frozen=True, eq=False)
class TangentKernel:
    """The empirical tangent kernel of a network, layer by layer.

    Args:
        terms: by module name, each (N, M), or (N, C, M, C) where all pairs of outputs were asked
            for; of a multilayer perceptron the latter are multiplied out when they are looked up.
        left_out: the model's parameters that no term contains: normalisation, embeddings, what a
            parametrization hides.
    """

    terms: Mapping[str, Tensor]
    left_out: tuple[str, ...] = ()

    @cached_property
    def total(self) -> Tensor:
        """The sum of the terms: the tangent kernel by all parameters but `left_out`."""
        if isinstance(self.terms, Summed | Factored):
            return self.terms.sum()
        first, *rest = self.terms.values()
        total = first.clone()
        for term in rest:
            total += term
        return total


def tangent_kernel(
    model: nn.Module,
    inputs: Inputs,
    others: Inputs | None = None,
    *,
    outputs: Literal["trace", "full"] = "trace",
    layers: Collection[str] | None = None,
    bias: bool = True,
    chunk: int | None = None,
    seed: int = 0,
) -> TangentKernel:
    r"""The empirical (neural) tangent kernel of every linear layer, in the model's own number
    format.

    .. math:: K^l_{\mu\nu} = \sum_c \left\langle \frac{\partial f_c(x_\mu)}{\partial (W^l, b^l)},
        \frac{\partial f_c(x_\nu)}{\partial (W^l, b^l)} \right\rangle

    For layers with one row per sample this is the closed form :math:`(Z^{l-1} + 1) \circ \Delta^l`;
    for tokens, convolutions and modules called more than once, the gradient of a sample is the sum
    over its rows (see `impl.networks.sample_grams`). One forward pass and one batched backward
    pass; no Jacobian is formed unless that is the cheaper way. Of a multilayer perceptron nothing
    is called: its kernel is computed from the weights alone (`impl.closed_form_obstacle` says of
    which modules).

    Every module owns its weight: where two modules share a parameter each has a term of its own, as
    if the parameters were two, and the cross terms of the shared one are in neither. A parametrized
    layer counts by the weight that it multiplies with. Whether a parameter requires gradients does
    not matter.

    Args:
        model: any module with ``nn.Linear`` or ``nn.Conv1d/2d/3d`` in it that returns one tensor
            (N, …), samples first, and treats samples one by one. The latter is tested by one more
            backward pass, not assumed.
        inputs: a tensor, a tuple of arguments or a dict of keyword arguments; N samples.
        others: M samples to take the inner products with, the test set say; by default ``inputs``
            again.
        outputs: "trace" sums over the outputs c as above; "full" has an entry for every pair of
            outputs.
        layers: module names to restrict the kernel to; by default all that are called.
        bias: whether biases count as parameters.
        chunk: outputs per backward pass; by default as many as fit into the cache.
        seed: of dropout and other noise inside the model.

    Returns:
        terms by module name, each (N, M) or (N, C, M, C), and their total.

    Raises:
        InputError: for BatchNorm in train mode or anything else that mixes samples, a model without
            linear layers, a layer whose output is not linear in its weight, unknown names in
            ``layers``, NaN or infinity.
    """
    number: Any = seed
    usual = chunk is None and (outputs in ("trace", "full"))
    if usual and type(number) is int and -(2**63) <= number < 2**63:
        try:
            closed = closed_kernel(model, inputs, others, outputs=outputs, layers=layers, bias=bias)
            return TangentKernel(*closed)
        except NoPerceptron:
            pass  # the way of any other module, which says what is wrong with what came
    require(
        isinstance(model, nn.Module),
        f"expected a torch nn.Module as model, got {type(model).__name__}",
    )
    require(
        outputs in ("trace", "full"),
        f"expected outputs to be 'trace' or 'full', got outputs={outputs!r}",
    )
    require(
        chunk is None or chunk >= 1, f"expected a chunk of at least one output, got chunk={chunk}"
    )
    _refuse_batch_statistics(model)
    names = [layers] if isinstance(layers, str) else layers
    with undisturbed(model, seed):
        left = Pullback(model, inputs, names, bias=bias)
        right = left if others is None else Pullback(model, others, names, bias=bias)
        _check_twins(left, right)
        size = min(left.chunk(), right.chunk()) if chunk is None else chunk
        terms = (_trace_terms if outputs == "trace" else _full_terms)(left, right, size)
    for name, term in terms.items():
        require_finite(f"the tangent kernel of layer {name!r}", term)
    held = {
        id(parameter)
        for layer in left.modules.values()
        for name, parameter in layer.named_parameters(recurse=False, remove_duplicate=False)
        if name == "weight" or (name == "bias" and bias)
    }
    return TangentKernel(
        terms, tuple(name for name, p in model.named_parameters() if id(p) not in held)
    )


def _refuse_batch_statistics(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            require(
                not module.training and module.running_mean is not None,
                f"expected a model that treats samples one by one, got {type(module).__name__} "
                f"{name!r} with batch statistics, which mix them; call model.eval() and keep "
                "track_running_stats=True",
            )


def _check_twins(left: Pullback, right: Pullback) -> None:
    """Both batches must take the same way through the model, for their gradients to be compared."""
    require(
        left.outputs == right.outputs,
        f"expected as many outputs on both batches, got {left.outputs} and {right.outputs}",
    )
    one, other = sorted(left.rows), sorted(right.rows)
    require(
        one == other, f"expected both batches to run through the same layers, got {one} and {other}"
    )


def _trace_terms(left: Pullback, right: Pullback, size: int) -> dict[str, Tensor]:
    terms = {
        name: grams.Trace(left.rows[name], right.rows[name], left.outputs) for name in left.rows
    }
    for start in range(-1, left.outputs, size):
        stop = min(start + size, left.outputs)
        a = left.deltas(start, stop)
        b = a if right is left else right.deltas(start, stop)
        for name, term in terms.items() if stop > 0 else ():
            term.add(a[name], b[name])
    return {name: term.value() for name, term in terms.items()}


def _full_terms(left: Pullback, right: Pullback, size: int) -> dict[str, Tensor]:
    starts = range(-1, left.outputs, size)

    def whole(side: Pullback) -> dict[str, Tensor]:
        chunks = [side.deltas(start, min(start + size, side.outputs)) for start in starts]
        return {name: torch.cat([chunk[name] for chunk in chunks]) for name in side.rows}

    a = whole(left)
    b = a if right is left else whole(right)
    return {
        name: grams.full_term(left.rows[name], a[name], right.rows[name], b[name])
        for name in left.rows
    }
