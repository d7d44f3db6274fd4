"""The loss along straight lines through the parameters of any network: what autograd says of its slope, and what the loss does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from impl.double import in_double, loss_in_double, widened
from impl.errors import InputError, require, told
from impl.nested import mapped, tensors_of
from impl.operands import Instance
from impl.running import Inputs, run, undisturbed
from impl.tracing import Loss, scalar_loss

STEPS = tuple(2.0 ** -(10 + 2 * k) for k in range(11))
"""Half widths of the central differences, relative to the parameters; each a quarter of the one before."""
BESIDE = 2.0**-8
"""How far the point beside the parameters is, relative to their size."""
REPEATS = 3
"""How often the last bits are changed to see what rounding does."""
FINEST = STEPS[-1]
FINE = tuple(FINEST * 4.0**-k for k in range(1, 11))
"""Steps below which rounding hides every slope but a steep one."""
LARGEST, SAMPLES, LAST = 2**20, 8, 5
"""Parameters up to which the whole batch is run at all steps; larger networks see its first samples, at the last (smallest) steps."""


@dataclass(frozen=True, eq=False)
class LossLine(Instance):
    r"""The loss at :math:`θ ± h V` for falling h, and the slope along V that autograd's gradient implies.

    Args:
        slope: :math:`\langle \nabla L, V \rangle`, ().
        spread: :math:`(\sum_i (\nabla_i V_i)^2)^{1/2}`, the slope to be expected of a random V, ().
        terms: :math:`\sum_i |\nabla_i V_i|`, ().
        steps: h, (K,), each a quarter of the one before.
        ahead: L(θ + hV), (K,).
        behind: L(θ − hV), (K,).
        entries: how many numbers θ has.
        cut: what on the way to the loss is cut off from autograd on purpose ("detach", "no_grad", max_norm), or "".
        value: L(θ), (); None if it is not known.
        scale: the largest number that the network puts out.
        wobble: the largest change of the loss, and
        jitter: of the slope, when the parameters change in their last bits: what rounding inside the network does to both. None and 0 if it was not looked at.
    """

    slope: Tensor
    spread: Tensor
    terms: Tensor
    steps: Tensor
    ahead: Tensor
    behind: Tensor
    entries: int = 1
    cut: str = ""
    value: Tensor | None = None
    scale: float = 0.0
    wobble: float | None = None
    jitter: float = 0.0

    def __post_init__(self) -> None:
        """Check shapes."""
        shape = tuple(self.steps.shape)
        for name in ("ahead", "behind"):
            got = tuple(getattr(self, name).shape)
            require(got == shape, f"expected {name} of shape {shape} like the steps, got {got}")
        require(len(shape) == 1 and shape[0] >= 4, f"expected at least four steps, got steps of shape {shape}")


class _Cuts(TorchFunctionMode):
    """Sees what the model and the loss cut off from autograd."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = ""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("detach", "detach_") or getattr(func, "__self__", None) is Tensor.data:
            if torch.is_grad_enabled() and args and isinstance(args[0], Tensor) and args[0].requires_grad:
                self.seen = "detach"
        elif name == "_set_grad_enabled" and args and args[0] is False:
            self.seen = self.seen or "no_grad"
        return func(*args, **(kwargs or {}))


def _first(task: tuple[Inputs, Any], count: int) -> tuple[Inputs, Any] | None:
    """Inputs and targets of the first samples, where every tensor leads with the same number of them."""
    lengths = {len(tensor) if tensor.ndim else 0 for tensor in tensors_of(task)}
    if len(lengths) != 1 or min(lengths) <= count:
        return None
    cut: tuple[Inputs, Any] = mapped(task, lambda tensor: tensor[:count])
    return cut


