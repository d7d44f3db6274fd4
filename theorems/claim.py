"""`Claim`: one statement of a paper as one object, callable on an instance."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from impl.errors import InputError
from impl.operands import Instance
from theorems.relations import Comparison, Finding, Relation, Side, Sign
from theorems.verdict import Outcome, Verdict
from theorems.witness import tell

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Strategy: TypeAlias = "Callable[[], SearchStrategy[Any]]"


@dataclass(frozen=True)
class Source:
    """Where a statement comes from: arXiv id, what the paper calls it, and whether the wording is the paper's."""

    arxiv: str
    where: str
    tag: Literal["paper", "derived"] = "paper"


@dataclass(frozen=True)
class Hypothesis:
    """A condition of a claim.

    Args:
        check: the reason why an instance violates it, or None where it is met. No check: it cannot be seen from the
            instance, and a violation must show as REFUTED.
        dropped: a strategy of instances that violate it.
        meaning: why the comparison holds on violations too, where the hypothesis is what gives the statement its meaning (both
            sides are zero, say). Without it some violation must be refuted or be impossible to judge once nobody checks.
    """

    dropped: Strategy
    check: Callable[[Any], str | None] | None = None
    meaning: str | None = None


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
        generic: draws a generic instance from an `impl.generic.Source`; None for the way of the instance type, if it has one.
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
    generic: Callable[[Any], Any] | None = None

    @property
    def tag(self) -> str:
        """The word "paper" for the paper's own statement, "derived" for one derived from it."""
        return self.source.tag

    @property
    def summary(self) -> str:
        """The first paragraph of the statement on one line."""
        return " ".join(self.statement.split("\n\n")[0].split())

    @property
    def mutants(self) -> dict[str, Claim]:
        """Wrong variants of the claim by name; each is a claim that must be refuted on drawn instances."""
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
        """The same claim with one hypothesis no longer checked: what happens if somebody forgets it.

        Raises:
            InputError: if the claim has no such hypothesis.
        """
        if hypothesis not in self.hypotheses:
            raise InputError(f"expected one of the hypotheses {sorted(self.hypotheses)}, got {hypothesis!r}")
        rest = {name: h for name, h in self.hypotheses.items() if name != hypothesis}
        return replace(self, name=f"{self.name}: without {hypothesis}", hypotheses=rest)

    def inapplicable(self, instance: Any) -> tuple[str, str] | None:
        """The first hypothesis that ``instance`` violates, with the reason; None if the claim applies."""
        for name, hypothesis in self.hypotheses.items():
            reason = hypothesis.check(instance) if hypothesis.check is not None else None
            if reason is not None:
                return name, reason
        return None

    def __call__(self, instance: Any) -> Verdict:
        """Check the claim on one instance (or a batch of them along leading dimensions: the worst one counts).

        Raises:
            InputError: if ``instance`` is not of the claim's subject type.
        """
        if not isinstance(instance, self.subject):
            raise InputError(
                f"expected {self.name} to be called with a {self.subject.__name__}, got {type(instance).__name__}; "
                f"{_HOW.get(self.subject.__name__, 'see its statement')}"
            )
        violated = self.inapplicable(instance)
        if violated is not None:
            name, reason = violated
            context = {"hypothesis": name, "reason": reason}
            return tell(self, Verdict(self.name, Outcome.INAPPLICABLE, instance=instance, context=context))
        found: Finding = self.relation.judge(self.observe, self.predict, instance)
        verdict = Verdict(self.name, found.outcome, found.grade, found.measured, found.bound, instance, found.context)
        return tell(self, verdict)

    def __repr__(self) -> str:
        """Name, paper and tag."""
        return f"<Claim {self.name} (arXiv:{self.source.arxiv}, {self.tag})>"


_HOW = {
    "LayerTrace": "use impl.trace(model, inputs, targets, loss)['name of the layer']",
    "GatedNetwork": "use impl.stacks(model, inputs, targets, loss) or impl.gated_network(...)",
    "FeatureSet": "use impl.feature_set(features, targets)",
    "DecayedMatrix": "use impl.decayed_layers(model, inputs, targets, loss, decay=...)['name'] or impl.free_features(...)",
    "MinibatchNoise": "use impl.readout_noise(model, inputs, targets, loss, impl.minibatches(...)) or impl.feature_noise(...)",
    "CoupledPoint": "use impl.coupled_point(features, readout, targets, ridge=..., decay=...)",
    "WeightStep": "use impl.weight_step(before, after)",
    "WeightMotion": "use impl.weight_motion(weight, velocity)",
    "LinearChain": "use impl.linear_chain(model, inputs)",
    "ReadoutEnsemble": "use impl.readout_ensemble(features, weight, targets, readouts, variance=..., rate=...)",
    "LabelledFeatures": "use impl.labelled_features(features, labels)",
    "PreconditionedSteps": "use impl.preconditioned_steps(model, inputs, targets, loss)",
    "TwinRuns": "use impl.train_twins(rest, targets, sets, steps=...)",
    "LinearStudent": "use impl.linear_student(inputs, beta, ...)",
}


def compares(
    sign: Sign = "=",
    *,
    observed: Side,
    on: Strategy,
    source: Source,
    mutants: Mapping[str, Side | Mapping[str, Any]],
    hypotheses: Mapping[str, Hypothesis] | None = None,
    signs: Mapping[str, Sign] | None = None,
    expected: Outcome = Outcome.HOLDS,
    generic: Callable[[Any], Any] | None = None,
) -> Callable[[Side], Claim]:
    """Make a claim of a prediction: observed ``sign`` predicted, up to rounding. It registers nothing.

    Args:
        sign: how the observation relates to the prediction.
        observed: measures the instance.
        on: strategy that draws instances.
        source: where the statement comes from.
        mutants: wrong predictions by name, each of which must be refuted.
        hypotheses: conditions by name.
        signs: for named parts whose relation is another one.
        expected: REFUTED for a statement kept as printed.
        generic: see `Claim`; needed only for an instance type of your own.
    """

    def make(predict: Side) -> Claim:
        parameters = list(inspect.signature(predict).parameters)
        subject = typing.get_type_hints(predict)[parameters[0]]
        statement = inspect.getdoc(predict)
        if not statement:
            raise InputError(f"expected {predict.__name__} to have a docstring: it is the statement of the claim")
        return Claim(
            name=predict.__name__,
            statement=statement,
            source=source,
            relation=Comparison(sign, signs or {}),
            observe=observed,
            predict=predict,
            instances=on,
            subject=subject,
            hypotheses=hypotheses or {},
            changes=mutants,
            expected=expected,
            generic=generic,
        )

    return make


def equals(**options: Any) -> Callable[[Side], Claim]:
    """The observation equals the prediction; options of `compares`."""
    return compares("=", **options)


def at_most(**options: Any) -> Callable[[Side], Claim]:
    """The observation is at most the prediction; options of `compares`."""
    return compares("<=", **options)
