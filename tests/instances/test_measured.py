"""What is measured and what is data: said where a type is defined, by no import; what rounding
explains refutes nothing.
"""

import itertools
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from impl import Instance, LayerTrace, linear_network, strategies, trace, unknown, weight_step
from impl.errors import InputError
from impl.feature_learning.whitening import WeightStep, newton_schulz
from impl.numbers.operands import Operand
from theorems import equals, gram_whitening_keeps_the_gram, imbalance_of_linear_layers_is_conserved
from theorems.relations import Comparison
from theorems.relations.ranks import RankIs
from theorems.verdict import Grade, Outcome

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def judge(observe, predict, instance, sign="="):
    return Comparison(sign).judge(observe, predict, instance)


# -- no import changes a verdict -------------------------------------------------------------------

VERDICTS = """
import json, sys, torch
for name in sys.argv[1:]:
    __import__(name)
from impl import weight_step, free_features, trace
from theorems.relations import Comparison
torch.set_num_threads(1)

def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

step = weight_step(normal(0, 5, 5), normal(1, 5, 5))
eye = torch.eye(5, dtype=torch.float64)
features = free_features(normal(2, 6, 4), normal(3, 2, 4), normal(4, 6, 2), decay=0.3)
model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)).double()
for i, p in enumerate(model.parameters()):
    p.data = normal(10 + i, *p.shape)
layer = trace(model, normal(5, 7, 4), torch.tensor([0, 1, 2, 0, 1, 2, 0]), torch.nn.functional.cross_entropy)["2"]
found = {
    "QQt = I": Comparison().judge(lambda s: s.rotation @ s.rotation.mT, lambda s: eye, step),
    "gradient": Comparison().judge(
        lambda p: p.gradient, lambda p: p.output_grad @ p.maps[0] + p.matrix * p.decay, features
    ),
    "logits": Comparison().judge(lambda l: l.output_grad.sum(-1), lambda l: l.output_grad.sum(-1) * 0, layer),
    "false": Comparison().judge(lambda s: s.rotation @ s.rotation.mT, lambda s: 2 * eye, step),
}
print(json.dumps({name: [f.outcome.name, f.grade.name, f.bound > 0] for name, f in found.items()}))
"""  # noqa: E501


@pytest.mark.slow
def test_no_import_changes_a_verdict():
    orders = [
        (),
        ("theorems.catalogue",),
        ("theorems.kernel_flow", "theorems.feature_learning"),
        ("theorems.feature_learning", "theorems.relations.precision", "impl.strategies"),
    ]
    answers = []
    for order in orders:
        done = subprocess.run(
            [sys.executable, "-c", VERDICTS, *order],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        answers.append(json.loads(done.stdout))
    assert all(answer == answers[0] for answer in answers), answers
    assert answers[0] == {
        "QQt = I": ["HOLDS", "NUMERICAL", True],
        "gradient": ["HOLDS", "NUMERICAL", True],
        "logits": ["HOLDS", "NUMERICAL", True],
        "false": ["REFUTED", "NUMERICAL", True],
    }


def test_nothing_is_registered_any_more():
    import impl.numbers.operands
    from theorems.relations import enclosures, precision

    assert not hasattr(enclosures.enclose, "register")
    assert not hasattr(precision.precisely, "register")
    kinds = [impl.instances.instance.Instance, *impl.instances.instance.Instance.__subclasses__()]
    assert all(callable(kind.enclosed) and callable(kind.precise) for kind in kinds)


# -- where a type is defined -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (("factor",), "to say of every measured field how far it can be off, got \\('factor',\\)"),
        (
            {"factor": None},
            (
                "measured\\['factor'\\] of Factored to be a function that says how far "
                "'factor' can be off"
            ),
        ),
        ({"factor": 1e-12}, "to be a function that says how far 'factor' can be off, got 1e-12"),
        ({"faktor": unknown}, "to name fields, got 'faktor', which is none of them"),
    ],
)
def test_a_measured_field_without_a_bound_is_an_error_where_the_type_is_defined(declared, message):
    with pytest.raises(InputError, match=message):
        type("Factored", (Instance,), {"__annotations__": {"factor": Any}, "measured": declared})


