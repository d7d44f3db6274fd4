"""Handles that move together: the slope of their line, where they are put, and what is read
there.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl.slopes.directions import direction
from impl.slopes.handles import Handle
from impl.slopes.lines import Lines
from impl.slopes.moving import EVEN, Moving, speeds_of
from tests.foreign.common import Net

F64 = torch.float64


def numbers(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def network():
    """Two layers with one weight, dropout and running means."""
    torch.manual_seed(0)
    layers = {name: nn.Linear(5, 5) for name in ("one", "two")}
    layers |= {"norm": nn.BatchNorm1d(5), "last": nn.Linear(5, 2, bias=False)}
    model = Net(
        lambda s, x: s.last(s.drop(s.norm(s.two(torch.tanh(s.one(x)))))),
        drop=nn.Dropout(0.3),
        **layers,
    )
    model.two.weight = model.one.weight
    return model.double()


def lines(model=None, loss=functional.mse_loss, **options):
    return Lines(model or network(), numbers(7, 5), numbers(7, 2, seed=2), loss, seed=3, **options)


def expected(seen, chosen, weights):
    """Slope, spread and terms by hand: every parameter once, at the speed of its first handle."""
    products, known = [], set()
    for handle, weight in zip(chosen, weights, strict=True):
        for p in handle.parameters:
            if id(p) not in known:
                known.add(id(p))
                slope, squares, terms = seen.shares[id(p)]
                products.append((weight * slope, weight**2 * squares, weight * terms))
        if handle.event is not None:
            products.append(
                (weight * handle.slope, weight**2 * handle.squares, weight * handle.terms)
            )
    slope, squares, terms = (sum(part) for part in zip(*products, strict=True))
    return slope, math.sqrt(squares), terms


@pytest.mark.parametrize("kind", ["parameters", "input", "output", "all"])
def test_the_loss_moves_as_autograd_says_and_is_read_again_at_the_point(kind):
    seen = lines()
    handles = [h for h in seen.handles() if kind in ("all", h.kind)]
    assert handles
    weights = [0.25 + 0.5 * k for k in range(len(handles))]
    with seen._here():
        line = Moving(seen, handles, weights)
        assert (line.slope, line.spread, line.terms) == pytest.approx(
            expected(seen, handles, weights), rel=1e-12
        )
        step = 2.0**-14
        assert (line(step) - line(-step)) / (2 * step) == pytest.approx(line.slope, rel=1e-5)
        assert line(0.0) == seen.value
        means = seen.model.norm.running_mean.clone()
        value, slope = line.again()
        assert value == seen.value
        assert slope == pytest.approx(line.slope, rel=1e-10)
        assert torch.equal(seen.model.norm.running_mean, means)
        wanted = {id(p) for h in handles for p in h.parameters}
        assert seen.pushed == wanted


def test_a_tied_parameter_is_one_whichever_handle_it_moves_with():
    seen = lines()
    tied = [h for h in seen.owners if seen.model.one.weight in set(h.parameters)]
    assert [h.module for h in tied] == ["one", "two"]
    with seen._here():
        line = Moving(seen, tied, [1.0, 3.0])
        assert len(line.parameters) == len({id(p) for p in line.parameters}) == 3
        assert line.speeds[id(seen.model.one.weight)] == 1.0
        before = seen.model.one.weight.detach().clone()
        line(2.0**-10)
        moved = seen.model.two.weight.detach() - before
        along = seen.along_parameter(seen.model.one.weight)
        torch.testing.assert_close(moved, 2.0**-10 * along.double(), rtol=1e-9, atol=1e-15)
        two = seen.model.two.bias.detach().clone()
        line(0.0)
        there = (two - seen.model.two.bias.detach()) / seen.along_parameter(seen.model.two.bias)
        torch.testing.assert_close(
            there, torch.full_like(there, 3 * 2.0**-10), rtol=1e-9, atol=1e-15
        )


def test_what_a_forward_pass_writes_into_goes_on_moving():
    def forward(net, x):
        with torch.no_grad():
            net.last.weight.mul_(1.0)
            net.mean.lerp_(net.last.weight, 0.5)
        return net.last(x) + functional.linear(x, net.mean)

    torch.manual_seed(0)
    model = Net(forward, last=nn.Linear(5, 2)).double()
    model.mean = nn.Parameter(torch.zeros(2, 5, dtype=F64))
    seen = lines(model)
    with seen._here():
        line = Moving(seen, seen.owners, [1.0] * len(seen.owners))
        step = 2.0**-14
        assert line.slope > 0
        assert (line(step) - line(-step)) / (2 * step) == pytest.approx(line.slope, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, F64])
def test_a_push_keeps_the_format_and_what_autograd_follows(dtype):
    seen = lines()
    tensor = numbers(7, 5).to(dtype).requires_grad_()
    with seen._here():
        pushed = Moving(seen, [], [])._push(4, 0.5)(tensor)
    assert pushed.dtype is dtype
    assert pushed.requires_grad
    along = direction(tensor.detach(), 3 + 7919 * 5)
    wanted = tensor.detach() + (0.5 * along.double()).to(dtype)
    torch.testing.assert_close(pushed.detach(), wanted, rtol=0, atol=0)


def test_where_the_network_is_not_defined_the_loss_is_no_number():
    def loss(outputs, targets):
        if bool((outputs.abs() > 1e3).any()):
            raise ValueError("too far")
        return functional.mse_loss(outputs, targets)

    seen = lines(loss=loss)
    with seen._here():
        line = Moving(seen, seen.owners, [1.0] * len(seen.owners))
        assert math.isnan(line(1e6))
        assert line(0.0) == seen.value


def test_the_speeds_make_the_loss_depend_on_all_alike():
    sizes = [1.0, 4.0, 0.5, 0.0, math.inf, 2.0**-20, 2.0**20]
    handles = [Handle("parameters", str(k), squares=size**2) for k, size in enumerate(sizes)]
    # the middle of 0, 0, 2⁻²⁰, 1/2, 1, 4, 2²⁰
    wanted = [0.5, 0.125, 1.0, 1.0, 1.0, EVEN, 1 / EVEN]
    assert speeds_of(handles) == wanted
    assert speeds_of([Handle("parameters", "still")]) == [1.0]
