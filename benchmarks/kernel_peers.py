"""The tangent kernel by other packages for torch, each by the fastest routes that its documentation
shows.

Left out by name where they are not installed; this brings them:

    pip install --no-deps nngeometry   # it asks for torchvision and never imports it
    pip install curvlinops-for-pytorch backpack-for-pytorch opacus
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import warnings
from collections.abc import Callable, Sequence

import torch
from kernel_cases import Case
from torch import Tensor, nn

PACKAGES = ("nngeometry", "curvlinops", "backpack", "opacus")


def bring() -> None:
    """Import what is installed, before anything is timed."""
    for package in PACKAGES:
        if installed(package):
            importlib.import_module(package)
    if installed("opacus"):
        importlib.import_module("opacus.grad_sample")


def installed(method: str) -> bool:
    """Whether the package is there that a method's name begins with."""
    package = method.split(maxsplit=1)[0].rstrip(",")
    return package not in PACKAGES or importlib.util.find_spec(package) is not None


def contracted(jacobian: Sequence[Tensor], *, full: bool) -> Tensor:
    """Σ_P J Jᵀ of parts (N, C, P)."""
    n, c = jacobian[0].shape[:2]
    rows = [part.reshape(n * c, -1) if full else part.reshape(n, -1) for part in jacobian]
    kernel = rows[0] @ rows[0].mT
    for part in rows[1:]:
        kernel.addmm_(part, part.mT)
    return kernel.view(n, c, n, c) if full else kernel


def nngeometry_gram(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """nngeometry's `GramMatrix`, as its documentation has it: (C, N, C, N), then the trace."""
    from nngeometry import GramMatrix

    gram = GramMatrix(case.model, (case.inputs.clone(),)).to_torch()
    return gram.permute(1, 0, 3, 2) if full else torch.einsum("cncm->nm", gram)


def nngeometry_by_output(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """The same for one output at a time, which spares it the pairs of outputs that a trace does not
    need.
    """
    from nngeometry import GramMatrix

    assert not full
    kernel = case.inputs.new_zeros(())
    for c in range(case.outputs):
        gram = GramMatrix(
            case.model, (case.inputs.clone(),), function=lambda x, c=c: case.model(x)[:, c : c + 1]
        )
        kernel = kernel + gram.to_torch()[0, :, 0]
    return kernel


def nngeometry_jacobian(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """nngeometry's dense `Jacobian`, (C, N, P), contracted."""
    from nngeometry import Jacobian

    rows = Jacobian(case.model, (case.inputs.clone(),)).to_torch()
    if full:
        return contracted([rows.transpose(0, 1)], full=True)
    kernel = rows[0] @ rows[0].mT
    for row in rows[1:]:
        kernel.addmm_(row, row.mT)
    return kernel


def curvlinops_jacobian(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """The transposed Jacobian of curvlinops, applied to the identity: (P, N·C)."""
    from curvlinops import TransposedJacobianLinearOperator

    data = [(case.inputs, torch.zeros(len(case.inputs)))]
    parameters = list(case.model.parameters())
    operator = TransposedJacobianLinearOperator(
        case.model, parameters, data, check_deterministic=False
    )
    size = len(case.inputs) * case.outputs
    columns = operator @ torch.eye(size, dtype=case.inputs.dtype)
    return contracted([columns.mT.reshape(len(case.inputs), case.outputs, -1)], full=full)


def backpack_gradients(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """BackPACK's `BatchGrad`, output by output."""
    from backpack import backpack, extend
    from backpack.extensions import BatchGrad

    model = extend(copy.deepcopy(case.model))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        return _by_output(model, case, "grad_batch", lambda: backpack(BatchGrad()), full=full)


def opacus_gradients(case: Case, full: bool = False) -> Tensor:  # noqa: FBT002
    """The ``grad_sample`` of Opacus, output by output."""
    import contextlib

    from opacus.grad_sample import GradSampleModule

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GradSampleModule(copy.deepcopy(case.model), loss_reduction="sum")
        return _by_output(model, case, "grad_sample", contextlib.nullcontext, full=full)


def _by_output(
    model: nn.Module, case: Case, name: str, around: Callable[[], object], *, full: bool
) -> Tensor:
    rows: list[list[Tensor]] = []
    kernel = case.inputs.new_zeros(len(case.inputs), len(case.inputs))
    for c in range(case.outputs):
        for p in model.parameters():
            p.grad = None
            if hasattr(p, name):
                setattr(p, name, None)
        with around():  # type: ignore[attr-defined]
            model(case.inputs)[:, c].sum().backward()
        found = [getattr(p, name).flatten(1) for p in model.parameters()]
        if full:
            rows.append(found)
        else:
            for part in found:
                kernel.addmm_(part, part.mT)
    if not full:
        return kernel
    return contracted([torch.stack(parts, 1) for parts in zip(*rows, strict=True)], full=True)


METHODS: dict[str, Callable[[Case, bool], Tensor]] = {
    "nngeometry GramMatrix": nngeometry_gram,
    "nngeometry, one output at a time": nngeometry_by_output,
    "nngeometry Jacobian": nngeometry_jacobian,
    "curvlinops Jacobian": curvlinops_jacobian,
    "backpack BatchGrad": backpack_gradients,
    "opacus grad_sample": opacus_gradients,
}

FORMING = ("vmap(jacrev)", "nngeometry Jacobian", "curvlinops Jacobian", "backpack", "opacus")
"""Methods that form the whole Jacobian; in the trace the last two form that of one output."""


def needed(method: str, case: Case, *, full: bool) -> int:
    """Bytes of the Jacobian that a method forms."""
    if not method.startswith(FORMING):
        return 0
    by_output = method.startswith(("backpack", "opacus")) and not full
    return case.jacobian_bytes // (case.outputs if by_output else 1)