@dataclass(frozen=True, eq=False)
class Silent(Instance):
    """Says nothing of its fields."""

    matrix: Operand
    factor: Operand


@dataclass(frozen=True, eq=False)
class Data(Silent):
    """Both are data."""

    measured: ClassVar = {}


@dataclass(frozen=True, eq=False)
class Factored(Silent):
    """The factor was computed, and is a few units off."""

    measured: ClassVar = {"factor": lambda it: 64 * 2.0**-53}


@dataclass(frozen=True, eq=False)
class Nobody(Silent):
    """Nobody knows how far the factor is off."""

    measured: ClassVar = {"factor": unknown}


@dataclass(frozen=True, eq=False)
class Product(Instance):
    """A product by the formula that was computed."""

    left: Operand
    right: Operand
    both: Operand

    measured: ClassVar = {"both": lambda it: it.left @ it.right}


def orthogonal(kind, wrong=0.0):
    matrix = normal(3, 6, 6)
    left, _, right = torch.linalg.svd(matrix)
    return kind(matrix, left @ right * (1 + wrong))


def gram(it):
    return it.factor.mT @ it.factor


def eye(it):
    return it.factor * 0 + torch.eye(6, dtype=torch.float64)


@pytest.mark.parametrize(
    ("kind", "wrong", "outcome"),
    [
        (Silent, 0.0, UNDECIDED),
        (Data, 0.0, REFUTED),
        (Factored, 0.0, HOLDS),
        (Nobody, 0.0, UNDECIDED),
        (Silent, 1e-5, REFUTED),
        (Data, 1e-5, REFUTED),
        (Factored, 1e-5, REFUTED),
        (Nobody, 1e-5, UNDECIDED),
    ],
)
def test_a_measured_factor_is_orthogonal_as_far_as_its_type_says(kind, wrong, outcome):
    found = judge(gram, eye, orthogonal(kind, wrong))
    assert found.outcome is outcome, found
    if kind is Silent and outcome is UNDECIDED:
        assert "write measured = {} in Silent if all of them are data" in found.context["reason"]


def test_whole_numbers_of_a_type_that_says_nothing_are_refuted():
    two = torch.tensor([[2.0]]).double()
    assert (
        judge(lambda it: it.matrix, lambda it: it.factor, Silent(two, two + 1)).outcome is REFUTED
    )
    assert judge(lambda it: it.matrix, lambda it: it.factor, Silent(two, two)).grade is Grade.EXACT


def test_a_formula_that_was_computed_is_its_bound():
    left, right = normal(0, 7, 5), normal(1, 5, 6)
    product = Product(left, right, left @ right)
    assert judge(lambda p: p.both, lambda p: p.left @ p.right, product).outcome is HOLDS
    assert judge(lambda p: p.both.mT, lambda p: p.right.mT @ p.left.mT, product).outcome is HOLDS
    off = replace(product, both=product.both * (1 + 1e-12))
    assert judge(lambda p: p.both, lambda p: p.left @ p.right, off).outcome is REFUTED


# -- ∇_Z -------------------------------------------------------------------------------------------


def network(seed, depth=2):
    widths = [4, *(6 for _ in range(depth - 1)), 3]
    parts = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        layer = nn.Linear(a, b, dtype=torch.float64)
        layer.weight.data, layer.bias.data = (
            normal(seed * 10 + i, b, a),
            normal(seed * 10 + i + 5, b),
        )
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def wrapped(outputs, targets):
    return functional.cross_entropy(outputs, targets)


def layers(seed, loss=functional.cross_entropy, size=1.0):
    labels = torch.tensor([0, 1, 2, 2, 1, 0, 1, 1])
    return trace(network(seed), size * normal(seed + 99, 8, 4), labels, loss)


