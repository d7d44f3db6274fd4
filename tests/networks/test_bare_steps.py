"""Optimisers without the compiler: torch's own steps, bit for bit."""

import subprocess
import sys

import pytest
import torch

from impl.networks.bare_steps import BareAdam


def parameters(dtype=torch.float64):
    source = torch.Generator().manual_seed(0)
    shapes = ((4, 3), (4,), (2, 2))
    return [torch.nn.Parameter(torch.randn(s, generator=source).to(dtype)) for s in shapes]


def moved(make, dtype=torch.float64, *, idle=None):
    found = parameters(dtype)
    optimiser, source = make(found), torch.Generator().manual_seed(1)
    for step in range(4):
        for i, p in enumerate(found):
            grad = torch.randn(p.shape, generator=source).to(dtype)
            p.grad = None if i == idle and step < 2 else grad
        optimiser.step()
    return found


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("idle", [None, 1])
def test_adam_is_that_of_torch(dtype, idle):
    own = moved(lambda p: BareAdam(p, lr=1e-2, eps=1e-3), dtype, idle=idle)
    theirs = moved(lambda p: torch.optim.Adam(p, lr=1e-2, eps=1e-3), dtype, idle=idle)
    assert all(map(torch.equal, own, theirs))
    assert not torch.equal(own[0], parameters(dtype)[0])


NOT_IMPORTED = ("torch._dynamo", "torch._decomp.decompositions_for_jvp", "sympy", "scipy.linalg")
CODE = """
import sys
import torch
from torch import nn
from theorems import check_model
parts = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)
loss = nn.CrossEntropyLoss()
found = check_model(nn.Sequential(*parts), torch.randn(12, 6), torch.arange(12) % 3, loss)
print(len(found), [name for name in {!r} if name in sys.modules])
"""


def test_a_check_of_a_small_network_imports_no_compiler():
    """All claims are asked, those with three steps of training and derivatives among them."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(NOT_IMPORTED)],
        capture_output=True,
        text=True,
        check=True,
    )
    count, _, imported = done.stdout.strip().partition(" ")
    assert int(count) > 80
    assert imported == "[]"
