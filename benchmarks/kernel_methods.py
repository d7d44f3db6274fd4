"""One quantity, the tangent kernel's trace over outputs by all weights and biases, computed in every way that is compared.

`impl.tangent_kernel` and ``vmap(jacrev)`` take any module, nngeometry any module made of the layers it knows, and the closed form
what it was written for. They must agree before they are timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from impl import NetworkSpec, build, tangent_kernel


@dataclass(frozen=True)
class Case:
    """A network and its batch, in float64."""

    name: str
    model: nn.Sequential
    inputs: Tensor


def mlp(samples: int, width: int, outputs: int = 10, depth: int = 4) -> Case:
    """A ReLU network of ``depth`` linear layers with biases."""
    spec = NetworkSpec(widths=(width,) * depth, bias=True, classes=outputs, scale=2**0.5)
    inputs = torch.randn(samples, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Case(f"MLP, N={samples}, width {width}, depth {depth}", build(spec), inputs)


def cnn(samples: int = 64, outputs: int = 10) -> Case:
    """Three convolutions of 16 channels, two of them strided, and a linear readout, on 3×16×16 images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(256, outputs),
        ).double()  # fmt: skip
    inputs = torch.randn(samples, 3, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Case(f"CNN, N={samples}, 3×16×16", model, inputs)


def ours(case: Case) -> Tensor:
    """`impl.tangent_kernel`."""
    return tangent_kernel(case.model, case.inputs).total


def closed_form(case: Case) -> Tensor:
    """Σ_l (Z^{l−1} + 1) ∘ Δ^l by hand for a ReLU MLP; layouts chosen so that no step copies."""
    *hidden, readout = (layer for layer in case.model if isinstance(layer, nn.Linear))
    with torch.no_grad():
        z, masks = [case.inputs], []
        for layer in hidden:
            h = torch.addmm(layer.bias, z[-1], layer.weight.mT)
            masks.append((h > 0).to(h.dtype)[:, None, :])
            z.append(torch.relu(h))
        samples, outputs = len(case.inputs), readout.out_features
        # Δ of the readout is the identity in the outputs: its trace is C everywhere
        kernel = (z[-1] @ z[-1].mT + 1) * outputs
        delta = masks[-1] * readout.weight  # (N, C, width)
        for i in reversed(range(len(hidden))):
            flat = delta.view(samples, -1)
            kernel += (z[i] @ z[i].mT).add_(1).mul_(flat @ flat.mT)
            if i > 0:
                delta = (
                    (delta.view(samples * outputs, -1) @ hidden[i].weight).view(samples, outputs, -1).mul_(masks[i - 1])
                )
        return kernel


def jacobians(case: Case) -> Tensor:
    """``torch.func.vmap(jacrev)``, contracted parameter by parameter."""
    parameters = {name: p.detach() for name, p in case.model.named_parameters()}

    def one(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        return torch.func.functional_call(case.model, values, (sample[None],))[0]

    found = torch.func.vmap(torch.func.jacrev(one), (None, 0))(parameters, case.inputs)
    flat = [jacobian.flatten(1) for jacobian in found.values()]  # (N, C·P)
    kernel = flat[0] @ flat[0].mT
    for rows in flat[1:]:
        kernel.addmm_(rows, rows.mT)
    return kernel


def nngeometry_gram(case: Case) -> Tensor:
    """nngeometry's `GramMatrix`, as its documentation uses it: (C, N, C, N), then the trace."""
    from nngeometry import GramMatrix

    gram = GramMatrix(case.model, (case.inputs.clone(),)).to_torch()
    return torch.einsum("cncm->nm", gram)


def nngeometry_gram_by_output(case: Case) -> Tensor:
    """The same, for one output at a time: spares it the pairs of outputs that a trace does not need."""
    from nngeometry import GramMatrix

    kernel = torch.zeros((), dtype=torch.float64)
    for c in range(case.model[-1].out_features):
        gram = GramMatrix(case.model, (case.inputs.clone(),), function=lambda x, c=c: case.model(x)[:, c : c + 1])
        kernel = kernel + gram.to_torch()[0, :, 0]
    return kernel


def nngeometry_jacobian(case: Case) -> Tensor:
    """nngeometry's dense `Jacobian` (C, N, P), contracted."""
    from nngeometry import Jacobian

    found = Jacobian(case.model, (case.inputs.clone(),)).to_torch()
    return torch.einsum("cnp,cmp->nm", found, found)


METHODS: dict[str, Callable[[Case], Tensor]] = {
    "tangent_kernel": ours,
    "closed form": closed_form,
    "vmap(jacrev)": jacobians,
    "nngeometry": nngeometry_gram,
    "nngeometry, output by output": nngeometry_gram_by_output,
    "nngeometry, Jacobian": nngeometry_jacobian,
}


def methods(case: Case) -> dict[str, Callable[[], Any]]:
    """What can compute ``case``, checked to agree with one another to 12 digits of the largest entry."""
    named = {name: f for name, f in METHODS.items() if name != "closed form" or case.name.startswith("MLP")}
    wanted = ours(case)
    scale = float(wanted.abs().max())
    for name, method in named.items():
        gap = float((method(case) - wanted).abs().max())
        if not gap <= 1e-12 * scale:
            raise AssertionError(
                f"{name} differs from tangent_kernel by {gap:.3g} on {case.name} (largest entry {scale:.3g})"
            )
    return {name: lambda method=method: method(case) for name, method in named.items()}