STATEMENTS = {
    "the gradients of a sample's logits sum to zero": (
        lambda v: v.output_grad.sum(-1),
        lambda v: v.output_grad.sum(-1) * 0,
    ),
    "so do the columns of the head's gradient": (
        lambda v: v.weight_grad.sum(-2),
        lambda v: v.weight_grad.sum(-2) * 0,
    ),
    "and the constant vector is a left null vector": (
        lambda v: torch.ones(v.output_grad.shape[-1], dtype=torch.float64) @ v.output_grad.mT,
        lambda v: v.output_grad.sum(-1) * 0,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("size", [1.0, 30.0])
def test_what_is_true_of_the_gradient_because_of_the_loss_is_never_refuted(statement, size):
    observe, predict = STATEMENTS[statement]
    seen = Counter()
    for seed in range(12):
        known = judge(observe, predict, layers(seed, size=size)["2"])
        seen[known.outcome] += 1
        other = judge(observe, predict, layers(seed, wrapped, size)["2"])
        assert other.outcome in (HOLDS, UNDECIDED), other
        if other.outcome is UNDECIDED:
            assert "no wrapper" in other.context["reason"]
    assert REFUTED not in seen
    assert seen[HOLDS] >= 6, "under the loss itself it is enclosed"
    for seed in range(3):  # the hidden layer has no such property
        assert judge(observe, predict, layers(seed)["0"]).outcome is REFUTED


def test_a_sample_of_which_the_network_is_sure_refutes_nothing():
    layer = nn.Linear(1, 2, bias=False, dtype=torch.float64)
    layer.weight.data = torch.tensor([[40.0], [0.0]]).double()
    observe, predict = STATEMENTS["the gradients of a sample's logits sum to zero"]
    for loss in (functional.cross_entropy, wrapped):
        (found,) = trace(layer, torch.ones(1, 1).double(), torch.tensor([0]), loss).values()
        assert float(found.output_grad.sum()) != 0
        assert judge(observe, predict, found).outcome is not REFUTED


@pytest.mark.slow
@pytest.mark.parametrize("name", ["0", "2"])
@pytest.mark.parametrize("loss", [functional.cross_entropy, wrapped])
def test_claims_of_every_gradient_keep_their_sharpness(name, loss):
    """∇_W and ∇_H are functions of ∇_Z: an error of 1e-12 in either, or in a constant, is seen
    whatever ∇_Z rounds.
    """

    def observe(layer):
        return layer.weight.mT @ layer.weight_grad

    def predict(layer):
        return layer.input_grad.mT @ layer.inputs

    for seed in range(4):
        layer = layers(seed, loss)[name]
        assert judge(observe, predict, layer).outcome is HOLDS
        for field in ("weight_grad", "input_grad"):
            off = replace(layer, **{field: getattr(layer, field) * (1 + 1e-12)})
            assert judge(observe, predict, off).outcome is REFUTED
        assert judge(observe, lambda it: predict(it) * (1 + 1e-12), layer).outcome is REFUTED
        assert judge(observe, lambda it: 2 * predict(it), layer).outcome is REFUTED
        assert (
            judge(
                lambda it: it.weight_grad, lambda it: it.output_grad.mT @ it.inputs, layer
            ).outcome
            is HOLDS
        )


def test_ranks_of_the_gradient_of_a_softmax_are_not_refuted_by_its_rounding():
    for seed in range(6):
        layer = layers(seed)["2"]
        below = RankIs().judge(lambda it: it.output_grad, lambda it: 2, layer)
        assert below.outcome is not REFUTED
        assert RankIs().judge(lambda it: it.output_grad, lambda it: 1, layer).outcome is REFUTED


def test_whole_residuals_of_a_squared_error_do_not_round():
    model = nn.Linear(2, 2, bias=False, dtype=torch.float64)
    model.weight.data = torch.tensor([[1.0, 2.0], [0.0, -1.0]]).double()
    from impl import half_squared_error

    inputs, targets = (
        torch.tensor([[1.0, 1.0], [2.0, 0.0]]).double(),
        torch.tensor([[1.0, 0.0], [2.0, 0.0]]).double(),
    )
    (layer,) = trace(model, inputs, targets, half_squared_error).values()
    assert float(layer.output_error.max()) == 0
    found = judge(lambda it: it.output_grad, lambda it: it.output_grad * 0, layer, ">")
    assert (found.outcome, found.grade) == (REFUTED, Grade.EXACT)


# -- a measured rotation ---------------------------------------------------------------------------


def graded(cond, seed, size=4):
    left, right = (torch.linalg.qr(normal(seed + i, size, size))[0] for i in (0, 50))
    return (
        left
        @ torch.diag(torch.logspace(0, -torch.log10(torch.tensor(cond)).item(), size).double())
        @ right
    )


def test_the_opposite_rotation_is_refuted_however_singular_the_product():
    weight = torch.diag(torch.tensor([1.0, 1e-8])).double()
    step = weight_step(weight, weight)
    assert gram_whitening_keeps_the_gram(step).outcome is HOLDS
    assert (
        gram_whitening_keeps_the_gram(replace(step, rotation=-torch.eye(2).double())).outcome
        is REFUTED
    )


@pytest.mark.slow
@pytest.mark.parametrize("cond", [1e2, 1e5, 1e7, 1e9, 1e12])
def test_the_measured_rotation_is_judged_and_no_exact_one_in_its_place(cond):
    for seed in range(4):
        before = graded(cond, seed)
        step = weight_step(before, before + 1e-3 * normal(seed + 7, 4, 4), seed=seed)
        assert gram_whitening_keeps_the_gram(step).outcome in (HOLDS, UNDECIDED)
        assert gram_whitening_keeps_the_gram(replace(step, competitor=step.rotation)).outcome in (
            HOLDS,
            UNDECIDED,
        )
        assert (
            gram_whitening_keeps_the_gram(replace(step, rotation=-step.rotation)).outcome is REFUTED
        )
        same = weight_step(before, before, seed=seed)
        assert (
            gram_whitening_keeps_the_gram(replace(same, competitor=torch.eye(4).double())).outcome
            is not REFUTED
        )
        turned = replace(step, rotation=newton_schulz(step.before @ step.after.mT))
        defect = float((turned.rotation.mT @ turned.rotation - torch.eye(4)).abs().max())
        found = gram_whitening_keeps_the_gram(turned)
        error = float(
            (
                (turned.rotation @ step.after).mT @ (turned.rotation @ step.after)
                - step.after.mT @ step.after
            )
            .abs()
            .max()
        )
        assert found.outcome is REFUTED or error < 1e-5, (defect, error, found)


def test_a_statement_about_the_rotation_itself_is_not_refuted_where_nothing_determines_it():
    """Of a product with singular values below 1e-17 the factor is whatever rounding makes of it."""
    source = graded(1e12, 3)
    step = weight_step(source, source)  # Q = I in exact arithmetic
    found = judge(
        lambda s: s.rotation, lambda s: s.rotation * 0 + torch.eye(4, dtype=torch.float64), step
    )
    assert float((step.rotation - torch.eye(4)).abs().max()) > 1e-3
    assert found.outcome is not REFUTED
    exact = weight_step(normal(5, 4, 4), normal(6, 4, 4))
    assert (
        judge(
            lambda s: s.rotation,
            lambda s: s.rotation * 0 + torch.eye(4, dtype=torch.float64),
            exact,
        ).outcome
        is REFUTED
    )


def test_no_exact_meaning_is_given_to_what_was_measured():
    assert weight_step(normal(0, 3, 3), normal(1, 3, 3)).precise() is None
    assert issubclass(WeightStep, Instance)


# -- zeros -----------------------------------------------------------------------------------------


def conserved(layer: LayerTrace) -> Operand:
    """A rate that is zero: ⟨W, ∇_W⟩ − ⟨∇_Z, HWᵀ⟩."""
    return (layer.weight * layer.weight_grad).sum((-2, -1)) - (
        layer.output_grad * (layer.inputs @ layer.weight.mT)
    ).sum((-2, -1))


def test_a_rate_that_is_zero_holds_on_floats():
    for seed in range(5):
        layer = layers(seed)["0"]
        found = judge(conserved, lambda it: conserved(it) * 0, layer)
        assert (found.outcome, found.grade) == (HOLDS, Grade.NUMERICAL)
        off = judge(
            lambda it: conserved(it) + (it.weight * it.weight_grad).sum((-2, -1)) * 1e-12,
            lambda it: conserved(it) * 0,
            layer,
        )
        assert off.outcome is REFUTED


def test_zero_data_under_a_division_say_nothing():
    zero = Data(torch.zeros(2, 2).double(), torch.zeros(2, 2).double())
    found = judge(lambda it: it.matrix / it.matrix.sum(), lambda it: it.factor, zero)
    assert found.outcome is Outcome.INAPPLICABLE


@equals(observed=lambda layer: layer.weight @ layer.weight.mT, on=strategies.layer_traces)
def gram_of_rows(layer: LayerTrace) -> Operand:
    """W Wᵀ is what it is; a symmetric prediction."""
    return layer.weight @ layer.weight.mT


def test_the_transpose_of_a_symmetric_prediction_is_no_wrong_variant():
    mutant = gram_of_rows.mutants["automatic: transposed where square"]
    idle = 0
    for seed in range(20):
        layer = layers(seed)["0"]
        outcome = mutant(layer).outcome
        assert outcome is Outcome.INAPPLICABLE, "the transpose differs in last places at most"
        idle += bool((gram_of_rows.predict(layer) != gram_of_rows.predict(layer).mT).any())
    skew = equals(observed=lambda layer: layer.weight, on=st.just(None))(_weight)
    assert skew.mutants["automatic: transposed where square"](_square_layer()).outcome is REFUTED


def _weight(layer: LayerTrace) -> Operand:
    """W."""
    return layer.weight


def _square_layer():
    model = nn.Linear(3, 3, dtype=torch.float64)
    model.weight.data = normal(8, 3, 3)
    return trace(model, normal(9, 4, 3), torch.tensor([0, 1, 2, 0]), functional.cross_entropy)[
        "Linear"
    ]


# -- measured in a narrower format, without a word about it ----------------------------------------


@dataclass(frozen=True, eq=False)
class Multiplied(Instance):
    """A product that was taken in the format of its factors; the type says the formula, or a
    radius, and no format.
    """

    measured: ClassVar[dict] = {"product": lambda it: it.left @ it.right}
    left: Any
    right: Any
    product: Any


@dataclass(frozen=True, eq=False)
class MultipliedWithin(Multiplied):
    measured: ClassVar[dict] = {
        "product": lambda it: (it.left.center.abs() @ it.right.center.abs()) * 9 * 2.0**-53
    }


@pytest.mark.parametrize("kind", [Multiplied, MultipliedWithin])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("mapped", [False, True])
def test_what_was_measured_coarsely_is_as_far_off_as_its_format(kind, dtype, mapped):
    left, right = normal(1, 6, 8).to(dtype), normal(2, 8, 5).to(dtype)
    made = kind(left, right, left @ right)
    made = made.map(lambda value: value.double()) if mapped else made
    true = judge(lambda it: it.product, lambda it: it.left @ it.right, made.double())
    wrong = judge(lambda it: it.product, lambda it: it.left @ it.right * 1.5, made.double())
    assert (true.outcome, wrong.outcome) == (HOLDS, REFUTED)
    assert made.coarseness == torch.finfo(dtype).eps / 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_deep_linear_networks_in_narrow_formats(dtype):
    weights = [normal(i, 4, 4).to(dtype) for i in range(3)]
    net = linear_network(weights, normal(5, 6, 4).to(dtype), normal(6, 6, 4).to(dtype))
    assert imbalance_of_linear_layers_is_conserved(net).outcome is HOLDS
    twice = imbalance_of_linear_layers_is_conserved.mutants["twice"](net)
    assert twice.outcome is REFUTED
