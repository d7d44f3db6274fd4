"""Lines through the loss of a large network: parameters are set in place and looked at a few
entries at a time, whatever their layout.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl.slopes import directions
from impl.slopes.directions import aligned, blocks, parts, same_numbers, share
from impl.slopes.line_notes import last_bits
from impl.slopes.lines import Lines
from impl.slopes.moving import Moving

F64 = torch.float64


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


LAYOUTS = {
    "contiguous": lambda t: t,
    "transposed": lambda t: t.mT.contiguous().mT,
    "channels last": lambda t: t.contiguous(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 7, 12, 10**6])
def test_parts_are_cut_alike_and_hold_every_entry_in_order(layout, size, monkeypatch):
    monkeypatch.setattr(directions, "_PART", size)
    one, other = numbers(5, 3, 2, 4), numbers(5, 3, 2, 4, seed=1)
    turned = LAYOUTS[layout](one)
    assert torch.equal(torch.cat(list(parts(turned))), one.flatten())
    assert [len(p) for p in parts(turned)] == [len(p) for p in parts(other)]
    assert share(turned, other) == pytest.approx(share(one, other), rel=1e-12)
    assert share(turned, other)[0] == pytest.approx(float((one * other).sum()), rel=1e-12)
    assert same_numbers(turned, one)
    assert not same_numbers(turned, one + 1e-9 * (torch.arange(120).reshape(one.shape) == 119))
    for block in blocks(turned):
        block.mul_(2)
    assert torch.equal(turned, 2 * LAYOUTS[layout](numbers(5, 3, 2, 4)))
    along = other.clone()
    aligned(along, turned * (turned > 0))
    assert torch.equal(along, torch.where(turned > 0, other.abs(), other))


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("beside", [False, True])
def test_parameters_are_set_in_place_and_put_back(dtype, beside):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(16, 3)).to(dtype)
    model[0].weight.data = model[0].weight.data.contiguous(memory_format=torch.channels_last)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    inputs, targets = numbers(6, 2, 4, 4).to(dtype), torch.arange(6) % 3
    lines = Lines(model, inputs, targets, functional.cross_entropy, beside=beside)
    with lines._here():
        rooms = {id(p): p.data_ptr() for p in model.parameters()}
        line = Moving(lines, lines.owners, [1.0] * len(lines.owners))
        for step in (0.25, -0.125):
            line(step)
            for name, p in model.named_parameters():
                at = before[name].double()
                at = (
                    at + 2.0**-8 * directions.direction(at, -1 - lines._numbers[id(p)]).double()
                    if beside
                    else at
                )
                assert torch.equal(p.detach(), at.add(lines.along_parameter(p), alpha=step))
                assert p.data_ptr() == rooms[id(p)]
        wobble, jitter = last_bits(lines, line)
        moved = [
            bool(((p.detach() - lines._base(p)) != 0).double().mean() > 0.5)
            for p in model.parameters()
        ]
        assert all(moved), "every entry of every parameter moves, whatever its layout"
        assert 0 <= wobble < 1e-10
        assert 0 <= jitter < 1e-10
    after = dict(model.named_parameters())
    assert all(
        torch.equal(before[name], after[name]) and after[name].dtype is dtype for name in before
    )
