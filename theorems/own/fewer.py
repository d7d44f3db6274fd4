"""A refutation on somebody's network, on the fewest of its samples: a counterexample to be read."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from theorems.claim import Claim
from theorems.impl.errors import InputError
from theorems.own.models import Results, check_subject
from theorems.own.places import Subject
from theorems.own.places.chunks import cut, sample_count
from theorems.verdict import Outcome, Verdict


def refuted_on_fewer(
    subject: Subject, claim: Claim, *, samples: tuple[int, int] | None = None, double: bool = False
) -> Verdict | None:
    """The refutation of a claim on the fewest of the batch's samples, at the smallest place: a
    counterexample to be read.

    The first 1, 2, 4, … samples are tried, the network run anew on each; None if only the whole
    batch refutes the claim, or it cannot be cut, or the network is too large to be run again and
    again.

    Args:
        subject: the network.
        claim: the claim.
        samples: the first of the samples that refute it together, and the one after their last; by
            default all.
        double: run the network in float64.
    """
    whole = sample_count(subject)
    if subject.size > _LARGEST or whole is None:
        return None
    first, end = samples or (0, whole)
    count = 1
    while count < end - first:
        try:
            few = cut(subject, first, first + count)
            results = check_subject(
                few, claims=[claim], chunk=max(count, subject.batch_size or 0), double=double
            )
        except InputError:  # BatchNorm on one sample, a loss that wants them all
            results = Results()
        refuted = [r.verdict for r in results if r.verdict.outcome is Outcome.REFUTED]
        if refuted:
            return min(refuted, key=lambda verdict: _entries(verdict.instance))
        count *= 2
    return None


_LARGEST = 10**6
"""Parameters of a network up to which a counterexample on fewer samples is looked for."""


def _entries(instance: Any) -> int:
    return sum(value.numel() for value in vars(instance).values() if isinstance(value, Tensor))
