"""What the law of training needs besides the Gram matrix: an initialisation that is matched to the
preconditioner.
"""

from __future__ import annotations

from collections.abc import Mapping

from theorems.claim import Hypothesis, Source
from theorems.impl.instances.measured import given
from theorems.impl.numbers.operands import Operand, count_of, is_exact, zeros_like
from theorems.impl.numbers.rounded import Ball
from theorems.impl.preconditioning.linear_students import InitialisedPair, identity
from theorems.impl.strategies import spectra as strategies
from theorems.preconditioning.descent import descend
from theorems.stating import equals
from theorems.verdict import Outcome

_PAPER = "2509.25637"
Moments = Mapping[str, Operand]


def _differ(left: Operand, right: Operand) -> bool:
    """Whether two operands are different beyond their rounding."""
    if is_exact(left):
        return bool((left != right).any())
    gap = left - right
    assert isinstance(gap, Ball)
    return not bool((gap.center.abs() <= gap.error).all())


def _balls(pair: InitialisedPair) -> InitialisedPair:
    return pair if is_exact(pair.inputs) else pair.map(given)


def _gram(inputs: Operand, factor: Operand) -> Operand:
    root = inputs @ factor
    return root @ root.mT


def unequal_grams(pair: InitialisedPair) -> str | None:
    """Why the two data sets do not have one Gram matrix, or None."""
    p = _balls(pair)
    different = _differ(_gram(p.inputs, p.factor), _gram(p.twin_inputs, p.twin_factor))
    return "the two data sets have different preconditioned Gram matrices" if different else None


def unmatched(pair: InitialisedPair) -> str | None:
    """Why the rows of W(0) are not N(0, cP), or None."""
    p = _balls(pair)
    for name, start, factor in (
        ("", p.start, p.factor),
        ("the twin's ", p.twin_start, p.twin_factor),
    ):
        if _differ(start @ start.mT, (factor @ factor.mT) * p.scale):
            return (
                f"the covariance of {name}rows of W(0) is not c·P, so the law of Z(0) holds "
                "more of X than G_P"
            )
    return None


def _moments(
    inputs: Operand, factor: Operand, start: Operand, pair: InitialisedPair
) -> tuple[Operand, Operand]:
    """E Z(0)Z(0)ᵀ and E Z(T)Z(T)ᵀ over W(0) ~ N(0, S Sᵀ), exactly: the mean's run, and one run per
    column of S.

    Training of a linear student is affine in W(0): the deviation of a column follows the same
    descent on zero targets.
    """
    spread = start.mT
    mean = descend(inputs, pair.targets, factor, pair.rates)
    zero = zeros_like(inputs @ spread.mT)
    deviation = descend(inputs, zero, factor, pair.rates, start=spread)
    first, z, m = inputs @ spread.mT, inputs @ deviation.mT, inputs @ mean.mT
    return first @ first.mT, m @ m.mT + z @ z.mT


def _observed(pair: InitialisedPair) -> Moments:
    at_start, at_end = _moments(pair.inputs, pair.factor, pair.start, pair)
    twin_start, twin_end = _moments(pair.twin_inputs, pair.twin_factor, pair.twin_start, pair)
    return {
        "start": at_start,
        "end": at_end,
        "start of the twin": twin_start,
        "end of the twin": twin_end,
    }


def _from_gram(pair: InitialisedPair, gram: Operand, start: Operand) -> Moments:
    """The moments from a Gram matrix alone: m ← m − ηG(m − y), M ← (I − ηG)M, E Z(t)Z(t)ᵀ = mmᵀ + M
    C Mᵀ.
    """
    eye = identity(count_of(gram.shape[-1]), gram)
    mean, path = zeros_like(pair.targets), eye
    for i in range(pair.rates.shape[0]):
        step = -(gram * pair.rates[i]) + eye
        mean = mean - (gram @ (mean - pair.targets)) * pair.rates[i]
        path = step @ path
    end = mean @ mean.mT + path @ start @ path.mT
    return {"start": start, "end": end, "start of the twin": start, "end of the twin": end}


def _kept(pair: InitialisedPair) -> Moments:
    gram = _gram(pair.inputs, pair.factor)
    return _from_gram(pair, gram, gram * pair.scale)


