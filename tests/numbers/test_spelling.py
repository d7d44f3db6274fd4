"""Formulas in torch's spelling on every kind of number: enclosures that enclose, exact numbers that
stay exact, and refusals that say what they cost.
"""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb, ctx
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional

from impl import LayerTrace, gradient, strategies
from impl.errors import InputError
from impl.generic import Source
from impl.generic.networks import layer_trace
from impl.numbers.arb_arrays import UndecidableError, arb_array
from impl.numbers.duals import Dual
from impl.numbers.exact_arrays import NotExactError, exact_array, exact_constant
from impl.numbers.operands import Operand
from impl.numbers.rounded import Ball
from impl.numbers.torch_like import NotCarriedError
from impl.numbers.tracked import Tracked, branching
from impl.numbers.truth import OpenQuestionError, Truth
from theorems import at_most, compares, equals
from theorems.checking.check import check
from theorems.checking.generic import examine
from theorems.verdict import Grade, Outcome

FUNCTIONS: dict[str, tuple[Callable, Callable]] = {
    "exp": (torch.exp, lambda x: x.exp()),
    "log": (torch.log, lambda x: x.log()),
    "sqrt": (torch.sqrt, lambda x: x.sqrt()),
    "tanh": (torch.tanh, lambda x: x.tanh()),
    "sin": (torch.sin, lambda x: x.sin()),
    "cos": (torch.cos, lambda x: x.cos()),
    "erf": (torch.erf, lambda x: x.erf()),
    "sigmoid": (torch.sigmoid, lambda x: 1 / (1 + (-x).exp())),
    "abs": (torch.abs, abs),
    "relu": (torch.relu, lambda x: x.max(arb(0))),
    "clamp": (lambda x: torch.clamp(x, min=-1.0, max=2.0), lambda x: x.max(arb(-1)).min(arb(2))),
    "square": (lambda x: x**2, lambda x: x * x),
    "cube": (lambda x: x**3, lambda x: x * x * x),
    "inverse square": (lambda x: (x * x + 1) ** -2, lambda x: 1 / (x * x + 1) ** 2),
    "softplus": (functional.softplus, lambda x: (1 + x.exp()).log()),
    "gelu": (functional.gelu, lambda x: x / 2 * (1 + (x / arb(2).sqrt()).erf())),
    "silu": (functional.silu, lambda x: x / (1 + (-x).exp())),
    "2^x": (torch.exp2, lambda x: arb(2) ** x),
}


def f64(value):
    return torch.tensor([value], dtype=torch.float64)


CENTERS = (
    st.floats(-700, 700)
    | st.floats(-3, 3)
    | st.sampled_from(
        [0.0, 1.0, -1.0, 5e-324, -5e-324, 1e-308, 1e-200, 1e150, -1e150, 4.0, 2.0**60]
    )
)
RADII = st.just(0.0) | st.floats(0, 1e-6) | st.sampled_from([1e-300, 1e-30, 0.5, 3.0])


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
@given(center=CENTERS, radius=RADII, where=st.sampled_from([-1.0, -0.3, 0.0, 0.7, 1.0]))
@example(center=0.0, radius=0.0, where=0.0)
@example(center=5e-324, radius=1e-320, where=1.0)
def test_a_function_of_a_ball_encloses_it_on_the_whole_ball(name, center, radius, where):
    ours, exactly = FUNCTIONS[name]
    ball = ours(Ball(f64(center), f64(radius) if radius else None))
    bound = float(ball.error)
    assert torch.equal(ball.center.nan_to_num(), ours(f64(center)).nan_to_num()) or name in (
        "softplus",
        "gelu",
        "silu",
        "inverse square",
        "cube",
    )
    if not math.isfinite(bound) or math.isnan(float(ball.center)):
        return  # it proves nothing, and says so
    with ctx.workprec(2000):
        value = exactly(arb(center) + arb(radius) * arb(where))
        gap = abs(value - arb(float(ball.center)))
        assert value.is_finite()
        assert not gap > arb(bound), (float(gap.mid()), bound)


