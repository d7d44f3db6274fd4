"""What all drawn instances of a strategy have in common its generic points have too: they are
points of what the claim speaks of.
"""

import dataclasses
from fractions import Fraction
from functools import cache, partial
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import settings

from impl import Operand, strategies
from impl.generic import Source, families
from impl.numbers.tracked import Tracked
from theorems import CLAIMS, equals
from theorems.checking.drawing import draws
from theorems.checking.generic import SHAPES, examine
from theorems.domains import family_of, law

BOOKKEEPING = {"unit", "grad_terms", "grad_magnitude", "calls", "output_error", "residual_error"}
"""Fields about rounding and about how something was recorded: exact numbers have none of it."""

DRAWN = max(150, settings().max_examples // 2)
"""At most so many are drawn: nothing is common to all any more of what the family lacks, as a rule
after a few.
"""


def _array(value):
    if isinstance(value, torch.Tensor):
        return value.double().numpy()
    if isinstance(value, int | float | Fraction) and not isinstance(value, bool):
        return np.array(value, dtype=object)
    return value if isinstance(value, np.ndarray) else None


def _numbers(instance):
    """Every array of an instance by name, and what else can be said of its fields."""
    arrays, said = {}, set()
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.name in BOOKKEEPING:
            continue
        if value is None or isinstance(value, str | bool):
            said |= {f"{field.name} is {value!r}", f"bool({field.name}) is {bool(value)}"}
        elif isinstance(value, tuple):
            said |= {f"len({field.name}) <= {n}" for n in (1, 4) if len(value) <= n}
            said |= {f"len({field.name}) >= {n}" for n in (2, 3) if len(value) >= n}
            arrays |= {f"{field.name}[{i}]": _array(part) for i, part in enumerate(value)}
            arrays |= {f"{field.name}[-1]": _array(value[-1])}
        else:
            arrays[field.name] = _array(value)
    return {name: array for name, array in arrays.items() if array is not None}, said


def _scaled(array):
    """Divided by the largest entry, in float64."""
    if array.dtype != object:
        return array / (np.abs(array).max() or 1)
    largest = max(abs(value) for value in array.flat) or 1
    return np.array([float(Fraction(value) / largest) for value in array.flat]).reshape(array.shape)


def _of_square(array):
    flipped, scaled = np.swapaxes(array, -1, -2), _scaled(array)
    if array.size and np.allclose(scaled, np.swapaxes(scaled, -1, -2), atol=1e-9):
        yield "symmetric"
    yield from (
        name
        for name, part in (("lower", np.triu(scaled, 1)), ("upper", np.tril(scaled, -1)))
        if not part.any()
    )
    if (np.linalg.eigvalsh(scaled + np.swapaxes(scaled, -1, -2)) >= -1e-9).all():
        yield "positive semidefinite"
    gram = array @ flipped - np.eye(array.shape[-1], dtype=int)
    if all(abs(value) < 1e-9 for value in gram.flat):
        yield "orthogonal"


def _of_one(array):
    compared = {
        ">= 0": array >= 0,
        "> 0": array > 0,
        "== 0": array == 0,
        "== 1": array == 1,
        "of bits": (array == 0) | (array == 1),
    }
    yield from (name for name, where in compared.items() if array.size and bool(np.all(where)))
    if array.ndim >= 2:
        rows, columns = array.shape[-2:]
        sizes = {
            "tall": rows >= columns,
            "wide": rows <= columns,
            "taller": rows > columns,
            "wider": rows < columns,
            "one row": rows == 1,
            "one column": columns == 1,
            "rows": rows > 1,
            "columns": columns > 1,
            "few rows": rows < 8,
            "few columns": columns < 8,
        }
        yield from (name for name, holds in sizes.items() if holds)
        if rows == columns:
            yield from _of_square(array)
    if array.ndim >= 3 and all((part == array[0]).all() for part in array):
        yield "one matrix over and over"
    if array.ndim == 1:
        steps = [b - a for a, b in zip(array, array[1:], strict=False)]
        yield from (
            name
            for name, holds in (
                ("rising", min(steps, default=0) >= 0),
                ("falling", max(steps, default=0) <= 0),
            )
            if holds
        )


def properties(instance):
    """What is true of an instance, in words: signs, sizes, symmetries, missing fields, equal
    fields, fitting shapes.
    """
    arrays, said = _numbers(instance)
    said |= {f"{name} {what}" for name, array in arrays.items() for what in _of_one(array)}
    for (a, left), (b, right) in combinations(arrays.items(), 2):
        if left.shape == right.shape:
            said |= {f"{a} == {b}"} if (left == right).all() else set()
            said |= {f"{a} == -{b}"} if (left == -right).all() else set()
        for i, m in {"rows": left.shape[:1], "columns": left.shape[-1:]}.items():
            said |= {
                f"{i} of {a} as {j} of {b}"
                for j, n in {"rows": right.shape[:1], "columns": right.shape[-1:]}.items()
                if m == n
            }
    return said


@cache
def common(strategy, examples=DRAWN):
    """The properties that all drawn members of a strategy have."""
    return frozenset.intersection(
        *(frozenset(properties(i)) for i in draws(strategy(), examples=examples, seed=0))
    )


def common_beside(strategy, had):
    """The same of as few members as it takes until nothing is left that is not among ``had``; of
    all that are drawn if something is.
    """
    for examples in (15, 50, DRAWN):
        kept = common(strategy, examples)
        if kept <= had:
            break
    return kept


def _named(strategy):
    return getattr(strategy, "__name__", str(strategy))


OWN = {strategy: family for family in families.FAMILIES for strategy in family.strategies}


def test_every_family_of_a_claim_is_looked_at():
    of_claims = {
        law(claim): family_of(claim)
        for claim in CLAIMS
        if claim.generic is None and family_of(claim)
    }
    assert of_claims.items() <= OWN.items()


@pytest.mark.slow
@pytest.mark.parametrize("strategy", OWN, ids=_named)
def test_generic_points_have_what_drawn_ones_have_in_common(strategy):
    family = OWN[strategy]
    made = [family(Source(shape, 1)) for shape in range(24)]
    had = frozenset.intersection(*(frozenset(properties(instance)) for instance in made))
    assert not common_beside(strategy, had) - had
    assert family.member is None or all(family.member(instance) for instance in made)


PUBLIC = [
    getattr(strategies, name)
    for name in strategies.__all__
    if name not in ("SEEDS", "lattices", "network_specs", "lattice_networks", "seeded_networks")
]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", PUBLIC, ids=_named)
def test_what_is_true_of_all_drawn_members_is_never_refuted_by_a_generic_point(strategy):
    kind = type(draws(strategy(), examples=1, seed=0)[0])
    family = OWN.get(strategy)
    shapes = range(12) if family is not None else ()
    points = [frozenset(properties(family(Source(shape, 1)))) for shape in shapes]
    kept = common_beside(
        strategy, frozenset.intersection(*points) if points else frozenset(common(strategy, 15))
    )

    def conjecture(instance) -> Operand:
        """Members of the strategy have what its drawn members have in common."""
        return np.array(len(kept), dtype=object)

    conjecture.__annotations__["instance"] = kind
    claim = equals(
        observed=lambda i: np.array(len(kept & _plainly(i)), dtype=object), on=strategy, mutants={}
    )(conjecture)
    assert kept
    assert examine(claim).refutation is None
    for narrower in (
        partial(strategy),
        strategy().filter(lambda _: True),
        strategy().map(dataclasses.replace),
    ):
        other = equals(observed=claim.observe, on=narrower, mutants={})(conjecture)
        assert examine(other).refutation is None


def _plainly(instance):
    """The properties, also of an instance made of numbers that know their degree."""
    arrays, _ = _numbers(instance)
    return (
        set()
        if any(isinstance(v, Tracked) for a in arrays.values() if a.dtype == object for v in a.flat)
        else properties(instance)
    )


@pytest.mark.slow
def test_a_point_outside_of_the_strategy_would_be_noticed():
    """The same conjecture on a wrong table: what is ReLU to the strategy has its masks as data at
    the generic points.
    """
    kept = common(strategies.lattice_gated_networks)
    lost = kept - properties(families.GATED(Source(1, 1)))
    assert "gate is 'relu'" in lost
    assert "bias is None" not in properties(families.BIASED_LAYERS(Source(0, 0)))
    assert "bias is None" in properties(families.UNBIASED_LAYERS(Source(0, 0)))


# -- what the families reach -----------------------------------------------------------------------


@pytest.mark.slow
def test_families_are_what_their_names_say():
    shapes = range(24)
    chains = [families.CHAINS(Source(s, 0)) for s in shapes]
    from impl.feature_learning.chains import imbalance

    assert {c.depth for c in chains} == {1, 2, 3, 4}
    assert all(imbalance(c) != 0 for c in chains if c.depth > 1)
    assert all(imbalance(families.BALANCED_CHAINS(Source(s, 0))) == 0 for s in shapes)
    deep = [families.BALANCED_CHAINS.beyond["depth 5 and 6"](Source(s, 0)) for s in shapes]
    assert {c.depth for c in deep} == {5, 6}
    assert all(imbalance(c) == 0 for c in deep)
    for family, depths in {
        families.GATED: {1, 2, 3, 4},
        families.DEEP_GATED: {2, 3, 4},
        families.SHALLOW_GATED: {1},
    }.items():
        nets = [family(Source(s, 0)) for s in shapes]
        assert {net.depth for net in nets} == depths
        assert any(all((m == 1).all() for m in net.masks) for net in nets), "all gates open"
        assert any((net.inputs[0] == net.inputs[1]).all() for net in nets), "two equal samples"
    flows = [families.LINEAR_FLOWS(Source(s, 0)) for s in shapes]
    assert all((m == 1).all() for net in flows for m in net.masks)
    layers = [families.LAYERS(Source(s, 0)) for s in shapes]
    assert {layer.bias is None for layer in layers} == {True, False}
    assert any((layer.inputs[0] == layer.inputs[1]).all() for layer in layers)
    assert any((layer.output_grad[-1] == 0).all() for layer in layers)
    assert all(
        layer.bias is None for layer in (families.UNBIASED_LAYERS(Source(s, 0)) for s in shapes)
    )


def test_spikes_reach_curvature_pairs_and_a_direction_across_at_once():
    """d ≥ 2, n ≥ 2 and degree ≥ 2 together, within the shapes that every run tries."""
    made = [families.SPIKES(Source(shape, 0)) for shape in range(SHAPES)]
    assert any(
        s.dimension >= 2 and s.samples >= 2 and len(s.coefficients) >= 3 and s.coefficients[2] != 0
        for s in made
    )


def test_ties_are_among_the_points():
    shapes = range(24)
    tied = {
        families.SPECTRAL_TASKS: lambda t: t.values, families.REGRESSIONS: lambda t: t.levels,
        families.FEATURES: lambda t: t.features[0], families.ALIGNED: lambda t: t.logs,
    }  # fmt: skip
    for family, numbers in tied.items():
        assert any(
            len(set(numbers(family(Source(s, 0))))) < len(numbers(family(Source(s, 0))))
            for s in shapes
        ), family.name
        assert any(
            len(set(numbers(family(Source(s, 0))))) == len(numbers(family(Source(s, 0))))
            for s in shapes
        ), family.name


def test_entries_are_drawn_from_all_of_the_set():
    """Odd and even ones, of both signs, of every size: the lemma divides by the size of the set
    from which they come.
    """
    source = Source(0, "a word")
    entries, positive = source.entries(4000), source.positive(4000)
    for numbers in (entries, positive):
        for bit in range(58):
            ones = sum((int(v) >> bit) & 1 for v in numbers)
            assert 1700 < ones < 2300, bit
        assert len(set(numbers)) == 4000
    assert 1700 < sum(v < 0 for v in entries) < 2300
    assert -(2**60) <= min(entries) < -(2**60) * 0.99
    assert 2**60 * 0.99 < max(entries) < 2**60
    assert 1 <= min(positive) < 2**61 * 0.01
    assert 2**61 * 0.99 < max(positive) <= 2**61
    assert (Source(0, "a word").entries(5) == entries[:5]).all()
    assert (Source(0, "another").entries(5) != entries[:5]).all()