class Lines:
    """The loss of one network along lines; the network is left as it was.

    Args:
        model: any module.
        inputs: as for `impl.trace`.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        seed: of dropout and other noise inside the model, and of the directions.
        beside: look at a point beside the parameters, all moved by a random 1/256 of their size: there no unit sits on the threshold of its kink.

    Raises:
        InputError: the network cannot be run in float64, or gives another loss each time.
    """

    def __init__(
        self, model: nn.Module, inputs: Inputs, targets: Any, loss: Loss, *, seed: int = 0, beside: bool = False
    ) -> None:
        """Differentiate once."""
        self.model, self.seed, self.beside = model, seed, beside
        large = sum(p.numel() for p in model.parameters()) > LARGEST
        self.steps = STEPS[-LAST:] if large else STEPS
        part = _first((inputs, targets), SAMPLES) if large else None
        self.samples = f"first {SAMPLES} samples" if part is not None else ""
        self.inputs, self.targets = mapped((inputs, targets) if part is None else part, widened)
        self.loss: Any = loss_in_double(loss)
        with self._here():
            self._differentiate()

    @contextmanager
    def _here(self) -> Iterator[None]:
        with in_double(self.model):
            moving = [p for p in self.model.parameters() if p.requires_grad and p.is_floating_point()]
            for i, p in enumerate(moving if self.beside else ()):
                p.data = p.data + BESIDE * _direction(p, self.seed - 1 - i)
            yield

    def _differentiate(self) -> None:
        cuts = _Cuts()
        with undisturbed(self.model, self.seed):
            with cuts:
                outputs = run(self.model, self.inputs)
            value = scalar_loss(outputs, self.targets, self._under(cuts))
            reached = _leaves(value)
            self.owners = {
                name: kept
                for name, module in self.model.named_modules()
                if (kept := [p for p in module._parameters.values() if p is not None and id(p) in reached])
            }
            self.parameters = list({id(p): p for kept in self.owners.values() for p in kept}.values())
            require(bool(self.parameters), "the loss reaches no parameter that requires a gradient")
            try:
                found = torch.autograd.grad(value, self.parameters, allow_unused=True)
            except Exception as error:
                raise InputError(f"its backward pass raised {told(error)}") from error
        renormed = any(isinstance(m, nn.Embedding | nn.EmbeddingBag) and m.max_norm for m in self.model.modules())
        self.scale = _largest(outputs)
        self.cut, self.value = cuts.seen or ("an embedding's max_norm" if renormed else ""), float(value.detach())
        zero = [torch.zeros_like(p) if g is None else g.detach() for p, g in zip(self.parameters, found, strict=True)]
        self.gradient = {id(p): g.to_dense() for p, g in zip(self.parameters, zero, strict=True)}
        again = self._evaluate()
        require(again == self.value, f"its loss is another each time, {self.value:.6g} and {again:.6g} at one point")

    def _under(self, cuts: _Cuts) -> Loss:
        def loss(outputs: Any, targets: Any) -> Tensor:
            with cuts:
                value: Tensor = self.loss(outputs, targets)
            return value

        return loss

    def _evaluate(self) -> float:
        with undisturbed(self.model, self.seed):  # with gradients on: some models run other code without
            return float(scalar_loss(run(self.model, self.inputs), self.targets, self.loss).detach())

    def along(self, parameters: Sequence[Tensor] | None = None, *, rounding: bool = False) -> LossLine:
        """The loss along one random direction of these parameters (default: all), as long as they are, entry by entry.

        Args:
            parameters: some of the network's; by default all that the loss reaches.
            rounding: also look at finer steps, and at what the last bits of the parameters do to loss and slope: 20 more passes, and three backward.
        """
        chosen = self.parameters if parameters is None else list({id(p): p for p in parameters}.values())
        with self._here():
            start = [p.detach().clone() for p in chosen]
            directions = [_direction(p, self.seed + i) for i, p in enumerate(chosen)]
            slopes = [self.gradient[id(p)] * v for p, v in zip(chosen, directions, strict=True)]

            def loss(step: float) -> float:
                for p, at, v in zip(chosen, start, directions, strict=True):
                    p.data = at + step * v
                try:
                    return self._evaluate()
                except InputError:
                    return math.nan  # the line leaves where the network is defined

            steps = (*self.steps, *FINE) if rounding else self.steps
            pairs = [(loss(h), loss(-h)) for h in steps]
            wobble, jitter = self._rounding(chosen, start, directions) if rounding else (None, 0.0)
        numbers = torch.tensor(pairs, dtype=torch.float64)
        return LossLine(
            slope=torch.stack([s.sum() for s in slopes]).sum().cpu(),
            spread=torch.stack([(s * s).sum() for s in slopes]).sum().sqrt().cpu(),
            terms=torch.stack([s.abs().sum() for s in slopes]).sum().cpu(),
            steps=torch.tensor(steps, dtype=torch.float64),
            ahead=numbers[:, 0],
            behind=numbers[:, 1],
            entries=sum(p.numel() for p in chosen),
            cut=self.cut,
            value=torch.tensor(self.value, dtype=torch.float64),
            scale=self.scale,
            wobble=wobble,
            jitter=jitter,
        )

    def _rounding(
        self, chosen: Sequence[Tensor], start: Sequence[Tensor], directions: Sequence[Tensor]
    ) -> tuple[float, float]:
        """How far loss and slope move when every parameter, of any module, moves by up to eight units in its last place."""
        for p, at in zip(chosen, start, strict=True):
            p.data = at
        here = [p.detach().clone() for p in self.parameters]
        slope = sum(float((self.gradient[id(p)] * v).sum()) for p, v in zip(chosen, directions, strict=True))
        wobble = jitter = 0.0
        for again in range(REPEATS):
            for i, (p, at) in enumerate(zip(self.parameters, here, strict=True)):
                source = torch.Generator(device=p.device).manual_seed((self.seed + 1000 * (again + 1) + i) % 2**63)
                moved = torch.rand(at.shape, generator=source, dtype=torch.float64, device=at.device) * 2 - 1
                p.data = at * (1 + 2.0**-49 * moved)
            try:
                with undisturbed(self.model, self.seed):
                    value = scalar_loss(run(self.model, self.inputs), self.targets, self.loss)
                    found = torch.autograd.grad(value, list(chosen), allow_unused=True)
            except (InputError, RuntimeError):
                return math.inf, math.inf
            terms = (
                0.0 if g is None else float((g.to_dense() * v).sum()) for g, v in zip(found, directions, strict=True)
            )
            wobble, jitter = max(wobble, abs(float(value.detach()) - self.value)), max(jitter, abs(sum(terms) - slope))
        return wobble, jitter


def _direction(parameter: Tensor, seed: int) -> Tensor:
    source = torch.Generator(device=parameter.device).manual_seed(seed % 2**63)
    drawn = torch.randn(parameter.shape, generator=source, dtype=torch.float64, device=parameter.device)
    size = float(parameter.detach().square().mean().sqrt()) if parameter.numel() else 0.0
    return drawn * (size or 2.0**-6)


def _largest(outputs: Any) -> float:
    """The largest magnitude among the finite numbers that a network returns."""
    found = [t.detach().double() for t in tensors_of(outputs) if t.is_floating_point() and t.layout is torch.strided and not t.is_nested]
    return max((float(t.nan_to_num(0.0, 0.0, 0.0).abs().max()) for t in found if t.numel()), default=0.0)


def _leaves(value: Tensor) -> set[int]:
    """Ids of the parameters that the backward pass arrives at, whatever gradient it brings them."""
    waiting: list[Any] = [value.grad_fn] if value.grad_fn is not None else []
    known, found = set(waiting), set()
    while waiting:
        node = waiting.pop()
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        following = {other for other, _ in node.next_functions if other is not None} - known
        known |= following
        waiting += following
    return found