@pytest.mark.parametrize(
    ("formula", "center", "radius"),
    [
        (torch.log, 0.0, 0.0),
        (torch.log, -1.0, 0.0),
        (torch.log, 1e-3, 1e-2),
        (torch.sqrt, -1.0, 0.0),
        (torch.sqrt, 1e-20, 1e-19),
        (torch.exp, math.inf, 0.0),
    ],
)
def test_outside_a_domain_nothing_is_proved(formula, center, radius):
    ball = formula(Ball(f64(center), f64(radius) if radius else None))
    proves = math.isfinite(float(ball.error)) and math.isfinite(float(ball.center))
    assert not proves


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (torch.exp, 0.0),
        (torch.log, 1.0),
        (torch.sqrt, 49.0),
        (torch.tanh, 0.0),
        (torch.abs, -3.5),
        (torch.relu, 2.5),
    ],
)
def test_what_does_not_round_has_no_radius(formula, value):
    assert formula(Ball(torch.tensor([value]).double())).radius is None


X = torch.tensor([[1.0, -2.0, 0.0, 4.0], [3.0, 1.0, -1.0, 2.0], [0.0, 2.0, 5.0, -3.0]]).double()
EXACT = {
    "relu": torch.relu,
    "absolute values": torch.abs,
    "largest": torch.max,
    "amax": lambda z: torch.amax(z, -1),
    "least": torch.min,
    "where": lambda z: torch.where(z > 0, z, 0.5 * z),
    "mask": lambda z: (z > 0).double() * z,
    "clamp": lambda z: torch.clamp(z, min=-1, max=2),
    "square": lambda z: z**2,
    "mean": lambda z: z.mean(),
    "mean of rows": lambda z: z.mean(dim=-1, keepdim=True),
    "sum": torch.sum,
    "trace": lambda z: torch.trace(z @ z.T),
    "diagonal": torch.diagonal,
    "einsum": lambda z: torch.einsum("ij,kj->ik", z, z),
    "inner": lambda z: torch.einsum("ij,ij->", z, z),
    "identity": lambda z: torch.eye(3) - z @ z.T,
    "inverse": lambda z: torch.linalg.inv(z @ z.T),
    "half": lambda z: z / 2,
    "constant": lambda z: 0.1 * z,
    "stack": lambda z: torch.stack([z, z]),
    "cat": lambda z: torch.cat([z, 2 * z], dim=-1),
    "maximum": lambda z: torch.maximum(z, -z),
    "l1": lambda z: torch.linalg.norm(z.flatten(), 1),
    "variance": lambda z: z.var(dim=-1),
    "outer": lambda z: torch.outer(z[0], z[1]),
    "weighted": lambda z: torch.ones(4, 3, dtype=torch.float64) @ z,
    "linear": lambda z: functional.linear(z, z),
    "mse": lambda z: functional.mse_loss(z, 2 * z),
    "transpose": lambda z: z.transpose(0, 1),
    "unsqueeze": lambda z: z.unsqueeze(-1) * z.unsqueeze(-2),
    "sign": torch.sign,
    "norm of a triple": lambda z: torch.linalg.norm(torch.stack([z[0, 3], z[1, 0]])),
    "power": lambda z: (z * z + 1) ** -1,
}
"""Formulas that stay within the fractions."""
ROUGH = {
    "exp": torch.exp,
    "log": lambda z: torch.log(z * z + 1),
    "norm": torch.linalg.norm,
    "norms of rows": lambda z: z.norm(dim=-1),
    "softmax": lambda z: torch.softmax(z, -1),
    "log softmax": lambda z: torch.log_softmax(z, dim=-1),
    "logsumexp": lambda z: torch.logsumexp(z, -1),
    "cross entropy": lambda z: functional.cross_entropy(z, torch.tensor([0, 1, 2])),
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "root": lambda z: (z * z + 2) ** 0.5,
    "softplus": functional.softplus,
    "attention": lambda z: torch.softmax(z @ z.mT / 2.0, -1) @ z,
}
"""Formulas that leave them."""


def numbers(value):
    flat = [
        float(v.mid()) if isinstance(v, arb) else float(v)
        for v in np.asarray(value, dtype=object).flat
    ]
    return np.array(flat).reshape(np.asarray(value).shape)


