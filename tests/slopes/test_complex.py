"""Complex parameters, buffers and inputs: the gradient is checked, real and imaginary parts alike;
claims about layers say that they are about real ones.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.foreign.common import Net
from tests.foreign.untouched import assert_same, snapshot
from theorems.own.models import check_model
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome

BUGS = {
    "factor 2": lambda g: 2 * g,
    "1 %": lambda g: 1.01 * g,
    "sign": torch.neg,
    "zeroed": torch.zeros_like,
    "conjugated": lambda g: g.conj().resolve_conj(),
    "real part alone": lambda g: g.real.to(g.dtype),
}
PRECISE = {torch.complex64: torch.float32, torch.complex128: torch.float64}


def between(dtype):
    """A real layer, a complex product, a real readout of magnitudes."""
    torch.manual_seed(0)
    model = Net(
        lambda s, x: s.b(((torch.tanh(s.a(x)) + 0j) @ s.w * s.turn).abs()),
        a=nn.Linear(6, 8),
        b=nn.Linear(5, 3),
    )
    model = model.to(PRECISE[dtype])
    model.register_buffer("turn", torch.polar(torch.ones(5), torch.arange(5.0)).to(dtype))
    model.w = nn.Parameter(torch.randn(8, 5, dtype=dtype))
    return model, model.w, torch.randn(12, 6).to(PRECISE[dtype])


def throughout(dtype):
    """Complex layers on complex inputs."""
    torch.manual_seed(0)
    model = Net(
        lambda s, x: s.b(s.a(x)).abs(),
        a=nn.Linear(6, 8, dtype=dtype),
        b=nn.Linear(8, 3, dtype=dtype),
    )
    return model, model.a.weight, torch.randn(12, 6, dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", PRECISE, ids=str)
@pytest.mark.parametrize("make", [between, throughout])
def test_complex_networks_hold_and_wrong_gradients_are_refuted(make, dtype):
    for bug in (None, *BUGS):
        model, weight, inputs = make(dtype)
        if bug:
            weight.register_hook(BUGS[bug])
        before = snapshot(model)
        claims = [autograd_gives_the_gradient] if bug else None
        results = check_model(
            model, inputs, torch.arange(12) % 3, functional.cross_entropy, claims=claims
        )
        assert_same(before, snapshot(model))
        outcomes = {
            r.where: r.verdict.outcome for r in results if r.claim is autograd_gives_the_gradient
        }
        assert outcomes["all parameters"] is (Outcome.REFUTED if bug else Outcome.HOLDS), (
            bug,
            outcomes,
        )
        others = {r.verdict.outcome for r in results if r.claim is not autograd_gives_the_gradient}
        assert others <= {Outcome.HOLDS, Outcome.INAPPLICABLE}
        assert not any("raised" in str(r.verdict.context.get("reason")) for r in results)
        named = {name for name, reason in results.layers.unseen.items() if "complex" in reason}
        assert bug or named == ({"w"} if make is between else {"a", "b"})
