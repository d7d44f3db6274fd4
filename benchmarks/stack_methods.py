"""The tangent kernels of many small networks: in one call, and in the other ways there are."""

from __future__ import annotations

from collections.abc import Callable

import kernel_methods
import torch
from kernel_cases import Case
from torch import Tensor

from impl import NetworkSpec, build, tangent_kernel, tangent_kernels

NETWORKS = 200


def methods(samples: int = 16, width: int = 16) -> dict[str, Callable[[], Tensor]]:
    """By name; all return (B, N, N)."""
    models = [
        build(NetworkSpec(widths=(width,) * 4, bias=True, classes=10, scale=2**0.5, seed=seed))
        for seed in range(NETWORKS)
    ]
    inputs = kernel_methods.mlp(samples, width).inputs
    parameters = {k: v.detach() for k, v in torch.func.stack_module_state(models)[0].items()}

    def one(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        return torch.func.functional_call(models[0], values, (sample[None],))[0]

    jacobian = torch.func.vmap(torch.func.vmap(torch.func.jacrev(one), (None, 0)), (0, None))

    def by_jacobians() -> Tensor:
        rows = [part.flatten(2) for part in jacobian(parameters, inputs).values()]
        return sum((part @ part.mT for part in rows[1:]), rows[0] @ rows[0].mT)

    found = {
        "tangent_kernels, stacked parameters": lambda: (
            tangent_kernels(models[0], inputs, parameters=parameters).total
        ),
        "tangent_kernels, a list": lambda: tangent_kernels(models, inputs).total,
        "tangent_kernel in a loop": lambda: torch.stack(
            [tangent_kernel(model, inputs).total for model in models]
        ),
        "closed form in a loop": lambda: torch.stack(
            [kernel_methods.closed_form(Case("", model, inputs)) for model in models]
        ),
        "vmap(vmap(jacrev))": by_jacobians,
    }
    wanted = found["closed form in a loop"]()
    for name, method in found.items():
        kernel_methods.check(name, method(), wanted)
    return found
