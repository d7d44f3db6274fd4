"""One quantity, the tangent kernel by all weights and biases, in every way that is compared: summed
over outputs (N, N), or for every pair of them (N, C, N, C).

`impl.tangent_kernel` and ``vmap(jacrev)`` take any module, `kernel_peers` modules made of layers
that they know, and the closed form what it was written for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import kernel_peers
import torch
from kernel_cases import Case, all_convolutional, lenet, mlp
from torch import Tensor, nn

from impl import tangent_kernel

Method: TypeAlias = Callable[[Case, bool], Tensor]
__all__ = ["METHODS", "Case", "all_convolutional", "check", "lenet", "methods", "mlp", "ours"]


def ours(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """`impl.tangent_kernel`."""
    return tangent_kernel(case.model, case.inputs, outputs="full" if full else "trace").total


def closed_form(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """Σ_l (Z^{l−1} + 1) ∘ Δ^l by hand for a ReLU MLP; layouts chosen so that no step copies."""
    *hidden, readout = (layer for layer in case.model if isinstance(layer, nn.Linear))
    with torch.no_grad():
        z, masks = [case.inputs], []
        for layer in hidden:
            h = torch.addmm(layer.bias, z[-1], layer.weight.mT)
            masks.append((h > 0).to(h.dtype)[:, None, :])
            z.append(torch.relu(h))
        return (_full_by_hand if full else _trace_by_hand)(hidden, readout, z, masks)


def _deltas(
    hidden: list[nn.Linear], readout: nn.Linear, masks: list[Tensor]
) -> Iterable[tuple[int, Tensor]]:
    delta = masks[-1] * readout.weight  # (N, C, width)
    samples, outputs, _ = delta.shape
    for i in reversed(range(len(hidden))):
        yield i, delta
        if i > 0:
            flat = delta.view(samples * outputs, -1) @ hidden[i].weight
            delta = flat.view(samples, outputs, -1).mul_(masks[i - 1])


def _trace_by_hand(
    hidden: list[nn.Linear], readout: nn.Linear, z: list[Tensor], masks: list[Tensor]
) -> Tensor:
    # Δ of the readout is the identity in the outputs: its trace is C everywhere
    kernel = (z[-1] @ z[-1].mT + 1) * readout.out_features
    for i, delta in _deltas(hidden, readout, masks):
        flat = delta.view(len(kernel), -1)
        kernel += (z[i] @ z[i].mT).add_(1).mul_(flat @ flat.mT)
    return kernel


def _full_by_hand(
    hidden: list[nn.Linear], readout: nn.Linear, z: list[Tensor], masks: list[Tensor]
) -> Tensor:
    n, c = len(z[0]), readout.out_features
    kernel: Tensor | None = None
    for i, delta in _deltas(hidden, readout, masks):
        flat = delta.view(n * c, -1)
        term = flat @ flat.mT
        term.view(n, c, n, c).mul_((z[i] @ z[i].mT).add_(1)[:, None, :, None])
        kernel = term if kernel is None else kernel.add_(term)
    assert kernel is not None
    kernel = kernel.view(n, c, n, c)
    kernel.diagonal(dim1=1, dim2=3).add_((z[-1] @ z[-1].mT).add_(1)[:, :, None])
    return kernel


def jacobians(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """``torch.func.vmap(jacrev)``, contracted parameter by parameter."""
    parameters = {name: p.detach() for name, p in case.model.named_parameters()}

    def one(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        return torch.func.functional_call(case.model, values, (sample[None],))[0]

    found = torch.func.vmap(torch.func.jacrev(one), (None, 0))(parameters, case.inputs)
    return kernel_peers.contracted([j.flatten(2) for j in found.values()], full=full)


METHODS: dict[str, Method] = {
    "tangent_kernel": ours,
    "closed form": closed_form,
    "vmap(jacrev)": jacobians,
    **kernel_peers.METHODS,
}


def methods(case: Case, *, full: bool) -> dict[str, Method]:
    """What can compute ``case``."""
    able = dict(METHODS)
    if case.widths is None:
        del able["closed form"]
    if full:
        del able["nngeometry, one output at a time"]
    return {name: method for name, method in able.items() if kernel_peers.installed(name)}


def gap(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, relative to the largest entry."""
    return float((found - wanted).abs().max() / wanted.abs().max())


def check(name: str, found: Tensor, wanted: Tensor) -> None:
    """Refuse to time a method that computes something else.

    In 64 bits nngeometry's convolutions keep a buffer of 32.
    """
    single = wanted.dtype is torch.float32
    digits = 1e-4 if single else 1e-6 if name.startswith("nngeometry") else 1e-11
    if not (found.shape == wanted.shape and gap(found, wanted) <= digits):
        raise AssertionError(
            f"{name} differs from tangent_kernel: {tuple(found.shape)}, {tuple(wanted.shape)}, "
            f"{gap(found, wanted) if found.shape == wanted.shape else 'of another shape'}"
        )
