"""Dual numbers against torch's forward mode, rule by rule: a mutation run found that no claim
needed all of them.
"""

import pytest
import torch
from torch.func import jvp

from impl import InputError, gradient, velocity
from impl.networks.recording import _equal
from impl.numbers.duals import Dual
from impl.numbers.exact_arrays import exact_array
from theorems.relations.laws import BoundedMean, NormalMean

X = torch.tensor([[1.0, -2.0], [3.0, 5.0]], dtype=torch.float64)
Y = torch.tensor([[2.0, 7.0], [-1.0, 4.0]], dtype=torch.float64)
V = torch.tensor([[3.0, 1.0], [-2.0, 6.0]], dtype=torch.float64)
U = torch.tensor([[5.0, -3.0], [2.0, 1.0]], dtype=torch.float64)
RULES = {
    "sum": lambda x, y: x + y,
    "sum with a constant": lambda x, y: x + Y + (Y + y),
    "difference": lambda x, y: x - y,
    "difference with a constant": lambda x, y: (Y - x) - (y - X),
    "negation": lambda x, y: -x,
    "product": lambda x, y: x * y,
    "product with a constant": lambda x, y: x * Y + 3 * y,
    "matrix product": lambda x, y: x @ y,
    "constant on the right": lambda x, y: x @ Y + y,
    "transpose": lambda x, y: x.mT @ y,
    "entries": lambda x, y: x[0] * y[1],
    "sum over an axis": lambda x, y: (x * y).sum(-1) + x.sum(0),
    "tanh": lambda x, y: x.tanh() * y,
    "a constant of the same value": lambda x, y: x.detach() * y + x,
}


@pytest.mark.parametrize("function", RULES.values(), ids=RULES)
def test_rule_agrees_with_forward_mode(function):
    value, tangent = jvp(function, (X, Y), (V, U))
    dual = function(Dual(X, V), Dual(Y, U))
    assert torch.equal(dual.value, value)
    assert torch.allclose(dual.tangent, tangent, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    ("other", "equal"),
    [(X.clone(), True), (X.float(), False), (X[:1], False), (X + 1, False)],
    ids=["the same", "another type", "another shape", "another number"],
)
def test_equal_inputs_are_recognised(other, equal):
    assert _equal(X, other) is equal


@pytest.mark.parametrize("alarm", [0.0, 1.0, -1.0, 2.0])
def test_an_alarm_is_a_probability_strictly_between(alarm):
    with pytest.raises(ValueError, match="false-alarm probability"):
        NormalMean(alarm=alarm)
    with pytest.raises(ValueError, match="false-alarm probability"):
        BoundedMean(alarm=alarm, low=0.0, high=1.0)


@pytest.mark.parametrize("numbers", [X, exact_array(X)], ids=["floats", "exact"])
@pytest.mark.parametrize(
    "derivative",
    [
        lambda x: gradient(lambda w: gradient(lambda v: (v * w).sum(), x * 0).sum(), x),
        lambda x: gradient(lambda w: gradient(lambda v: (v * v).sum(), w).sum(), x),
        lambda x: velocity(lambda w: gradient(lambda v: (v * w).sum(), x), (x,), (x,)),
        lambda x: gradient(lambda w: velocity(lambda v: v * w, (x,), (x,)).sum(), x),
    ],
    ids=["by a constant", "twice", "of a gradient", "of a velocity"],
)
def test_one_derivative_at_a_time(derivative, numbers):
    """A gradient within another derivative was taken for a constant: a true statement was
    refuted.
    """
    with pytest.raises(InputError, match="write the inner one out as a formula"):
        derivative(numbers)
    assert gradient(lambda w: (w * w).sum(), numbers).shape == numbers.shape  # and none is active
