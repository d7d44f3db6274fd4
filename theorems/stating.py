"""Every decorator that makes a claim of a prediction: what is observed, on what, and how the two
must relate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from theorems.claim import Claim, Hypothesis, Source, Strategy
from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance
from theorems.relations import Comparison, Relation, Side, Sign
from theorems.relations.asymptotics import TendsTo
from theorems.relations.certified import Converges, Enclosure
from theorems.relations.minimum import MinimiserHasRank, Minimises
from theorems.relations.precision import PRECISION
from theorems.relations.ranks import RankIs
from theorems.relations.signs import SIGNS, Signs
from theorems.statements import Restricted, stated_in, strategy_of
from theorems.variants import automatic
from theorems.verdict import Outcome

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def compares(
    sign: Sign = "=",
    *,
    observed: Side,
    on: Strategy | SearchStrategy[Any],
    source: Source | None = None,
    mutants: Mapping[str, Side | Mapping[str, Any]] | None = None,
    hypotheses: Mapping[str, Hypothesis | Callable[[Any], str | None]] | None = None,
    signs: Mapping[str, Sign] | None = None,
    expected: Outcome = Outcome.HOLDS,
    generic: Callable[[Any], Any] | None = None,
    where: Mapping[str, Callable[[Any], Any]] | None = None,
) -> Callable[[Side], Claim]:
    """Make a claim of a prediction: observed ``sign`` predicted, up to rounding. It registers
    nothing.

    Args:
        sign: how the observation relates to the prediction: ``=``, ``<=``, ``>=`` or ``>``.
        observed: measures the instance.
        on: strategy that draws instances, or a function that returns one.
        source: where the statement comes from; by default it is a conjecture of the file that
            states it.
        mutants: wrong predictions by name, each of which must be refuted; by default sign flipped,
            twice (half, of an upper bound) and transposed.
        hypotheses: conditions by name; a function alone is the check of one.
        signs: for named parts whose relation is another one; ``*`` in a name stands for anything.
        expected: REFUTED for a statement kept as printed.
        generic: see `Claim`; needed for an instance type of your own, and for a strategy that is
            not one of `impl.strategies` as it is.
        where: the claim is about instances of this kind only: ``where={"layers without a bias":
            lambda layer: layer.bias is None}``.

    Raises:
        InputError: for a sign, an observation, a strategy or a prediction that cannot make a claim.
    """
    require(
        where is None or (isinstance(where, Mapping) and all(map(callable, where.values()))),
        'expected where= to name kinds of instances, each with a predicate: where={"layers '
        'without a bias": lambda layer: layer.bias is None}',
    )
    require(
        generic is None or callable(generic),
        f"expected generic= to draw an instance, got {type(generic).__name__}",
    )
    require(sign in SIGNS, f"expected a sign among {', '.join(SIGNS)}, got {sign!r}")
    require(
        callable(observed),
        f"expected observed= to be a function of an instance, got {type(observed).__name__}",
    )

    def make(predict: Side) -> Claim:
        stated = stated_in(predict)
        return Claim(
            name=stated.name,
            statement=stated.statement,
            source=Source("", stated.where, "conjecture") if source is None else source,
            relation=Comparison(sign, Signs(signs or {})),
            observe=observed,
            predict=predict,
            instances=Restricted(strategy_of(on), where) if where else strategy_of(on),
            subject=stated.subject,
            hypotheses={
                name: condition
                if isinstance(condition, Hypothesis)
                else Hypothesis(check=condition)
                for name, condition in (hypotheses or {}).items()
            },
            changes=automatic(predict, sign) if mutants is None else mutants,
            expected=expected,
            file=stated.file,
            generic=generic,
            where=where or {},
        )

    return make


def equals(**options: Any) -> Callable[[Side], Claim]:
    """The observation equals the prediction; options of `compares`."""
    return compares("=", **options)


def at_most(**options: Any) -> Callable[[Side], Claim]:
    """The observation is at most the prediction; options of `compares`."""
    return compares("<=", **options)


def in_law(relation: Relation, **options: Any) -> Callable[[Side], Claim]:
    """Make a claim of a prediction that random observations obey in law; options of `compares`, no
    sign.
    """

    def make(predict: Side) -> Claim:
        return replace(equals(**options)(predict), relation=relation)

    return make


def rank_is(
    *, equal: tuple[str, ...] = (), **options: Any
) -> Callable[[Callable[[Any], Any]], Claim]:
    """Make a claim that bounds ranks; ``equal`` names the parts whose rank is met; options of
    `compares`.
    """
    return lambda predict: replace(equals(**options)(predict), relation=RankIs(equal))


def tends_to(
    relation: TendsTo, *, subject: type[Instance], **options: Any
) -> Callable[[Side], Claim]:
    """Make a claim of a prediction that observations approach at a rate.

    Args:
        relation: how the distance behaves.
        subject: type of the instances, which have a ``path``; observation and prediction see one
            point of it at a time.
        options: those of `compares`, no sign.
    """

    def make(predict: Side) -> Claim:
        return replace(equals(**options)(predict), relation=relation, subject=subject)

    return make


def minimises(**options: Any) -> Callable[[Callable[[Any], Any]], Claim]:
    """Make a claim of a kernel that minimises the observed energy; options of `compares`."""
    return lambda predict: replace(equals(**options)(predict), relation=Minimises())


def minimiser_has_rank(**options: Any) -> Callable[[Callable[[Any], Any]], Claim]:
    """Make a claim of the rank of the kernel that minimises the observed energy; options of
    `compares`.
    """
    return lambda predict: replace(equals(**options)(predict), relation=MinimiserHasRank())


def certifies(
    sign: Sign = "=", *, precision: int = PRECISION, **options: Any
) -> Callable[[Side], Claim]:
    """Make a claim whose two sides are compared as balls; options of `compares`."""

    def make(predict: Side) -> Claim:
        return replace(equals(**options)(predict), relation=Enclosure(sign, precision))

    return make


def converges(**options: Any) -> Callable[[Side], Claim]:
    """Make a claim that a predicted series sums to the observed value; options of `compares`."""

    def make(predict: Side) -> Claim:
        return replace(equals(**options)(predict), relation=Converges())

    return make
