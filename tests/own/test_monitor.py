"""A watched training: what is recorded is what is true, and the training is the same bit for
bit.
"""

import json
import math
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from impl import InputError
from theorems import watch
from theorems.own.monitor_decay import Decayed


def data(dtype=torch.float32):
    source = torch.Generator().manual_seed(0)
    return torch.randn(40, 6, generator=source).to(dtype), torch.arange(40) % 3


def network(dtype=torch.float32):
    torch.manual_seed(0)
    parts = (
        nn.Linear(6, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(16, 8),
        nn.Tanh(),
        nn.Linear(8, 3),
    )
    return nn.Sequential(*parts).to(dtype)


def train(model, steps=6, rate=0.1, fail=None, momentum=0.9):
    inputs, targets = data(next(model.parameters()).dtype)
    optimiser = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    for step in range(steps):
        chosen = torch.randint(40, (16,))
        optimiser.zero_grad()
        functional.cross_entropy(model(inputs[chosen]), targets[chosen]).backward()
        optimiser.step()
        if step == fail:
            raise RuntimeError("stop")
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_training_is_the_same_bit_for_bit(dtype):
    alone = train(network(dtype))
    watched = network(dtype)
    with watch(watched, *data(dtype), functional.cross_entropy, every=2) as history:
        train(watched)
    for (name, one), (_, other) in zip(
        alone.state_dict().items(), watched.state_dict().items(), strict=True
    ):
        assert torch.equal(one, other), name
    for one, other in zip(alone.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
    assert history.series("0", "kernel_rank")[0] == [0, 2, 4, 6]
    assert history.layers == ["0", "4", "6"]


def test_hooks_are_gone_also_after_an_error():
    model = network()
    with (
        pytest.raises(RuntimeError, match="stop"),
        watch(model, *data(), functional.cross_entropy) as history,
    ):
        train(model, fail=1)
    assert [row["step"] for row in history.rows if row["layer"] == "0"] == [0, 1, 2]
    train(model)
    assert max(row["step"] for row in history.rows) == 2
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_other_optimisers_do_not_count():
    with watch(network(), *data(), functional.cross_entropy) as history:
        train(network())
    assert {row["step"] for row in history.rows} == {0}


def test_noise_at_the_readout_has_rank_below_the_classes():
    model = network(torch.float64).eval()
    with watch(model, *data(torch.float64), functional.cross_entropy) as history:
        pass
    assert history.series("6", "noise_rank")[1] == [2.0], "softmax: C - 1"
    assert history.series("6", "kernel_rank")[1] == [8.0]


def test_features_of_rank_c_leave_no_tail_and_explain_everything():
    model = nn.Sequential(nn.Linear(3, 3, bias=False)).double()
    # twice the same three columns: rank 3 of 6
    inputs = torch.eye(3, dtype=torch.float64).repeat(4, 2)
    model[0] = nn.Linear(6, 3, bias=False).double()
    with watch(model, inputs, torch.arange(12) % 3, functional.cross_entropy) as history:
        pass
    (row,) = history.rows
    assert row["kernel_rank"] == 3
    assert row["kernel_tail"] < 1e-20
    assert abs(row["target_linearity"] - 1) < 1e-9


def test_one_plain_step_moves_the_gram_along_the_virtual_covariance():
    """A small gradient step on the watched batch itself: the cosine is one up to the step; uphill
    it is minus one.
    """
    for sign, rate in ((1, 1e-5), (-1, -1e-5)):
        model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)).double()
        inputs, targets = data(torch.float64)
        optimiser = torch.optim.SGD(model.parameters(), lr=abs(rate), maximize=rate < 0)
        with watch(model, inputs, targets, functional.cross_entropy) as history:
            functional.cross_entropy(model(inputs), targets).backward()
            optimiser.step()
        for layer in history.layers:
            assert math.isnan(history.series(layer, "gram_virtual_cosine")[1][0])
            assert abs(history.series(layer, "gram_virtual_cosine")[1][1] - sign) < 1e-3