@pytest.mark.parametrize("name", EXACT | ROUGH)
def test_balls_and_balls_of_arb_carry_every_formula(name):
    formula = (EXACT | ROUGH)[name]
    wanted = formula(X)
    for radius in (None, torch.full_like(X, 1e-9)):
        ball = formula(Ball(X, radius))
        assert ball.shape == tuple(wanted.shape)
        assert bool(((ball.center - wanted).abs() <= ball.error + 1e-14).all())
        assert float(ball.error.max()) < 1e-4 or name == "sign"  # of zero, give or take: open
    enclosed = formula(arb_array(X))
    assert enclosed.shape == tuple(wanted.shape)
    assert np.allclose(numbers(enclosed), wanted.double().numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", EXACT)
def test_exact_numbers_stay_exact(name):
    found, wanted = EXACT[name](exact_array(X)), EXACT[name](X)
    assert found.shape == tuple(wanted.shape)
    assert all(isinstance(v, int | Fraction) for v in np.asarray(found, dtype=object).flat)
    assert np.allclose(numbers(found), wanted.double().numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", ROUGH)
def test_what_leaves_the_fractions_says_what_it_costs(name):
    with pytest.raises(NotExactError, match=r"EXACT|p\(error\)"):
        ROUGH[name](exact_array(X))


def test_constants_of_a_formula_are_the_decimals_that_were_written():
    assert exact_constant(0.1) == Fraction(1, 10)
    assert (exact_array(X) * 0.1 == exact_array(X) / 10).all()
    assert exact_constant(2.5) == Fraction(5, 2)
    with pytest.raises(NotExactError, match="mixes floats into exact arithmetic"):
        exact_constant(math.pi)


def test_degrees_are_carried_through_products_and_comparisons_are_noted():
    drawn = np.array([[Tracked(3), Tracked(-2)], [Tracked(5), Tracked(7)]], dtype=object)
    z = exact_array(drawn)
    assert torch.einsum("ij,jk->ik", z, z)[0, 0].item().degree == 2
    assert torch.trace(z @ z @ z).item().degree == 3
    with branching() as seen:
        torch.relu(z)
    assert seen
    with pytest.raises(NotExactError):
        torch.exp(z)


def test_an_open_comparison_counts_as_both():
    ball = Ball(torch.tensor([1.0, 0.0, -1.0]).double(), torch.full((3,), 1e-3).double())
    chosen = torch.where(ball > 0, ball * 0 + 5, ball * 0 - 1)
    assert float(chosen.error[1]) >= 6
    assert float(chosen.error[[0, 2]].max()) == 0
    truth = ball > 0
    assert isinstance(truth, Truth)
    assert not bool(truth.all())
    with pytest.raises(OpenQuestionError):
        bool((ball[:2] > 0).all())
    with pytest.raises(UndecidableError):
        _ = arb_array([arb(0, 1)]) > 0
    with pytest.raises(UndecidableError):
        np.greater(arb_array([arb(0, 1)]), 0)
    top = np.maximum(arb_array([arb(0, 1)]), 0).item()
    assert top.contains(arb(1))
    assert top.contains(arb(0))


def test_what_no_ball_carries_is_refused_by_name():
    with pytest.raises(
        NotCarriedError,
        match="expected a function that runs on Ball too, got torch's linalg_eigvalsh",
    ):
        torch.linalg.eigvalsh(Ball(X @ X.mT))
    with pytest.raises(NotCarriedError, match=r"float\(\) or .item\(\), which forgets"):
        float(Ball(torch.ones(())))


# -- gradients -------------------------------------------------------------------------------------

SCALARS = {
    "relu": lambda z: torch.relu(z).sum(),
    "square": lambda z: (z**2).sum() / 2,
    "absolute": lambda z: torch.abs(z).mean(),
    "largest": lambda z: z.max(),
    "where": lambda z: torch.where(z > 0, z * z, -z).sum(),
    "einsum": lambda z: torch.einsum("ij,ij->", z, z),
    "trace": lambda z: torch.trace(z.T @ z),
    "quotient": lambda z: (1 / (z * z + 1)).sum(),
    "inverse": lambda z: torch.trace(torch.linalg.inv(z @ z.T)),
    "exp": lambda z: torch.exp(z).sum(),
    "norm": torch.linalg.norm,
    "softmax": lambda z: torch.softmax(z, -1)[0, 0],
    "logsumexp": lambda z: torch.logsumexp(z, -1).sum(),
    "cross entropy": lambda z: functional.cross_entropy(z, torch.tensor([0, 1, 2])),
    "gelu": lambda z: functional.gelu(z).sum(),
    "tanh": lambda z: torch.tanh(z).sum(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCALARS)
def test_gradients_agree_on_every_kind(name):
    at = X + torch.tensor([[0.5]]).double()
    wanted = gradient(SCALARS[name], at)
    ball = gradient(SCALARS[name], Ball(at))
    assert bool(((ball.center - wanted).abs() <= ball.error).all())
    assert np.allclose(numbers(gradient(SCALARS[name], arb_array(at))), wanted.numpy(), rtol=1e-10)
    try:
        exact = gradient(SCALARS[name], exact_array(at))
    except NotExactError:
        return
    assert np.allclose(numbers(exact), wanted.numpy(), rtol=1e-12)
    assert all(isinstance(v, int | Fraction) for v in np.asarray(exact).flat)


def test_gradients_of_several_arguments_and_of_what_is_no_scalar():
    by_x, by_y = gradient(lambda x, y: (x * y).sum(), (X, 2 * X))
    assert torch.equal(by_x, 2 * X)
    assert torch.equal(by_y, X)
    for at in (X, exact_array(X)):
        with pytest.raises(InputError, match=r"returns one number, got shape \(3, 4\); sum it"):
            gradient(lambda x: x, at)


def test_a_dual_number_sums_and_broadcasts():
    dual = Dual(X, torch.ones_like(X))
    assert torch.equal((dual + torch.ones(2, 3, 4).double()).tangent, torch.ones(2, 3, 4).double())
    assert torch.allclose((1 / (dual * dual + 1)).tangent, -2 * X / (X * X + 1) ** 2, rtol=1e-14)


# -- conjectures, decided both ways ----------------------------------------------------------------


def stated(observed, predicted, sign="="):
    def conjecture(layer: LayerTrace) -> Operand:
        """Stated here."""
        return predicted(layer)

    # groups of a convolution are a leading dimension, and a formula of one matrix does not speak of
    # them
    one = {"layers of one matrix": lambda layer: layer.weight.ndim == 2}
    return compares(sign, observed=observed, on=strategies.layer_traces, where=one)(conjecture)


BOTH = {
    "relu is homogeneous": (
        "=",
        lambda v: torch.relu(2 * v.outputs),
        lambda v, k: (2 + k) * torch.relu(v.outputs),
    ),
    "relu by where": (
        "=",
        lambda v: torch.relu(v.outputs),
        lambda v, k: torch.where(v.outputs > 0, v.outputs, 0 * v.outputs + k),
    ),
    "|x| is two relus": (
        "=",
        lambda v: torch.abs(v.outputs),
        lambda v, k: torch.relu(v.outputs) + (1 - k) * torch.relu(-v.outputs),
    ),
    "x² is |x|²": ("=", lambda v: v.outputs**2, lambda v, k: v.outputs.abs() ** (2 + k)),
    "triangle inequality": (
        "<=",
        lambda v: torch.linalg.norm(v.weight + v.weight_grad),
        lambda v, k: (1 - 2 * k) * (torch.linalg.norm(v.weight) + torch.linalg.norm(v.weight_grad)),
    ),
    "trace of a Gram matrix": (
        "=",
        lambda v: torch.trace(v.weight @ v.weight.T),
        lambda v, k: (1 + k) * (v.weight**2).sum(),
    ),
    "the diagonal of a Gram matrix": (
        "=",
        lambda v: torch.diagonal(v.inputs @ v.inputs.T),
        lambda v, k: (v.inputs**2).sum(-1) * (1 - k),
    ),
    "einsum is the product": (
        "=",
        lambda v: torch.einsum("nj,ij->ni", v.inputs, v.weight),
        lambda v, k: v.inputs @ (v.weight - k).T,
    ),
    "softmax sums to one": (
        "=",
        lambda v: torch.softmax(v.outputs, -1).sum(-1),
        lambda v, k: torch.ones(v.outputs.shape[0], dtype=torch.float64) + k,
    ),
    "softmax does not see shifts": (
        "=",
        lambda v: torch.softmax(v.outputs + 1, -1),
        lambda v, k: torch.softmax(v.outputs * (1 + k), -1),
    ),
    "logsumexp is above the largest": (
        ">=",
        lambda v: torch.logsumexp(v.outputs, -1),
        lambda v, k: torch.amax(v.outputs, -1) + 2 * k,
    ),
    "exp of a sum": (
        "=",
        lambda v: torch.exp(v.outputs + v.outputs),
        lambda v, k: torch.exp(v.outputs) ** (2 + k),
    ),
    "log of a square": (
        "=",
        lambda v: torch.log((v.outputs**2 + 1) ** 2),
        lambda v, k: (2 + k) * torch.log(v.outputs**2 + 1),
    ),
    "roots": ("=", lambda v: torch.sqrt(v.outputs**2), lambda v, k: v.outputs.abs() + k),
    "identity": (
        "=",
        lambda v: torch.eye(v.weight.shape[0], dtype=torch.float64) @ v.weight,
        lambda v, k: v.weight * (1 + k),
    ),
    "inverse": (
        "=",
        lambda v: (
            torch.linalg.inv(
                v.weight @ v.weight.T + torch.eye(v.weight.shape[0], dtype=torch.float64)
            )
            @ (v.weight @ v.weight.T + torch.eye(v.weight.shape[0], dtype=torch.float64))
        ),
        lambda v, k: (1 + k) * torch.eye(v.weight.shape[0], dtype=torch.float64),
    ),
    "mean": (
        "=",
        lambda v: v.inputs.mean(dim=0),
        lambda v, k: v.inputs.sum(0) / (v.inputs.shape[0] + k),
    ),
    "max of two": (
        "=",
        lambda v: torch.maximum(v.outputs, -v.outputs),
        lambda v, k: (1 + k) * v.outputs.abs(),
    ),
    "gradient": (
        "=",
        lambda v: gradient(lambda w: ((v.inputs @ w.T) ** 2).sum(), v.weight),
        lambda v, k: (2 + k) * (v.weight @ v.inputs.T @ v.inputs),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH)
def test_a_conjecture_is_decided_both_ways(name):
    sign, observed, predicted = BOTH[name]
    true = check(stated(observed, lambda v: predicted(v, 0), sign), examples=12)
    assert true.outcome in (Outcome.HOLDS, Outcome.UNDECIDED), true.worst
    if true.outcome is Outcome.UNDECIDED:
        assert true.worst.context["reason"]
    false = check(stated(observed, lambda v: predicted(v, 1), sign), examples=12)
    assert false.outcome is Outcome.REFUTED, false.worst


def test_a_formula_that_leaves_the_fractions_is_judged_on_floats_and_says_so():
    claim = stated(
        lambda v: torch.exp(v.weight) * torch.exp(-v.weight),
        lambda v: torch.ones(tuple(v.weight.shape), dtype=torch.float64),
    )
    found = examine(claim, seed=0)
    assert found.error_probability is None
    assert "no fraction" in found.reason
    small = layer_trace(Source(0, 0, largest=3))
    verdict = claim(small)
    assert (verdict.outcome, verdict.grade) == (Outcome.HOLDS, Grade.NUMERICAL)
    assert "left out" in verdict.context["not exact"]


@at_most(observed=lambda v: torch.relu(v.outputs).sum(), on=strategies.layer_traces)
def relu_shrinks(v: LayerTrace) -> Operand:
    """ReLU makes no sum of absolute values larger."""
    return v.outputs.abs().sum() / 1


@equals(observed=lambda v: v.outputs / 2, on=strategies.layer_traces)
def halves(v: LayerTrace) -> Operand:
    """Half of it, as a fraction."""
    return 0.5 * v.outputs


@pytest.mark.slow
@pytest.mark.parametrize("claim", [relu_shrinks, halves])
def test_exact_instances_are_judged_exactly(claim):
    found = check(claim, examples=10)
    assert found.outcome is Outcome.HOLDS
    assert found.grades[Grade.EXACT]
