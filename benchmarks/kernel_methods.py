"""One quantity, the tangent kernel's trace over outputs by all weights and biases, in every way
that is compared.

`impl.tangent_kernel` and ``vmap(jacrev)`` take any module, nngeometry modules made of layers that
it knows, and the closed form what it was written for. `check` makes sure that all agree before
anything is timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from impl import NetworkSpec, build, tangent_kernel


@dataclass(frozen=True)
class Case:
    """A network and its batch, in float64."""

    name: str
    model: nn.Sequential
    inputs: Tensor


def _case(name: str, model: nn.Sequential, *shape: int) -> Case:
    inputs = torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Case(name, model.double(), inputs)


def mlp(samples: int, width: int, outputs: int = 10, depth: int = 4) -> Case:
    """A ReLU network of ``depth`` linear layers with biases."""
    spec = NetworkSpec(widths=(width,) * depth, bias=True, classes=outputs, scale=2**0.5)
    return _case(f"MLP, N={samples}, width {width}", build(spec), samples, width)


def lenet(samples: int = 64, outputs: int = 10) -> Case:
    """LeNet-5 (LeCun et al. 1998) with ReLU, on 3×16×16 images: two convolutions, three linear
    layers.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 6, 5, padding=2),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, outputs),
        )
    return _case(f"LeNet, N={samples}, 3×16×16", model, samples, 3, 16, 16)


def all_convolutional(samples: int = 64, outputs: int = 10) -> Case:
    """Three convolutions of 16 channels, two of them strided, and a linear readout: hardly anything
    but convolutions.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(256, outputs),
        )  # fmt: skip
    return _case(f"all-convolutional, N={samples}, 3×16×16", model, samples, 3, 16, 16)


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
                    (delta.view(samples * outputs, -1) @ hidden[i].weight)
                    .view(samples, outputs, -1)
                    .mul_(masks[i - 1])
                )
        return kernel


def jacobians(case: Case) -> Tensor:
    """``torch.func.vmap(jacrev)``, contracted parameter by parameter."""
    parameters = {name: p.detach() for name, p in case.model.named_parameters()}

    def one(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        return torch.func.functional_call(case.model, values, (sample[None],))[0]

    found = torch.func.vmap(torch.func.jacrev(one), (None, 0))(parameters, case.inputs)
    first, *rest = (jacobian.flatten(1) for jacobian in found.values())  # (N, C·P)
    kernel = first @ first.mT
    for rows in rest:
        kernel.addmm_(rows, rows.mT)
    return kernel


def nngeometry_gram(case: Case) -> Tensor:
    """nngeometry's `GramMatrix`, as its documentation has it: (C, N, C, N), then the trace."""
    from nngeometry import GramMatrix

    gram = GramMatrix(case.model, (case.inputs.clone(),)).to_torch()
    return torch.einsum("cncm->nm", gram)


def nngeometry_by_output(case: Case) -> Tensor:
    """The same for one output at a time, which spares it the pairs of outputs that a trace does not
    need.
    """
    from nngeometry import GramMatrix

    kernel = torch.zeros((), dtype=torch.float64)
    for c in range(case.model[-1].out_features):
        gram = GramMatrix(
            case.model, (case.inputs.clone(),), function=lambda x, c=c: case.model(x)[:, c : c + 1]
        )
        kernel = kernel + gram.to_torch()[0, :, 0]
    return kernel


def nngeometry_jacobian(case: Case) -> Tensor:
    """nngeometry's dense `Jacobian`, (C, N, P), contracted."""
    from nngeometry import Jacobian

    rows = Jacobian(case.model, (case.inputs.clone(),)).to_torch()
    kernel = rows[0] @ rows[0].mT
    for row in rows[1:]:
        kernel.addmm_(row, row.mT)
    return kernel


METHODS: dict[str, Callable[[Case], Tensor]] = {
    "tangent_kernel": ours,
    "closed form": closed_form,
    "vmap(jacrev)": jacobians,
    "nngeometry GramMatrix": nngeometry_gram,
    "nngeometry, one output at a time": nngeometry_by_output,
    "nngeometry Jacobian": nngeometry_jacobian,
}

_DIGITS = {name: 1e-6 if name.startswith("nngeometry") else 1e-12 for name in METHODS}
"""How far a method may be from ours, relative to the largest entry; nngeometry's convolutions keep
a buffer in float32.
"""


def methods(case: Case, *, gigabytes: float = 2.0) -> dict[str, Callable[[], Tensor]]:
    """What can compute ``case``; nngeometry's Jacobian only if it fits into ``gigabytes``."""
    jacobian = (
        8e-9
        * len(case.inputs)
        * case.model[-1].out_features
        * sum(p.numel() for p in case.model.parameters())
    )
    able = dict(METHODS)
    if not case.name.startswith("MLP"):
        del able["closed form"]
    if jacobian > gigabytes:
        del able["nngeometry Jacobian"]
    if importlib.util.find_spec("nngeometry") is None:
        able = {name: method for name, method in able.items() if not name.startswith("nngeometry")}
    return {name: lambda method=method: method(case) for name, method in able.items()}


def check(name: str, found: Tensor, wanted: Tensor) -> None:
    """Refuse to time a method that computes something else."""
    scale = float(wanted.abs().max())
    gap = float((found - wanted).abs().max())
    if not gap <= _DIGITS[name] * scale:
        raise AssertionError(
            f"{name} differs from tangent_kernel by {gap:.3g}, largest entry {scale:.3g}"
        )