class Writer:
    def __init__(self):
        self.seen = []

    def add_scalar(self, tag, value, step):
        self.seen.append((tag, value, step))


@pytest.mark.slow
def test_scalars_are_written_and_the_rest_is_exported(tmp_path):
    model, writer = network(), Writer()
    with watch(model, *data(), functional.cross_entropy, every=3, writer=writer) as history:
        train(model)
    assert ("kernel_rank/0", 6.0, 3) in writer.seen
    assert all(math.isfinite(value) for _, value, _ in writer.seen)
    columns = json.loads(history.to_json(tmp_path / "history.json"))
    assert columns == json.loads((tmp_path / "history.json").read_text())
    assert columns["gram_virtual_cosine"][0] is None
    assert len(columns["layer"]) == 9
    figure = history.plot()
    assert len(figure.axes) == 6
    assert history.plot(["0"]).axes[0].get_legend_handles_labels()[1] == ["0"]


def test_records_as_a_frame():
    pandas = pytest.importorskip("pandas", reason="needs pandas: pip install 'theorems[monitor]'")
    model = network()
    with watch(model, *data(), functional.cross_entropy, every=3) as history:
        train(model)
    frame = history.frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(history.to_dict())
    assert (
        frame.set_index(["layer", "step"]).loc["4", "kernel_rank"].tolist()
        == history.series("4", "kernel_rank")[1]
    )
    assert frame["gram_virtual_cosine"].isna().sum() == len(history.layers)


def test_tensorboard_reads_what_is_written(tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="needs tensorboard: pip install 'theorems[monitor]'",
    )
    model = network()
    with watch(
        model, *data(), functional.cross_entropy, every=3, log_dir=tmp_path / "runs"
    ) as history:
        train(model)
    events = accumulator.EventAccumulator(str(tmp_path / "runs")).Reload()
    seen = [(event.step, event.value) for event in events.Scalars("target_linearity/4")]
    assert seen == [
        (s, pytest.approx(v, rel=1e-6))
        for s, v in zip(*history.series("4", "target_linearity"), strict=True)
    ]


@pytest.mark.parametrize(
    ("module", "use"), [("pandas", "frame"), ("torch.utils.tensorboard", "log_dir")]
)
def test_what_is_not_installed_is_named(monkeypatch, tmp_path, module, use):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"to be installed for {use}.*theorems\[monitor\]"):  # noqa: SIM117
        with watch(
            network(),
            *data(),
            functional.cross_entropy,
            log_dir=tmp_path if use == "log_dir" else None,
        ) as history:
            history.frame()


def test_a_training_that_diverges_goes_on_and_is_reported():
    def diverging():
        model = network()
        with watch(model, *data(), functional.cross_entropy) as history:
            with torch.no_grad():
                model[0].weight[0, 0] = torch.nan
            train(model, 2)
        return history

    with pytest.warns(UserWarning, match="no record at step"):
        history = diverging()
    assert [step for step, _ in history.missed] == [1, 2]


def test_mistakes():
    inputs, targets = data()
    with (
        pytest.raises(InputError, match="every=0"),
        watch(network(), inputs, targets, functional.cross_entropy, every=0),
    ):
        pass
    with (
        pytest.raises(InputError, match="it raised"),
        watch(network(), inputs[:, :2], targets, functional.cross_entropy),
    ):
        pass
    with watch(network(), inputs, targets, functional.cross_entropy) as history:
        pass
    with pytest.raises(InputError, match="expected a layer among"):
        history.series("9", "kernel_rank")
    with pytest.raises(InputError, match="expected a quantity among"):
        history.series("0", "rank")


def test_the_kernel_tail_is_the_share_of_the_first_direction_beyond_the_classes():
    """σ²_{C+1}/σ²_1 of the features that reach a layer, by NumPy."""
    inputs, labels = data(torch.float64)
    model = nn.Linear(6, 3).double()
    with watch(model, inputs, labels, functional.cross_entropy) as history:
        pass
    sigma = np.linalg.svd(inputs.numpy(), compute_uv=False)
    _, values = history.series(history.layers[0], "kernel_tail")
    assert values[0] == pytest.approx((sigma[3] / sigma[0]) ** 2, rel=1e-12)


