"""Forward-mode derivatives with constant operands: the same as torch's own, to the last bit."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.forward_mode import tangent, value_and_tangent

STEPS = {
    "x * c": lambda x, c: x * c,
    "c * x": lambda x, c: c * x,
    "2.5 * x": lambda x, _: 2.5 * x,
    "x * 3": lambda x, _: x * 3,
    "x + c": lambda x, c: x + c,
    "c + x": lambda x, c: c + x,
    "x + 1": lambda x, _: x + 1,
    "x - c": lambda x, c: x - c,
    "c - x": lambda x, c: c - x,
    "1 - x": lambda x, _: 1 - x,
    "x / c": lambda x, c: x / c,
    "x / 2": lambda x, _: x / 2,
    "c / x": lambda x, c: c / (x * x + 1),
    "x * x": lambda x, _: x * x,
    "torch.mul(c, x)": lambda x, c: torch.mul(c, x),
    "torch.add with alpha": lambda x, c: torch.add(x, c, alpha=3),
    "torch.sub(c, x)": lambda x, c: torch.sub(c, x),
    "torch.div rounded": lambda x, c: x + torch.div(x, c, rounding_mode="floor") * 0,
    "x + a row of c": lambda x, c: x + c[0],
    "a row of x + c": lambda x, c: x[0] + c,
    "a row of x - c": lambda x, c: c - x[:1],
    "x += c": lambda x, c: (x * 1).add_(c),
    "tanh": lambda x, _: x.tanh(),
    "x @ c": lambda x, c: x @ c,
    "a constant in between": lambda x, c: x * (c * 2 + 1),
    "detached": lambda x, c: x * x.detach() + c,
    "float32 constant": lambda x, c: x * c.float() + c.float(),
    "gated": lambda x, c: (c > 0).double() * x,
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_moves_as_in_torch(name):
    at, along, constant = torch.randn(
        3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    expected = torch.func.jvp(lambda x: STEPS[name](x, constant), (at,), (along,))[1]
    assert torch.equal(tangent(lambda x: STEPS[name](x, constant), (at,), (along,)), expected)
    assert expected.abs().sum() > 0


@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_formulas_move_as_in_torch(names, seed):
    source = torch.Generator().manual_seed(seed)
    x, y, v, w, c = torch.randn(5, 3, 3, generator=source, dtype=torch.float64)

    def formula(first, second):
        for name in names:
            first = STEPS[name](first, c) + second
        return {"both": first, "one": (second * c, c - first.sum(-1))}

    expected = torch.func.jvp(formula, (x, y), (v, w))[1]
    found = tangent(formula, (x, y), (v, w))
    assert torch.equal(found["both"], expected["both"])
    assert all(map(torch.equal, found["one"], expected["one"]))


def test_a_constant_of_another_shape_and_type_does_not_change_those_of_the_tangent():
    at, along = torch.ones(3, dtype=torch.float32), torch.full((3,), 2.0)
    found = tangent(lambda x: x + torch.zeros(2, 3, dtype=torch.float64), (at,), (along,))
    assert found.dtype is torch.float64
    assert torch.equal(found, torch.full((2, 3), 2.0, dtype=torch.float64))


def test_a_derivative_within_a_derivative():
    at, c = torch.tensor([0.3, -0.7], dtype=torch.float64), torch.tensor([2.0, 3.0]).double()
    one = torch.ones_like(at)

    def cubic(x):
        return c * x * x * x + c - x / c

    def slope(x):
        return tangent(cubic, (x,), (one,))

    torch.testing.assert_close(tangent(slope, (at,), (one,)), 6 * c * at)
    # what is constant for the inner one moves with the outer one
    mixed = tangent(lambda x: tangent(lambda y: x * y * c, (one,), (one,)), (at,), (one,))
    torch.testing.assert_close(mixed, c)


def test_infinite_values_do_not_spoil_a_tangent():
    at = torch.tensor([float("inf"), 1.0], dtype=torch.float64)
    assert tangent(lambda x: x * 2, (at,), (torch.ones(2).double(),)).tolist() == [2.0, 2.0]


@pytest.mark.slow
def test_no_derivative_of_a_formula_loads_the_compiler():
    code = (
        "import sys, torch; from theorems.impl.numbers.differentiation import velocity;"
        "a = torch.ones(2, 2).double();"
        "velocity(lambda x: a * x + (a - x) / a - 2 * x, (a,), (a,));"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


CODE = """
import os, sys
import torch
from impl.numbers.differentiation import velocity
before = os.environ.get("PYTORCH_JIT")
loaded = lambda: "torch._decomp.decompositions_for_jvp" in sys.modules
x = torch.arange(6.0).double().reshape(2, 3)
print(velocity(lambda a: a @ a.mT, (x,), (x,)).tolist() == (2 * x @ x.mT).tolist(), loaded())
norm = lambda a: torch.nn.functional.layer_norm(a, (3,)).pow(3).sum()
slope = torch.func.grad(norm)
found = velocity(slope, (x,), (x,))
quotient = (slope(x * (1 + 1e-6)) - slope(x * (1 - 1e-6))) / 2e-6
print(torch.allclose(found, quotient, atol=1e-6), loaded(), os.environ.get("PYTORCH_JIT") == before)
"""


def test_decompositions_are_loaded_where_an_operation_has_no_derivative_of_its_own():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "True", "True", "True"]


@pytest.mark.parametrize("given", [None, "1", "0"])
def test_the_environment_is_left_as_it_was(monkeypatch, given):
    monkeypatch.delitem(sys.modules, "torch._decomp.decompositions_for_jvp", raising=False)
    if given is None:
        monkeypatch.delenv("PYTORCH_JIT", raising=False)
    else:
        monkeypatch.setenv("PYTORCH_JIT", given)
    x = torch.ones(2, 2, dtype=torch.float64)
    value, slope = value_and_tangent(torch.exp, (x,), (2 * x,))
    assert torch.equal(slope, 2 * value)
    assert os.environ.get("PYTORCH_JIT") == given


def test_what_a_function_raises_comes_through():
    def broken(_x):
        raise ValueError("broken")

    x = torch.ones(2, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="broken"):
        velocity(broken, (x,), (x,))
