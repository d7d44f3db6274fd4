"""Point the catalogue at somebody's own torch network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from theorems.checking.alarms import alarm_shared
from theorems.claim import Claim
from theorems.impl.errors import InputError, crash, told
from theorems.impl.instances.instance import Instance
from theorems.impl.networks.double import in_double, loss_in_double, widened
from theorems.impl.networks.nested import mapped
from theorems.impl.networks.restoring import Dice, Remembered
from theorems.impl.networks.running import Inputs
from theorems.impl.networks.tracing import Loss
from theorems.own.factories import load, subject_of
from theorems.own.membership import judged
from theorems.own.places import Places, Subject, instances_of
from theorems.own.places.chunks import chunks, cut
from theorems.own.places.coverage import Coverage
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome, Verdict

DRAWN_ONLY = "the claim is about drawn instances only, not about a torch network"


__all__ = ["DRAWN_ONLY", "Journal", "Result", "Results", "check_model", "check_subject", "load"]


@dataclass(frozen=True)
class Result:
    """One claim at one place of a network.

    Args:
        claim: the claim.
        where: the place.
        verdict: what came out; of several chunks of samples, what counts.
        samples: the first sample of the chunk that it is of, and the one after its last; None for
            the whole batch.
        seconds: what it took, on all chunks.
    """

    claim: Claim
    where: str
    verdict: Verdict
    samples: tuple[int, int] | None = None
    seconds: float = 0.0


class Results(list[Result]):
    """One result per claim and place; ``layers`` says how many of the network's layers were looked
    at, and which were not.

    ``chunk`` is how many samples were looked at in one go, at most; None for the whole batch.
    """

    layers: Coverage = Coverage()
    chunk: int | None = None


@dataclass
class Journal:
    """What a check of a network has seen so far, for whoever is interrupted or goes on where a
    claim raises.

    Args:
        results: by claim and place; of a batch in chunks the worst of those that were looked at.
        rounds: on how many chunks each claim was judged.
        chunks: how many there are.
        largest: samples of the largest of them; None for a batch that is looked at whole.
        errors: what a claim raised, on one line; it has no results then.
        layers: how many of the network's layers were looked at.
    """

    results: dict[tuple[str, str], Result] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    chunks: int = 1
    largest: int | None = None
    errors: dict[str, str] = field(default_factory=dict)
    layers: Coverage | None = None

    def finished(self, claims: Sequence[Claim]) -> Results:
        """The results that count: of claims that were judged on every chunk, or refuted on one."""
        names = {name for name, rounds in self.rounds.items() if rounds == self.chunks}
        names |= {
            name for (name, _), r in self.results.items() if r.verdict.outcome is Outcome.REFUTED
        }
        kept = [r for (name, _), r in self.results.items() if name in names - set(self.errors)]
        results = Results(sorted(kept, key=lambda result: claims.index(result.claim)))
        results.layers, results.chunk = self.layers or Coverage(), self.largest
        return results


def _inapplicable(claim: Claim, reason: str) -> Verdict:
    context = {"hypothesis": "a network that the claim is about", "reason": reason}
    return Verdict(claim.name, Outcome.INAPPLICABLE, context=context)


def check_model(
    model: nn.Module,
    inputs: Inputs,
    targets: Any = None,
    loss: Loss | None = None,
    *,
    claims: Iterable[Claim] | None = None,
    decay: float | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    chunk: int | None = None,
    double: bool = False,
    on_verdict: Callable[[float], None] | None = None,
) -> Results:
    """Check every claim that applies at every place of a network where it applies.

    A claim that applies nowhere has one result, INAPPLICABLE with the reason.
    ``check_model(...).layers`` says how many of the layers that hold weights were looked at, and
    why others were not.

    Args:
        model: any module; it is left as it was. Without linear or convolutional layers its gradient
            is checked all the same.
        inputs: a tensor, a tuple of arguments or a mapping of keyword arguments; or, if ``targets``
            is the loss, a batch (inputs, targets) or a DataLoader.
        targets: whatever ``loss`` takes; None for a loss of the outputs alone.
        loss: a callable to one scalar; None for a model that computes its own (see
            `theorems.own.factories.subject_of`).
        claims: by default the whole catalogue, and
            `theorems.own.preconditions.autograd_gives_the_gradient` before it. Statements that are
            kept as printed and expected to fail are left out in any case.
        decay: λ of the training objective loss + (λ/2)‖W‖², for claims about weight decay. Not
            given, they are checked at a λ of their own for each layer, which is no weaker: they
            hold at every point for every λ > 0.
        batch_size: of the minibatches whose noise is looked at; by default a quarter of the
            samples.
        seed: of dropout and other noise inside the model, and of what is drawn.
        chunk: samples that are looked at in one go: every claim is checked on each chunk, and the
            worst counts. By default as many as `theorems.own.places.chunks` finds room for: at most
            1024, fewer for large activations.
        double: run the network in float64. In float32 a sum over 10⁵ rows has a bound that decides
            little.
        on_verdict: called after each claim on each chunk with the share of the work that it is.

    Raises:
        InputError: as `impl.trace`; a decay, batch size or chunk that is none; a chunk of a batch
            that cannot be cut.
    """
    batch_first = loss is None and callable(targets) and not isinstance(targets, Tensor)
    given = (
        {"batch": inputs, "loss": targets}
        if batch_first
        else {"inputs": inputs, "targets": targets, "loss": loss}
    )
    if loss is None and not batch_first and targets is None:
        given = {"batch": inputs, "loss": None}
    training = {"decay": decay, "batch_size": batch_size}
    subject = replace(
        subject_of({"model": model, **given, **training}, "check_model to be given"), seed=seed
    )
    return check_subject(subject, claims=claims, chunk=chunk, double=double, on_verdict=on_verdict)


def check_subject(
    subject: Subject,
    *,
    claims: Iterable[Claim] | None = None,
    chunk: int | None = None,
    double: bool = False,
    on_verdict: Callable[[float], None] | None = None,
    journal: Journal | None = None,
) -> Results:
    """`check_model` of a network and how it is trained in one object, such as `load` returns.

    With a ``journal`` a claim that raises is noted there and the others go on.
    """
    from theorems.catalogue import CLAIMS

    everything = (autograd_gives_the_gradient, *CLAIMS)
    chosen = [
        claim for claim in (everything if claims is None else claims) if not kept_as_printed(claim)
    ]
    remembered = ExitStack()
    remembered.callback(Remembered(subject.model, parameters=False, gradients=True).restore)
    remembered.callback(Dice().restore)
    with remembered, in_double(subject.model) if double else nullcontext():
        if double:
            inputs, targets = mapped((subject.inputs, subject.targets), widened)
            subject = replace(
                subject, inputs=inputs, targets=targets, loss=loss_in_double(subject.loss)
            )
        pieces = chunks(subject, chunk)
        share = 1 / (len(pieces) * max(1, len(chosen)))
        stated = {claim.name: claim for claim in chosen}
        # the worst of all chunks is one verdict
        asked = [alarm_shared(claim, len(pieces)) for claim in chosen]
        advance = None if on_verdict is None else lambda: on_verdict(share)
        seen = Journal() if journal is None else journal
        seen.chunks, merged = len(pieces), seen.results
        seen.largest = max(
            (piece[1] - piece[0] for piece in pieces if piece is not None), default=None
        )
        for samples in pieces:
            part = subject if samples is None else cut(subject, *samples)
            part = replace(part, later=samples is not None and samples[0] > 0)
            for name, results in _check(
                part, asked, advance, None if journal is None else journal.errors
            ):
                for result in results:
                    key = (result.claim.name, result.where)
                    found = (
                        result
                        if samples is None
                        else _told(result, stated[result.claim.name], samples)
                    )
                    if key in merged:
                        spent = merged[key].seconds + found.seconds
                        found = replace(worse(merged[key], found), seconds=spent)
                    merged[key] = found
                seen.rounds[name] = seen.rounds.get(name, 0) + 1
            covered = part.__dict__.get("coverage") or Coverage()
            seen.layers = covered if seen.layers is None else seen.layers.joined(covered)
        return seen.finished(chosen)


def kept_as_printed(claim: Claim) -> bool:
    """Whether it is a statement that is known to be false; wrong variants of claims are not: a
    network can show that they are wrong.
    """
    return claim.expected is not Outcome.HOLDS and ": " not in claim.name


SEVERITY = (Outcome.REFUTED, Outcome.UNDECIDED, Outcome.HOLDS, Outcome.INAPPLICABLE)
"""The outcomes, the one that counts first."""


def worst_of(found: Sequence[Result]) -> Result:
    """The result that counts: refuted before undecided before holding, the nearest to its bound
    first.
    """
    return min(found, key=lambda r: (SEVERITY.index(r.verdict.outcome), -r.verdict.ratio))


def _told(result: Result, claim: Claim, samples: tuple[int, int]) -> Result:
    """Of the claim as it was given, with the samples that were looked at; without the instance
    where nothing is refuted, or those of all chunks would be held.
    """
    verdict = result.verdict
    first, end = samples
    instance = verdict.instance if verdict.outcome is Outcome.REFUTED else None
    context = {**verdict.context, "samples": f"{first} to {end - 1}"}
    return replace(
        result,
        claim=claim,
        verdict=replace(verdict, instance=instance, context=context),
        samples=samples,
    )


def worse(first: Result, second: Result) -> Result:
    """The one that counts; of two refutations the first, so that the instances of few chunks are
    held.
    """
    worst = worst_of((first, second))
    refuted = first.verdict.outcome is Outcome.REFUTED
    return first if refuted else worst


def _check(
    subject: Subject,
    chosen: list[Claim],
    on_verdict: Callable[[], None] | None,
    errors: dict[str, str] | None,
) -> Iterator[tuple[str, list[Result]]]:
    """The results of each claim at all its places; those of a claim that raises are left out where
    ``errors`` takes the reason.
    """
    available = instances_of(subject, {claim.subject for claim in chosen})
    if "layers" in subject.__dict__:
        _ = subject.coverage
    for claim in chosen:
        try:
            results = check_places(claim, available)
        except (Exception, SystemExit) as error:
            if errors is None:
                raise
            said = str(error) if isinstance(error, InputError) else told(error)
            errors.setdefault(claim.name, f"expected {claim.name} to be checked, but: {said}")
        else:
            yield claim.name, results
        if on_verdict is not None:
            on_verdict()


def check_places(claim: Claim, available: Mapping[type[Instance], Places | str]) -> list[Result]:
    """Check one claim at every place that `instances_of` found for it; one INAPPLICABLE result if
    there is none.
    """
    places = available.get(claim.subject, DRAWN_ONLY)
    results = []
    for where, instance in ({"": places} if isinstance(places, str) else places).items():
        began = time.perf_counter()
        verdict = (
            _inapplicable(claim, instance)
            if isinstance(instance, str)
            else _judged(claim, instance)
        )
        results.append(Result(claim, where, verdict, seconds=time.perf_counter() - began))
    return results


def _judged(claim: Claim, instance: Instance) -> Verdict:
    """The verdict; whatever the check raises is the reason why there is none."""
    try:
        return judged(claim, instance)
    except Exception as error:  # noqa: BLE001
        return _inapplicable(claim, f"its check raised {crash(error)}")