def test_a_matrix_with_no_more_rows_than_classes_has_no_tail_and_others_that_of_numpy():
    weight = torch.randn(3, 5, dtype=torch.float64)
    sigma = np.linalg.svd(weight.numpy(), compute_uv=False)
    still = torch.zeros_like(weight)
    for classes, tail in ((1, sigma[1]), (2, sigma[2]), (3, 0.0), (4, 0.0)):
        found, bound = Decayed(weight, still, classes).bound(0.5)
        assert found == pytest.approx(tail, rel=1e-12)
        assert bound == pytest.approx(sigma[0], rel=1e-12)  # ‖λW‖/λ


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.out = nn.GRU(3, 5, 2, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        return self.out(self.cells(x)[0][:, -1])


def images():
    torch.manual_seed(0)
    parts = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 2), nn.Flatten(), nn.Linear(36, 3)
    return nn.Sequential(*parts), torch.randn(40, 1, 6, 6)


COSTS = {"network": 1, "images": 1, "recurrent": 2}
"""Passes of the first record, the only one that does not know how the network runs."""


@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize("decay", [None, 0.1, 0.0])
def test_a_record_is_one_pass_and_two_decompositions_a_layer(monkeypatch, kind, decay):
    """And one least-squares problem where every sample has a row."""
    torch.manual_seed(0)
    model, inputs = {
        "network": lambda: (network(), data()[0]),
        "images": images,
        "recurrent": lambda: (Recurrent(), torch.randn(40, 4, 3)),
    }[kind]()
    counts = dict.fromkeys(("forward", "grad", "eigvalsh", "svdvals", "lstsq", "pinv", "svd"), 0)

    def counting(name, function):
        def call(*args, **kwargs):
            counts[name] += 1
            return function(*args, **kwargs)

        return call

    for name in counts.keys() - {"forward", "grad"}:
        monkeypatch.setattr(torch.linalg, name, counting(name, getattr(torch.linalg, name)))
    monkeypatch.setattr(torch.autograd, "grad", counting("grad", torch.autograd.grad))
    model.register_forward_pre_hook(lambda *_: counts.update(forward=counts["forward"] + 1))
    with watch(model, inputs, data()[1], functional.cross_entropy, decay=decay) as history:
        assert (counts["forward"], counts["grad"]) == (COSTS[kind], COSTS[kind])
        counts.update(dict.fromkeys(counts, 0))
        history.record()
    layers = len(history.layers)
    aligned = {"network": 3, "images": 1, "recurrent": 1}[kind]
    linked = 2 * bool(decay) if kind == "images" else 0  # its last convolution has nothing after it
    assert linked == 0 or decay
    assert counts == {
        "forward": 1,
        "grad": 1,
        "eigvalsh": 2 * layers,
        "svdvals": 0,
        "lstsq": aligned,
        "pinv": 0,
        "svd": 0,
    }


def test_rows_that_are_looked_at_bound_every_rank():
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    with watch(model, *data(), functional.cross_entropy, rows=5) as history:
        pass
    assert history.series("2", "kernel_rank")[1] == [5.0]
    assert history.series("0", "noise_rank")[1] == [4.0], "centred"
    for rows in (1, 2.0, True):
        with (
            pytest.raises(InputError, match="expected a whole number of rows >= 2"),
            watch(model, *data(), functional.cross_entropy, rows=rows),
        ):
            pass


def test_long_batches_are_looked_at_on_some_rows_with_their_own_labels():
    """Every second of 256 samples is of the first class, and a network of their parity alone
    explains it.
    """
    labels = torch.arange(256) // 128
    inputs = torch.cat([labels[:, None].double(), torch.ones(256, 1).double()], 1)
    model = nn.Linear(2, 2).double()
    with watch(model, inputs, labels, functional.cross_entropy, rows=16) as history:
        pass
    (row,) = history.rows
    assert row["target_linearity"] == pytest.approx(1, abs=1e-12)
    assert row["kernel_rank"] == 2
