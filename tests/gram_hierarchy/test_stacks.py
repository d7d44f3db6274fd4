"""Bias-free ReLU stacks are found by what flows through a network, however it is written."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl import fields, half_squared_error, stacks
from impl.gram_hierarchy import relu_stacks
from theorems import CLAIMS, Outcome
from theorems.gram_hierarchy.recursions import layerwise_kernel
from theorems.own.models import check_model


class Functional(nn.Module):
    """The stack with functional ReLU, flattening and control flow."""

    def __init__(self):
        super().__init__()
        self.front = nn.Conv2d(1, 2, 3)
        self.a = nn.Linear(8, 6, bias=False)
        self.b = nn.Linear(6, 5, bias=False)
        self.out = nn.Linear(5, 3)

    def forward(self, x):
        x = self.front(x).flatten(1)
        for layer in (self.a, self.b):
            x = functional.relu(layer(x), inplace=layer is self.b)
        return self.out(x)


def run(model, shape, outputs, loss=half_squared_error, dtype=torch.float64):
    torch.manual_seed(0)
    model = model.to(dtype)
    return stacks(model, torch.randn(shape, dtype=dtype), torch.randn(outputs, dtype=dtype), loss)


def linear(*widths, bias=False):
    torch.manual_seed(1)
    parts = []
    for a, b in zip(widths[:-1], widths[1:], strict=True):
        parts += [nn.Linear(a, b, bias=bias), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def test_a_stack_behind_a_convolution_is_found():
    torch.manual_seed(3)
    found = run(Functional(), (4, 1, 4, 4), (4, 3))
    assert list(found) == ["a → out"]
    net = found["a → out"]
    assert net.depth == 2
    assert net.inputs.shape == (12, 8), "a row per output and sample"


def test_its_outputs_are_those_of_the_network():
    model = linear(3, 5, 4, 2).double()
    inputs, targets = torch.randn(6, 3).double(), torch.randn(6, 2).double()
    (net,) = stacks(model, inputs, targets, half_squared_error).values()
    assert torch.allclose(fields(net).outputs.reshape(6, 2), model(inputs))
    assert torch.allclose(net.residual.reshape(6, 2), model(inputs) - targets)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("loss", [half_squared_error, functional.mse_loss, functional.huber_loss])
def test_every_claim_holds_on_it_under_any_loss(dtype, loss):
    (net,) = run(linear(3, 8, 7, 6, 2), (5, 3), (5, 2), loss, dtype).values()
    for claim in CLAIMS:
        if claim.subject is type(net):
            verdict = claim(net)
            expected = Outcome.INAPPLICABLE if "single_layer" in claim.name else Outcome.HOLDS
            assert verdict.outcome is expected, verdict


def test_a_stack_with_too_many_rows_is_left_out(monkeypatch):
    """Rows are the readout's outputs on all samples, however wide the layers before it."""
    for limit, found in ((12, True), (11, False)):
        monkeypatch.setattr(relu_stacks, "LARGEST", limit)
        for widths in ((3, 8, 7, 2), (3, 1, 2)):
            assert bool(run(linear(*widths), (6, 3), (6, 2))) is found, widths


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "outcome"), [(1.0, Outcome.HOLDS), (1.001, Outcome.REFUTED)])
def test_of_a_large_batch_the_first_samples_are_looked_at_and_the_place_says_so(factor, outcome):
    """Every pair of rows is compared: three thousand rows would take minutes, and are no more
    telling than five hundred.
    """
    model = linear(3, 8, 7, 2).double()
    model[2].weight.register_hook(lambda grad: factor * grad)
    inputs, targets = torch.randn(400, 3).double(), torch.randn(400, 2).double()
    for rows, where in ((400, "0 → 4, first 256 samples"), (256, "0 → 4")):
        (seen,) = check_model(
            model, inputs[:rows], targets[:rows], functional.mse_loss, claims=[layerwise_kernel]
        )
        assert (seen.where, seen.verdict.outcome) == (where, outcome)


class OneByOne(nn.Linear):
    """The products added one after the other, in the format of the network."""

    off = 0.0

    def forward(self, x):
        total = x[:, :1] * self.weight[:, 0]
        for i in range(1, self.in_features):
            total = total + x[:, i : i + 1] * self.weight[:, i]
        return total * (1 + self.off)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_linear_layer_is_known_whatever_the_order_of_its_sum(dtype):
    """1 and then two hundred halves of its last digit: each sum rounds down to 1, and the whole
    error is the worst there is.
    """
    unit = torch.finfo(dtype).eps / 2
    model = nn.Sequential(OneByOne(200, 3, bias=False), nn.ReLU(), nn.Linear(3, 2)).to(dtype)
    with torch.no_grad():
        model[0].weight.fill_(unit)[:, 0] = 1
    inputs = torch.ones(4, 200, dtype=dtype)
    assert torch.equal(model[0](inputs), torch.ones(4, 3, dtype=dtype))
    targets = torch.zeros(4, 2, dtype=dtype)
    assert list(stacks(model, inputs, targets, half_squared_error)) == ["0 → 2"]
    model[0].off = 1_000 * unit
    assert stacks(model, inputs, targets, half_squared_error) == {}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_formats_are_known_too(dtype):
    model, targets = linear(200, 5, 2).to(dtype), torch.zeros(4, 2, dtype=dtype)
    inputs = torch.rand(4, 200, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert list(stacks(model, inputs, targets, half_squared_error)) == ["0 → 2"]
    model[0].weight.data.abs_()
    model[0].__class__ = type(
        "Off", (nn.Linear,), {"forward": lambda self, x: 1.1 * nn.functional.linear(x, self.weight)}
    )
    assert stacks(model, inputs, targets, half_squared_error) == {}


class Skipping(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = (nn.Linear(4, 4, bias=False) for _ in range(3))

    def forward(self, x):
        z = torch.relu(self.a(x))
        return self.out(z + torch.relu(self.b(z)))


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.one, self.two = nn.Linear(4, 5, bias=False), nn.Linear(5, 2), nn.Linear(5, 2)

    def forward(self, x):
        z = torch.relu(self.a(x))
        return self.one(z) + self.two(z)


@pytest.mark.parametrize(
    ("model", "shape", "outputs"),
    [
        pytest.param(lambda: linear(3, 4, 2, bias=True), (5, 3), (5, 2), id="biases"),
        pytest.param(
            lambda: nn.Sequential(nn.Linear(3, 4, bias=False), nn.Tanh(), nn.Linear(4, 2)),
            (5, 3),
            (5, 2),
            id="tanh",
        ),
        pytest.param(
            lambda: nn.Sequential(
                nn.Linear(3, 4, bias=False), nn.ReLU(), nn.LayerNorm(4), nn.Linear(4, 2)
            ),
            (5, 3),
            (5, 2),
            id="normalised",
        ),
        pytest.param(Skipping, (5, 4), (5, 4), id="skip"),
        pytest.param(TwoHeads, (5, 4), (5, 2), id="two heads"),
        pytest.param(lambda: nn.Linear(3, 2), (5, 3), (5, 2), id="no hidden layer"),
    ],
)
def test_what_is_not_a_stack_is_not_taken_for_one(model, shape, outputs):
    torch.manual_seed(2)
    assert run(model(), shape, outputs) == {}
