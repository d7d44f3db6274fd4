"""Features trained to rest, seed by seed: what the rank theorem's strategies draw from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from theorems.impl.kernel_flows.decayed import NonlinearFeatures
from theorems.impl.kernel_flows.objectives import objective
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.spec import generator
from theorems.impl.strategies.flows import gaussians


def suited_labels(loss: str, rows: int, classes: int, source: torch.Generator) -> Tensor:
    """Targets that suit the loss: probabilities for softmax and logistic, Gaussian numbers
    otherwise.
    """
    raw = torch.randn(rows, classes, generator=source, dtype=torch.float64)
    return (
        torch.softmax(2 * raw, -1)
        if loss == "softmax"
        else torch.sigmoid(raw)
        if loss == "logistic"
        else raw
    )


@lru_cache(maxsize=64)
def train_free_features(
    rows: int, width: int, classes: int, *, loss: str, decay: float, ridge: float, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Features and readout after L-BFGS on J, with their labels: near a steady state, how near the
    gradient tells.
    """
    from scipy.optimize import minimize

    source = generator(seed)
    normal = gaussians(source)
    targets = (
        2 * suited_labels(loss, rows, classes, source)
        if loss in ("squared", "huber")
        else suited_labels(loss, rows, classes, source)
    )
    start = torch.cat([normal(rows * width), normal(classes * width)])
    cut = rows * width

    def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
        leaf = torch.as_tensor(flat).requires_grad_()
        with torch.enable_grad():
            j = objective(
                leaf[:cut].reshape(rows, width),
                leaf[cut:].reshape(classes, width),
                targets,
                loss=loss,
                ridge=ridge,
                decay=decay,
            )
            (grad,) = torch.autograd.grad(j, leaf)
        return float(j.detach()), grad.numpy()

    options = {"maxiter": 400, "ftol": 0.0, "gtol": 1e-10}
    end = torch.as_tensor(
        minimize(value, start.numpy(), jac=True, method="L-BFGS-B", options=options).x.copy()
    )
    return end[:cut].reshape(rows, width), end[cut:].reshape(classes, width), targets


@lru_cache(maxsize=8)
def train_softplus(seed: int, *, decay: float = 0.1) -> NonlinearFeatures:
    """softplus(XV)Aᵀ with decay on V and A, trained to rest by Newton steps in a trust region: N =
    8, C = 2, P = 5.
    """
    from scipy.optimize import minimize

    rows, dim, width, classes = 8, 2, 5, 2
    normal = gaussians(generator(seed))
    x, targets = normal(rows, dim), 3 * normal(rows, classes)
    cut = dim * width

    def features(flat: Tensor) -> Tensor:
        return nn.functional.softplus(x @ flat[:cut].reshape(dim, width))

    def value(flat: Tensor) -> Tensor:
        fit = half_squared_error(features(flat) @ flat[cut:].reshape(classes, width).mT, targets)
        return fit + decay / 2 * (flat**2).sum()

    def slope(flat: Tensor) -> Tensor:
        return torch.autograd.functional.jacobian(value, flat)

    def curvature(flat: Tensor) -> Tensor:
        return torch.autograd.functional.hessian(value, flat)

    end = torch.as_tensor(
        minimize(
            lambda flat: float(value(torch.as_tensor(flat))),
            normal(cut + classes * width).numpy(),
            method="trust-exact",
            jac=lambda flat: slope(torch.as_tensor(flat)).numpy(),
            hess=lambda flat: curvature(torch.as_tensor(flat)).numpy(),
            options={"gtol": 1e-10, "maxiter": 400},
        ).x.copy()
    )
    for _ in range(2):  # Newton polishes what the trust region leaves
        end = end - torch.linalg.pinv(curvature(end), rtol=1e-12) @ slope(end)
    gradient = slope(end)[:cut].reshape(dim, width)
    return NonlinearFeatures(
        features(end), gradient, torch.tensor(decay, dtype=torch.float64), targets
    )
