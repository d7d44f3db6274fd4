"""Some rows of every layer: those that a whole trace has, from one pass, with nothing unfolded."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl import InputError, trace
from impl.networks import patches, row_plans
from impl.networks.row_plans import FEWEST, MOST, rows_kept
from impl.networks.row_samples import row_samples
from tests.foreign.common import Net, data
from tests.foreign.untouched import assert_same, snapshot

LABELS = torch.arange(6) % 3


def lenet():
    parts = (
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 5, (3, 2), dilation=(1, 2), padding="same", padding_mode="circular"),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(80, 3),
    )
    return nn.Sequential(*parts), data(6, 2, 8, 8)


def looped():
    def forward(net, x):
        for _ in range(3):
            x = torch.tanh(net.fc(x))
        return net.out(x)

    return Net(forward, fc=nn.Linear(4, 4), out=nn.Linear(4, 3)), data(6, 4)


def recurrent():
    def forward(net, x):
        return net.out(net.cells(x)[0][:, -1])

    return Net(forward, cells=nn.LSTM(3, 5, 2, batch_first=True), out=nn.Linear(5, 3)), data(
        6, 4, 3
    )


def attention():
    def forward(net, x):
        return net.out(net.mix(x, x, x)[0].mean(1))

    parts = {"mix": nn.MultiheadAttention(4, 2, batch_first=True), "out": nn.Linear(4, 3)}
    return Net(forward, **parts), data(6, 5, 4)


NETWORKS = [lenet, looped, recurrent, attention]


def made(make):
    torch.manual_seed(0)
    model, inputs = make()
    return model.double(), inputs, LABELS, functional.cross_entropy


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize("most", [3, 1000])
def test_rows_are_those_of_the_whole_trace(make, most):
    task = made(make)
    whole, before = trace(*task), snapshot(task[0])
    found = row_samples(*task, most=lambda rows, _d_in, _d_out: min(rows, most)).layers
    assert_same(before, snapshot(task[0]))
    assert set(found) == set(whole)
    for name, layer in found.items():
        assert layer.rows == len(whole[name].inputs)
        assert len(layer.chosen) == min(layer.rows, most)
        assert (int(layer.chosen[0]), int(layer.chosen[-1])) == (0, layer.rows - 1)
        for field in ("weight", "weight_grad"):
            torch.testing.assert_close(getattr(layer, field), getattr(whole[name], field))
        for field in ("inputs", "output_grad"):
            wanted = getattr(whole[name], field)[layer.chosen]
            torch.testing.assert_close(getattr(layer, field), wanted)
        sent = layer.output_grad @ layer.weight
        torch.testing.assert_close(sent, whole[name].input_grad[layer.chosen])


def counted(monkeypatch, model):
    """Forward passes, backward passes and what was folded."""
    counts = {"forward": 0, "backward": 0, "folded": 0}

    def counting(what, function):
        def call(*args, **kwargs):
            counts[what] += 1
            return function(*args, **kwargs)

        return call

    model.register_forward_pre_hook(lambda *_: counts.update(forward=counts["forward"] + 1))
    monkeypatch.setattr(torch.autograd, "grad", counting("backward", torch.autograd.grad))
    for name in ("fold", "unfold"):
        monkeypatch.setattr(patches, name, counting("folded", getattr(patches, name)))
    return counts


@pytest.mark.parametrize(
    ("make", "passes"), [(lenet, 1), (looped, 1), (attention, 2), (recurrent, 2)]
)
def test_one_pass_forwards_and_one_backwards(monkeypatch, make, passes):
    """Two where recurrent layers turn out to run as one operation, or products that are no layers
    read the data themselves; one if that is known.
    """
    task = made(make)
    counts = counted(monkeypatch, task[0])
    found = row_samples(*task)
    assert counts == {"forward": passes, "backward": passes, "folded": 0}
    assert found.stepwise is (passes == 2)
    again = row_samples(*task, stepwise=found.stepwise)
    assert counts == {"forward": passes + 1, "backward": passes + 1, "folded": 0}
    assert set(again.layers) == set(found.layers)


def test_a_layer_of_ones_own_is_asked_what_it_sends_back():
    class Doubling(nn.Linear):
        def forward(self, x):
            return super().forward(2 * x)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), Doubling(4, 3)).double()
    task = (model, data(6, 4), LABELS, functional.cross_entropy)
    found = row_samples(*task).layers
    assert found["0"].input_grad is None
    torch.testing.assert_close(found["1"].input_grad, trace(*task)["1"].input_grad)


def test_rows_that_are_kept_are_as_many_as_cost_a_quarter_of_the_layer():
    assert rows_kept(90, 10**4, 1) == 90
    assert rows_kept(10**4, 10**3, 1) == FEWEST == 96
    assert rows_kept(10**6, 16, 512) == MOST == 1024
    assert rows_kept(2**15, 144, 16) == 256
    for rows in (1, 95, 97, 500, 5000):
        kept = [rows_kept(rows, 64, width) for width in (1, 16, 256, 4096)]
        assert kept == sorted(kept)
        assert min(rows, FEWEST) <= kept[0] <= kept[-1] <= min(rows, MOST)


def linked(model, inputs, **options):
    task = (model.double(), inputs, LABELS, functional.cross_entropy)
    return row_samples(*task, linked=True, most=lambda *_: 2, **options)


def test_layers_that_reach_the_outputs_through_linear_layers_are_kept_whole():
    torch.manual_seed(0)
    deep = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4), nn.Linear(4, 3))
    found = linked(deep, data(6, 4))
    assert list(found.linked) == ["2", "3"]
    assert [len(layer.inputs) for layer in found.linked.values()] == [6, 6]
    assert {len(layer.inputs) for layer in found.layers.values()} == {2}
    assert torch.equal(found.linked["2"].output_grad, found.linked["3"].input_grad)
    assert torch.equal(found.linked["2"].outputs, found.linked["3"].inputs)
    parts = nn.Linear(4, 5), nn.Linear(5, 4), nn.Linear(4, 4), nn.Linear(4, 3)
    assert list(linked(nn.Sequential(*parts), data(6, 4)).linked) == ["0", "1", "2", "3"]
    shallow = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    assert linked(shallow, data(6, 4)).linked == {}
    pooled = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(4, 3))
    assert list(linked(pooled, data(6, 2, 3, 3)).linked) == ["0", "2"]
    ended = Net(lambda net, x: 2 * net.b(net.a(x)), a=nn.Linear(4, 4), b=nn.Linear(4, 3))
    assert linked(ended, data(6, 4)).linked == {}


def test_convolutions_in_groups_and_layers_without_a_path_are_left_out():
    def forward(net, x):
        net.idle(x.flatten(1))
        return net.out(net.grouped(x).flatten(1))

    parts = {"grouped": nn.Conv2d(4, 4, 1, groups=2), "idle": nn.Linear(16, 2)}
    model = Net(forward, out=nn.Linear(16, 3), **parts).double()
    found = row_samples(model, data(6, 4, 2, 2), LABELS, functional.cross_entropy)
    assert list(found.layers) == ["out"]


def test_mistakes():
    model, inputs, targets, loss = made(lenet)
    with pytest.raises(InputError, match="expected a loss that depends"):
        row_samples(model, inputs, targets, lambda f, y: loss(f.detach(), y))
    stopped = Net(lambda net, x: Stopped.apply(net.fc(x)), fc=nn.Linear(4, 3)).double()
    with pytest.raises(InputError, match="its backward pass raised RuntimeError: stop"):
        row_samples(stopped, data(6, 4), targets, loss)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in stopped.modules())


class Stopped(torch.autograd.Function):
    @staticmethod
    def forward(_ctx, x):
        return x.clone()

    @staticmethod
    def backward(_ctx, _grad):
        raise RuntimeError("stop")


def test_rows_of_many_are_spaced_exactly():
    """In float32 the last of 2²⁵ + 1 would be another."""
    where = row_plans.spaced(2**25 + 2, 3, torch.device("cpu"))
    assert where.tolist() == [0, 2**24, 2**25 + 1]
