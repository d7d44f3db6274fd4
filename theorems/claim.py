"""`Claim`: one statement of a paper as one object, callable on an instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from theorems.impl.errors import InputError, require
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.exact_arrays import evaluated
from theorems.relations import Finding, Relation, Side
from theorems.stacks import on_members
from theorems.statements import HOW, explained, first_paragraph, outside
from theorems.variants import Changed
from theorems.verdict import Outcome, Verdict
from theorems.witness import tell

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Strategy: TypeAlias = "Callable[[], SearchStrategy[Any]]"


@dataclass(frozen=True)
class Source:
    """Where a statement comes from.

    Args:
        arxiv: id of the paper; empty for a conjecture of no paper.
        where: what the paper calls it, or the file in which it is stated.
        tag: whether the wording is the paper's, derived from it, or a conjecture.
    """

    arxiv: str
    where: str
    tag: Literal["paper", "derived", "conjecture"] = "paper"

    @property
    def label(self) -> str:
        """One line: paper and place."""
        return f"arXiv:{self.arxiv}, {self.where}" if self.arxiv else self.where


@dataclass(frozen=True)
class Hypothesis:
    """A condition of a claim.

    Args:
        dropped: a strategy of instances that violate it; without one nobody tries what happens if
            it is forgotten.
        check: the reason why an instance violates it, or None where it is met. No check: it cannot
            be seen from the instance, and a violation must show as REFUTED.
        meaning: why the comparison holds on violations too, where the hypothesis is what gives the
            statement its meaning (both sides are zero, say). Without it some violation must be
            refuted or be impossible to judge once nobody checks.

    Raises:
        InputError: with neither.
    """

    dropped: Strategy | None = None
    check: Callable[[Any], str | None] | None = None
    meaning: str | None = None

    def __post_init__(self) -> None:
        """Refuse a condition that nothing looks at."""
        require(
            self.dropped is not None or self.check is not None,
            "expected a hypothesis with a check, or with a strategy of instances that "
            "violate it, got neither",
        )


@dataclass(frozen=True, eq=False)
class Claim:
    """A statement that can be caught out.

    Calling it on an instance observes, predicts and compares: ``claim(instance) -> Verdict``.

    Args:
        name: public name, also test id, badge and report row.
        statement: the docstring of the prediction: words, LaTeX, shapes, hypotheses, source.
        source: paper and tag.
        relation: how observation and prediction must relate.
        observe: measures the network; never uses the formula under test.
        predict: what the theorem says.
        instances: a Hypothesis strategy (call it).
        hypotheses: by name; checked before anything is compared.
        changes: what the mutants change, by name: another prediction, or fields of the claim.
        expected: HOLDS, or REFUTED for a statement that is kept as printed.
        subject: the instance type.
        file: where the claim is stated.
        generic: the family of generic instances that the claim speaks of (`impl.generic.families`),
            or a function that draws one of yours from an `impl.generic.Source`; None for the family
            that the strategy draws, if it is one of those (see `theorems.domains`).
        where: what else an instance must be, in words, each with a predicate. Elsewhere the claim
            says nothing, whoever drew the instance: it is INAPPLICABLE.
    """

    name: str
    statement: str
    source: Source
    relation: Relation
    observe: Side
    predict: Side
    instances: Strategy
    subject: type[Instance]
    hypotheses: Mapping[str, Hypothesis] = field(default_factory=dict)
    changes: Mapping[str, Side | Mapping[str, Any]] = field(default_factory=dict)
    expected: Outcome = Outcome.HOLDS
    file: str = ""
    generic: Callable[[Any], Any] | None = None
    where: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The word "paper" for the paper's own statement, "derived" for one derived from it, or
        "conjecture".
        """
        return self.source.tag

    @property
    def summary(self) -> str:
        """The first paragraph of the statement on one line."""
        return first_paragraph(self.statement)

    @property
    def mutants(self) -> dict[str, Claim]:
        """Wrong variants of the claim by name; each is a claim that must be refuted on drawn
        instances.
        """
        return {
            name: replace(
                self,
                name=f"{self.name}: {name}",
                changes={},
                **(change if isinstance(change, Mapping) else {"predict": change}),
            )
            for name, change in self.changes.items()
        }

    def without(self, hypothesis: str) -> Claim:
        """The same claim with one hypothesis no longer checked: what happens if somebody forgets
        it.

        Raises:
            InputError: if the claim has no such hypothesis.
        """
        if hypothesis not in self.hypotheses:
            raise InputError(
                f"expected one of the hypotheses {sorted(self.hypotheses)}, got {hypothesis!r}"
            )
        rest = {name: h for name, h in self.hypotheses.items() if name != hypothesis}
        return replace(self, name=f"{self.name}: without {hypothesis}", hypotheses=rest)

    def inapplicable(self, instance: Any) -> tuple[str, str] | None:
        """The first hypothesis that ``instance`` violates, with the reason; None if the claim
        applies.

        An instance outside of the claim's domain violates the hypothesis "domain".
        """
        with explained(self, instance):
            missed = outside(self.where, instance)
        if missed is not None:
            return DOMAIN, f"outside of the claim's domain: not of the kind {missed!r}"
        for name, hypothesis in self.hypotheses.items():
            with explained(self, instance):
                reason = (
                    evaluated(hypothesis.check, instance) if hypothesis.check is not None else None
                )
                require(
                    reason is None or isinstance(reason, str),
                    f"expected the check of {name!r} in {self.name} to return None, or the reason "
                    f"why the instance violates it, got {type(reason).__name__}",
                )
            if reason is not None:
                return name, reason
        if isinstance(self.predict, Changed):
            with explained(self, instance):
                idle = evaluated(self.predict.idle, instance)
            if idle is not None:
                return "a wrong variant", idle
        return None

    def __call__(self, instance: Any) -> Verdict:
        """Check the claim on one instance, or on each member of a stack (`Instance.stack`): the
        worst verdict counts.

        Raises:
            InputError: if ``instance`` is not of the claim's subject type, or a stack that does not
                know its members.
        """
        if not isinstance(instance, self.subject):
            raise InputError(
                f"expected {self.name} to be called with a {self.subject.__name__}, got "
                f"{type(instance).__name__}; {HOW.get(self.subject.__name__, 'see its statement')}"
            )
        if instance.members:
            return on_members(self, instance)
        kind = type(instance).__name__
        require(
            not instance.stacked,
            f"expected {self.name} to be called with one {kind}, got a stack (leading dimensions) "
            f"that does not know its members; make it with {kind}.stack([...]), or judge them one "
            "by one",
        )
        violated = self.inapplicable(instance)
        if violated is not None:
            name, reason = violated
            context = {"hypothesis": name, "reason": reason}
            return tell(
                self, Verdict(self.name, Outcome.INAPPLICABLE, instance=instance, context=context)
            )
        with explained(self, instance):
            found: Finding = evaluated(
                lambda it: self.relation.judge(self.observe, self.predict, it), instance
            )
        if self.tag == "conjecture" and ": " not in self.name:
            # somebody is still writing this: a formula of another shape is a slip and no
            # counterexample
            shapes = found.context.get("shapes")
            require(
                shapes is None,
                f"expected both sides of {self.name} to have one shape, got {shapes}: "
                f"nothing can be compared; on {instance!r}",
            )
        # nothing was compared
        grade = None if found.outcome is Outcome.INAPPLICABLE else found.grade
        verdict = Verdict(
            self.name, found.outcome, grade, found.measured, found.bound, instance, found.context
        )
        return tell(self, verdict)

    def __repr__(self) -> str:
        """Name, paper and tag."""
        return f"<Claim {self.name} ({self.source.label.split(',')[0]}, {self.tag})>"


DOMAIN = "domain"
"""What an instance violates of which the claim does not speak."""
