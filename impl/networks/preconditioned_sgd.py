"""Preconditioned gradient steps on the input index of a linear layer, as a torch optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, overload

import torch
from torch import Tensor, nn

from theorems.impl.errors import require, require_finite

Preconditioner: TypeAlias = "Tensor | Callable[[int], Tensor]"
"""P, or a function of the number of steps taken so far that returns it."""


class Stepper(Protocol):
    """What moves parameters by their gradients: an optimiser of torch's, or one of
    `impl.networks.bare_steps`.
    """

    def step(self) -> Any:
        """Take one step."""
        ...


Rest: TypeAlias = (
    "Literal['frozen', 'sgd', 'momentum', 'adam'] | Callable[[list[nn.Parameter]], Stepper]"
)
"""How the parameters beside a preconditioned layer move: by the name of a rule, or by an optimiser
of them.
"""


def _undecorated(name: str) -> Callable[..., None]:
    """A method of torch's optimisers as it was written: its decorator imports torch's compiler, a
    second, to say that nothing is to be compiled.
    """
    method = getattr(torch.optim.Optimizer, name)
    found: Callable[..., None] = getattr(method, "__wrapped__", method)
    return found


class PreconditionedSGD(torch.optim.Optimizer):
    r"""W ← (1 − ηλ) W − η ∇_W L · P: one P on the input index, shared by all neurons; weight decay
    is decoupled.

    The parameters of a group are a weight (…, k, d), or a weight and its bias (k,). With a bias the
    layer is the one of [W, b] on [x, 1], and P may be (d+1, d+1); a (d, d) one leaves the bias to
    plain gradient descent, which is the same as a last row and column of the identity. Coupled
    decay, (∇ + λW) P, would need X P Wᵀ, which no Gram matrix holds: that is why there is only the
    decoupled one.

    Args:
        params: ``[weight]``, ``[weight, bias]`` (`impl.preconditioning.first_layer` finds those of
            a network), or groups of such lists.
        lr: learning rate η, at least 0.
        preconditioner: P, symmetric and positive semidefinite, or a function from the number of
            steps taken to it.
        weight_decay: λ, at least 0.

    Raises:
        InputError: for rates below zero, parameters that are not a layer's, a P of the wrong shape
            or one that is not finite or not symmetric.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        preconditioner: Preconditioner,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        """Check rates and shapes; P is checked at every step, where it is known."""
        super().__init__(
            params, {"lr": lr, "preconditioner": preconditioner, "weight_decay": weight_decay}
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add another layer, with a rate, P and decay of its own where the group has them.

        Raises:
            InputError: as the constructor.
        """
        _undecorated("add_param_group")(self, param_group)
        group = self.param_groups[-1]
        for name in ("lr", "weight_decay"):
            require(group[name] >= 0, f"expected {name} of at least 0, got {name}={group[name]}")
        _check_layer(group["params"])

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: FBT002
        """Forget the gradients, as in torch."""
        _undecorated("zero_grad")(self, set_to_none=set_to_none)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; ``closure`` as in torch: re-evaluates the loss, whose value is
        returned.
        """
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            weight, *rest = group["params"]
            bias = rest[0] if rest else None
            if weight.grad is None:
                continue
            state = self.state[weight]
            taken = int(state.get("step", 0))
            columns = weight.shape[-1] + (bias is not None)
            matrix = matrix_of(group["preconditioner"], taken, columns, bias=bias is not None).to(
                weight
            )
            gradient = (
                weight.grad
                if bias is None
                else torch.cat([weight.grad, _gradient(bias)[..., None]], -1)
            )
            gradient = gradient @ matrix
            for parameter in group["params"]:
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(gradient[..., : weight.shape[-1]], alpha=-group["lr"])
            if bias is not None:
                bias.add_(gradient[..., -1], alpha=-group["lr"])
            state["step"] = taken + 1
        return value


def matrix_of(preconditioner: Preconditioner, taken: int, columns: int, *, bias: bool) -> Tensor:
    """P at one step, (…, columns, columns); with a bias a P on the inputs alone is extended by the
    identity.

    Raises:
        InputError: if P has another shape, is not finite, or is not symmetric.
    """
    matrix = preconditioner(taken) if callable(preconditioner) else preconditioner
    require(
        isinstance(matrix, Tensor),
        f"expected a tensor as preconditioner, got {type(matrix).__name__}",
    )
    got = tuple(matrix.shape[-2:])
    if bias and got == (columns - 1, columns - 1):
        extended = torch.zeros(
            *matrix.shape[:-2], columns, columns, dtype=matrix.dtype, device=matrix.device
        )
        extended[..., :-1, :-1] = matrix
        extended[..., -1, -1] = 1
        matrix = extended
    wanted = (
        f"{(columns - 1, columns - 1)} or, with the bias, {(columns, columns)}"
        if bias
        else f"{(columns, columns)}"
    )
    require(
        tuple(matrix.shape[-2:]) == (columns, columns),
        f"expected a preconditioner on the input index, of shape {wanted}, got {got}",
    )
    require_finite("the preconditioner", matrix)
    gap = float((matrix - matrix.mT).abs().max())
    rounding = 8 * torch.finfo(matrix.dtype).eps * float(matrix.abs().max())
    require(
        gap <= rounding,
        f"expected a symmetric preconditioner, got one with |P - Pᵀ| up to {gap:.3g}; "
        "symmetrise it as (P + Pᵀ)/2",
    )
    return matrix


def _gradient(bias: Tensor) -> Tensor:
    return torch.zeros_like(bias) if bias.grad is None else bias.grad


def _check_layer(parameters: list[Tensor]) -> None:
    shapes = [tuple(p.shape) for p in parameters]
    fits = (
        len(shapes) in (1, 2)
        and len(shapes[0]) >= 2
        and (len(shapes) == 1 or shapes[1] == shapes[0][:-1])
    )
    require(
        fits,
        "expected the parameters [weight (k, d)] or [weight (k, d), bias (k,)] of one "
        f"layer, got shapes {shapes}",
    )


def rest_optimiser(rest: Rest, parameters: Sequence[nn.Parameter], rate: float) -> list[Stepper]:
    """The rest's optimiser, or none where there is nothing for it to move."""
    moving = [p for p in parameters if p.requires_grad]
    if rest == "frozen" or not moving:
        return []
    if callable(rest):
        return [rest(moving)]
    known: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "sgd": lambda: torch.optim.SGD(moving, lr=rate),
        "momentum": lambda: torch.optim.SGD(
            moving, lr=rate, momentum=1.0 if float(rate).is_integer() else 0.9
        ),
        "adam": lambda: torch.optim.Adam(moving, lr=rate),
    }
    require(
        rest in known,
        f"expected rest to be one of frozen, {', '.join(known)} or a function, got rest={rest!r}",
    )
    return [known[rest]()]