def _isotropic(pair: InitialisedPair) -> Moments:
    return _from_gram(
        pair, _gram(pair.inputs, pair.factor), (pair.inputs @ pair.inputs.mT) * pair.scale
    )


def _twice(pair: InitialisedPair) -> Moments:
    gram = _gram(pair.inputs, pair.factor)
    return _from_gram(pair, gram, gram @ gram * pair.scale)


def _unscaled(pair: InitialisedPair) -> Moments:
    gram = _gram(pair.inputs, pair.factor)
    return _from_gram(pair, gram, gram * pair.scale * pair.scale)


def _plain(pair: InitialisedPair) -> Moments:
    start = _gram(pair.inputs, pair.factor) * pair.scale
    return _from_gram(pair, pair.inputs @ pair.inputs.mT, start)


@equals(
    observed=_observed,
    on=strategies.matched_pairs,
    source=Source(
        _PAPER, "zero mutual information given the preconditioned Gram matrix", "derived"
    ),
    hypotheses={
        "equal Gram matrices": Hypothesis(strategies.pairs_with_other_grams, unequal_grams),
        "matched initialisation": Hypothesis(strategies.isotropic_pairs, unmatched),
    },
    mutants={
        "isotropic law of Z(0)": _isotropic,
        "P twice in the law of Z(0)": _twice,
        "scale squared": _unscaled,
        "training sees X Xᵀ": _plain,
    },
)
def information_needs_matched_initialisation(pair: InitialisedPair) -> Moments:
    r"""If the initialisation is matched to the preconditioner, the law of training depends on the
    inputs through G_P alone.

    W(0) = 0 or rows of W(0) ~ N(0, cP) give Z(0) columns ~ N(0, c G_P), and every later Z(t) a law
    made of G_P and y:

    .. math:: E[Z(0)Z(0)^\top] = c\,G_P, \qquad
              E[Z(t)Z(t)^\top] = m_t m_t^\top + c\, (I - \eta G_P)^t G_P (I - \eta G_P)^t

    for a linear student with m_{t+1} = m_t − ηG_P(m_t − y), the same for two data sets with equal
    G_P. The laws are Gaussian, so their moments are all there is. Shapes: X (n, d), twin (n, d'),
    moments (n, n). Observed: real training from zero and from every column of a root of the
    covariance of W(0): the expectation is a second moment and needs no sampling.

    Hypotheses, both checked: equal Gram matrices of the two data sets; W(0) matched, covariance cP.
    Without the second one it is false: see `information_needs_matched_initialisation_as_stated`.

    Raises InputError for anything that is not an InitialisedPair. Source: derived here from
    arXiv:2509.25637 [D].
    """
    return _kept(pair)


@equals(
    observed=lambda pair: {k: v for k, v in _observed(pair).items() if "twin" not in k},
    on=strategies.isotropic_pairs,
    source=Source(
        _PAPER, "zero mutual information, without a condition on the initialisation", "derived"
    ),
    hypotheses={
        "equal Gram matrices": Hypothesis(strategies.pairs_with_other_grams, unequal_grams)
    },
    mutants={},
    expected=Outcome.REFUTED,
)
def information_needs_matched_initialisation_as_stated(pair: InitialisedPair) -> Moments:
    r"""Two data sets with equal preconditioned Gram matrices give equal laws of training, whatever
    the initialisation. False.

    .. math:: X' P' X'^\top = X P X^\top \implies Z'(t) \sim Z(t) \text{ for all } t

    Counterexample: N = d and P = (XᵀX)⁻¹ give G_P = I for every invertible X, so by this statement
    training would hold no information on X at all; yet isotropic rows W(0) ~ N(0, cI) give Z(0) the
    covariance c X Xᵀ, which shows X up to a rotation. Shapes: X and X' (n, d), moments (n, n).
    Observed as in `information_needs_matched_initialisation`, the corrected form.

    Hypotheses: equal Gram matrices (checked). Raises InputError for anything that is not an
    InitialisedPair. Source: derived here from arXiv:2509.25637 [D]; expected to be REFUTED.
    """
    at_start, at_end = _moments(pair.twin_inputs, pair.twin_factor, pair.twin_start, pair)
    return {"start": at_start, "end": at_end}
