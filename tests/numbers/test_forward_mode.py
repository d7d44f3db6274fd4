"""Forward mode without torch's decompositions where none is needed, and with them where one is."""

import os
import subprocess
import sys

import pytest
import torch

from impl.numbers.differentiation import forward_mode, velocity

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
    value, slope = forward_mode(torch.exp, (x,), (2 * x,))
    assert torch.equal(slope, 2 * value)
    assert os.environ.get("PYTORCH_JIT") == given


def test_what_a_function_raises_comes_through():
    def broken(_x):
        raise ValueError("broken")

    x = torch.ones(2, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="broken"):
        velocity(broken, (x,), (x,))
