"""The loss of one network along lines through its parameters, or through what passes between its
modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError, require, told
from theorems.impl.networks.double import loss_in_double, widened
from theorems.impl.networks.nested import mapped
from theorems.impl.networks.running import Inputs, run, undisturbed
from theorems.impl.networks.tracing import Loss, scalar_loss
from theorems.impl.slopes.backward import found_backwards, is_reentrant
from theorems.impl.slopes.cuts import Cuts, scripted_cuts
from theorems.impl.slopes.directions import (
    aligned,
    first_samples,
    largest,
    moves,
    reached_from,
    real,
    same_numbers,
    share,
)
from theorems.impl.slopes.handles import Handle, Passing, passing
from theorems.impl.slopes.line_notes import LARGEST, last_bits, notes_on, roughness_along
from theorems.impl.slopes.line_points import Point
from theorems.impl.slopes.loss_lines import FINE, STEPS, LossLine
from theorems.impl.slopes.moving import Moving, speeds_of

SAMPLES, LAST = 8, 5
"""Networks of more than `LARGEST` parameters see the first samples, at the last (smallest)
steps.
"""
ASTRAY = (
    "its loss is another each time, {:.6g} and {:.6g} at one point: let its noise draw from "
    "the generators of torch, numpy or Python without seeding them anew, or check it without "
    "(model.eval())"
)


class Lines(Point):
    """The loss of one network along lines; the network is left as it was.

    Autograd's gradient is that of the loss with everything held that is cut off on purpose
    (`impl.slopes.cuts`), in float64 throughout (`impl.networks.widening`): that is the loss which
    is followed.

    Args:
        model: any module.
        inputs: as for `impl.trace`.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        seed: of dropout and other noise inside the model, and of the directions.
        beside: look at a point beside the parameters, all moved by a random 1/256 of their size:
            there no unit sits on the threshold of its kink.
        grown: look at a point where tiny parameters (layer scales, norms that start from zero) are
            of size `GROWN`, so that the loss depends on what they multiply.
        wide: in float64; False runs the network in its own format.

    Raises:
        InputError: the network cannot be run so, or gives another loss each time.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        targets: Any,
        loss: Loss,
        *,
        seed: int = 0,
        beside: bool = False,
        grown: bool = False,
        wide: bool = True,
    ) -> None:
        """Differentiate once."""
        super().__init__(model, seed=seed, beside=beside, grown=grown, wide=wide)
        large = sum(p.numel() for p in model.parameters()) > LARGEST
        self.steps = STEPS[-LAST:] if large and wide else STEPS
        part = first_samples((inputs, targets), SAMPLES) if large else None
        self.samples = f"first {SAMPLES} samples" if part is not None else ""
        task = (inputs, targets) if part is None else part
        self.inputs: Any
        self.targets: Any
        self.inputs, self.targets = mapped(task, widened) if wide else task
        self.loss: Any = loss_in_double(loss) if wide else loss
        self.cuts = Cuts()
        self.owners: list[Handle] = []
        self._aligned = 0
        self._known: tuple[Any, dict[float, tuple[float, float]]] = (), {}
        self.notes: list[str] = []
        with self._here():
            self._differentiate()

    def loss_and_outputs(self) -> tuple[Tensor, Any]:
        """The loss, with everything held that is cut off; and the outputs."""
        self.cuts.begin()
        with self.cuts:
            outputs = run(self.model, self.inputs)

        def loss(outputs: Any, targets: Any) -> Any:
            with self.cuts:
                return self.loss(outputs, targets)

        return scalar_loss(outputs, self.targets, loss), outputs

    def _differentiate(self) -> None:
        parameters = list(self.model.parameters())
        with undisturbed(self.model, self.seed, parameters=False):
            with passing(self.model) as seen:
                value, outputs = self.loss_and_outputs()
            reached = (
                {id(p) for p in parameters if p.requires_grad}
                if is_reentrant(value)
                else reached_from(value)
            )
            kept = [p for p in parameters if id(p) in reached]
            require(bool(kept), "the loss reaches no parameter that requires a gradient")
            gradients = self.gradients(value, kept)
        self._written = {id(p) for p in parameters if moves(p) and not same_numbers(p, self._at(p))}
        self.scale, self.value = largest(outputs), float(value.detach())
        del value, outputs
        self.cuts.finish()
        self.shares = {}
        for i, p in enumerate(kept):  # one at a time, so that none is kept
            gradient, gradients[i] = gradients[i], None
            self.shares[id(p)] = self._share(p, gradient)
        self.owners = self._owned(seen, reached)
        self.broken = tuple(h.module for h in self.owners if not math.isfinite(h.terms))
        again = self.evaluate()
        require(again == self.value, ASTRAY.format(self.value, again))
        self.cut = ", ".join([*self.cuts.loose, *scripted_cuts(self.model)])
        self.notes = notes_on(self)

    def gradients(self, value: Tensor, tensors: Sequence[Tensor]) -> list[Tensor | None]:
        """Autograd's gradients, hooks on tensors and parameters included.

        Raises:
            InputError: whatever the backward pass raised.
        """
        require(value.requires_grad, "the loss reaches no parameter that requires a gradient")
        try:
            with self.cuts:  # checkpoints run parts of the network again
                return found_backwards(
                    value, tensors, [p for h in self.owners for p in h.parameters]
                )
        except Exception as error:
            raise InputError(f"its backward pass raised {told(error)}") from error

    def _owned(self, seen: Passing, reached: set[int]) -> list[Handle]:
        """The parameters of each module, in the order in which modules are first called."""
        owners = []
        for name, module in self.model.named_modules():
            kept = tuple(
                p for p in module._parameters.values() if p is not None and id(p) in reached
            )
            if kept:
                owners.append(self._handle(name or type(self.model).__name__, kept))
        last = len(seen.order)

        def when(handle: Handle) -> int:
            name = handle.module
            # what is never called itself runs inside of what holds it
            while name and name not in seen.first:
                name = name.rpartition(".")[0]
            return seen.order.index(name) if name in seen.first else last if name else -1

        return sorted(owners, key=when)

    def _handle(self, name: str, parameters: tuple[Tensor, ...]) -> Handle:
        slope, squares, terms = (
            sum(part) for part in zip(*(self.shares[id(p)] for p in parameters), strict=True)
        )
        entries = sum(real(p.detach()).numel() for p in parameters)
        return Handle("parameters", name, parameters, None, slope, squares, terms, entries)

    def single(self) -> list[Handle]:
        """The parameters one by one, each as a handle of its module; a tied one once."""
        owners = {
            id(p): (h.module, p) for h in reversed(self.owners) for p in reversed(h.parameters)
        }
        return [self._handle(module, (p,)) for module, p in reversed(owners.values())]

    def align(self, handles: Sequence[Handle]) -> list[Handle]:
        """The same parameters along directions in which every entry's slope has autograd's sign:
        the slopes add up, and the loss sees them sooner.
        """
        wanted = list({id(p): p for h in handles for p in h.parameters}.values())
        self._aligned += 1
        with self._here():
            with undisturbed(self.model, self.seed, parameters=False):
                found = self.gradients(self.loss_and_outputs()[0], wanted)
            for i, p in enumerate(wanted):
                gradient, found[i] = found[i], None
                if gradient is not None:
                    aligned(self.along_parameter(p), gradient)
                    self.shares[id(p)] = share(gradient, self.along_parameter(p))
        return [self._handle(h.module, h.parameters) for h in handles]

    def speeds(self, chosen: Sequence[Handle], steps: Sequence[float] | None = None) -> list[float]:
        """How fast these handles move on a line through them."""
        weights = speeds_of(chosen)
        # as long as the parameters are: none may move by more
        if steps is not None and steps[0] > STEPS[0]:
            weights = [weight / max(weights) for weight in weights]
        return weights

    def slope_along(self, gradients: Sequence[tuple[float, Tensor, Tensor | None]]) -> float:
        """The slope that gradients from elsewhere give along the directions of parameters: speed,
        parameter and gradient of each.
        """
        with self._here():
            return sum(
                speed * share(gradient, self.along_parameter(p))[0]
                for speed, p, gradient in gradients
            )

    def depends(self) -> bool:
        """Whether the loss would move with what is cut off, if that were not held."""
        moving = {id(p): p for h in self.owners for p in h.parameters}
        self.pushed = frozenset(moving)
        values = []
        try:
            for self.cuts.holding in (True, False):
                self.put(
                    list(moving.values()),
                    lambda p, at: at.add_(self.along_parameter(p), alpha=self.steps[0]),
                )
                values.append(self.evaluate())
        except InputError:
            return True
        finally:
            self.cuts.holding, self.pushed = True, frozenset()
        return abs(values[0] - values[1]) > 2.0**-48 * max(abs(values[0]), self.scale)

    def evaluate(self, pushes: Any = None) -> float:
        """The loss at the present parameters, with these pushes between modules."""
        self.put(self.to_reset(self.pushed))
        watched = passing(self.model, pushes=pushes) if pushes else nullcontext()
        with undisturbed(self.model, self.seed, parameters=False), watched:
            # with gradients on: some models run other code without
            value, _ = self.loss_and_outputs()
        return float(value.detach())

    def handles(self) -> list[Handle]:
        """Parameters, and what passes between modules, in the order in which they come to play;
        with the slopes that autograd gives them.
        """
        with self._here():
            found = self._passing()
        before: dict[str, list[Handle]] = {}
        for handle in self.owners:
            before.setdefault(handle.module, []).append(handle)
        placed = []
        for handle in found:
            placed += [handle] if handle.event is not None else before.pop(handle.module, [])
        return [*(h for rest in before.values() for h in rest), *placed]

    def _passing(self, wanted: Sequence[int] | None = None) -> list[Handle]:
        """The handles between modules as autograd sees them at the present parameters, and a mark
        where each module's parameters come in.
        """
        with (
            undisturbed(self.model, self.seed, parameters=False),
            passing(self.model, keep=True) as seen,
        ):
            value, _ = self.loss_and_outputs()
            events = [e for e in seen.untouched() if wanted is None or e in wanted]
            gradients = self.gradients(value, [seen.kept[e] for e in events])
        found: list[Handle] = []
        marks = sorted((count, name) for name, count in seen.first.items())
        for event, gradient in zip(events, gradients, strict=True):
            while marks and marks[0][0] <= event:
                found.append(Handle("parameters", marks.pop(0)[1]))
            kept = seen.kept[event].detach()
            slope, squares, terms = share(gradient, self.along_event(event, kept))
            kind, name = seen.of[event]
            found.append(Handle(kind, name, (), event, slope, squares, terms, kept.numel()))
        return [*found, *(Handle("parameters", name) for _, name in marks)]

    def _remembering(self, line: Moving) -> Callable[[float], tuple[float, float]]:
        """The loss on both sides at a step of a line, which is run once; of the last line alone."""
        events = tuple(
            (h.event, weight) for h, weight in zip(line.chosen, line.weights, strict=True)
        )
        key = (self._aligned, tuple(line.speeds.items()), events)
        if self._known[0] != key:
            self._known = key, {}
        known = self._known[1]

        def both(step: float) -> tuple[float, float]:
            if step not in known:
                known[step] = line(step), line(-step)
            return known[step]

        return both

    def along(
        self,
        handles: Sequence[Handle] | None = None,
        *,
        steps: Sequence[float] | None = None,
        few: Sequence[float] | None = None,
        rounding: bool = False,
        bits: bool = False,
        known: LossLine | None = None,
        even: bool = True,
    ) -> LossLine:
        """The loss along one random direction of these handles (default: all parameters), as long
        as they are, entry by entry.

        Args:
            handles: what moves.
            steps: half widths; by default those of the network.
            few: the loss at these of them alone; asked for more of the same line, they are not run
                again.
            rounding: also look at finer steps, at how rough the loss is, and at what the last bits
                of the parameters do to loss and slope.
            bits: look only at what the last bits of the parameters do.
            known: the same line at its usual steps, which are not run again; of another line, what
                rounding does to the loss.
            even: let modules of which the loss depends little move more, up to 64 times.
        """
        chosen = self.owners if handles is None else list(handles)
        usual = tuple(self.steps if steps is None else steps)
        weights = self.speeds(chosen, usual) if even else [1.0] * len(chosen)
        usual = tuple(few or usual)
        with self._here():
            line = Moving(self, chosen, weights)
            both = self._remembering(line)
            again = known is not None and rounding and tuple(known.steps.tolist()) == usual
            pairs = (
                list(zip(known.ahead.tolist(), known.behind.tolist(), strict=True))
                if again and known
                else [both(h) for h in usual]
            )
            wobble, jitter, noise = None, 0.0, None
            if rounding:
                noise = roughness_along(self, line, usual, pairs)
                pairs += [(line(h), line(-h)) for h in FINE if h < usual[-1]]
            elif known is not None:
                wobble = known.wobble
                noise = (
                    None
                    if known.noise is None
                    else known.noise[[int((known.steps - h).abs().argmin()) for h in usual]]
                )
            if rounding or bits:
                wobble, jitter = last_bits(self, line)
        steps = (*usual, *(h for h in FINE if h < usual[-1])) if rounding else usual
        numbers = torch.tensor(pairs, dtype=torch.float64)
        number: Any = lambda value: torch.tensor(value, dtype=torch.float64)  # noqa: E731
        return LossLine(
            slope=number(line.slope),
            spread=number(line.spread),
            terms=number(line.terms),
            steps=number(steps),
            ahead=numbers[:, 0],
            behind=numbers[:, 1],
            entries=sum(h.entries for h in chosen),
            cut=self.cut,
            value=number(self.value),
            scale=self.scale,
            wobble=wobble,
            jitter=jitter,
            noise=noise,
            broken=tuple(name for name in self.broken if name in {h.module for h in chosen}),
            notes=tuple(self.notes),
        )
