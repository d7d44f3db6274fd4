"""Layers that are no ``nn.Linear`` or ``nn.Conv``: found by the products that run, with the numbers
that autograd has for them.
"""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl import trace
from tests.foreign.common import D, N, Net, data, lin
from theorems import (
    Outcome,
    feature_learning_equation,
    gram_flow,
    gram_follows_virtual_covariance,
    stationary_gram_is_feature_correlation,
)
from theorems.own.models import check_model

CLAIMS = [
    feature_learning_equation,
    gram_flow,
    gram_follows_virtual_covariance,
    stationary_gram_is_feature_correlation,
]


class Own(nn.Module):
    """A layer of somebody's own: one parameter, and how it meets the rows."""

    def __init__(self, multiply, *shape):
        super().__init__()
        self.multiply, self.matrix = multiply, nn.Parameter(data(*shape, seed=3))

    def forward(self, x):
        return self.multiply(x, self.matrix)


WAYS = {
    "x @ W": (lambda x, w: x @ w, (D, 5)),
    "Wᵀ above": (lambda x, w: (w @ x.flatten(0, -2).T).T.unflatten(0, x.shape[:-1]), (5, D)),
    "functional.linear": (functional.linear, (5, D)),
    "addmm, as GPT-2's Conv1D": (
        lambda x, w: torch.addmm(w.new_ones(5), x.flatten(0, -2), w).unflatten(0, x.shape[:-1]),
        (D, 5),
    ),
    "einsum": (lambda x, w: torch.einsum("...i,io->...o", x, w), (D, 5)),
    "tensordot": (lambda x, w: torch.tensordot(x, w, dims=1), (D, 5)),
    "one unit": (lambda x, w: x @ w, (D,)),
    "half of a packed weight": (lambda x, w: x @ w.chunk(2, dim=1)[1], (D, 10)),
    "a mask": (lambda x, w: x @ (w * torch.arange(5).fmod(2)), (D, 5)),
    "computed entry by entry": (lambda x, w: x @ (1 - w.abs().log1p()).relu(), (D, 5)),
    "as many networks as samples": (torch.bmm, (N, D, 5)),
    "convolution by function": (lambda x, w: functional.conv1d(x.mT, w, padding=1).mT, (5, D, 3)),
    "in groups": (lambda x, w: functional.conv1d(x.mT, w, groups=2, stride=2).mT, (6, D // 2, 1)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_product_with_a_parameter_is_a_layer(way, dtype):
    multiply, shape = WAYS[way]
    torch.manual_seed(0)
    layer = Own(multiply, *shape)
    model = Net(
        lambda net, x: torch.tanh(net.own(torch.tanh(net.first(x)))), first=lin(), own=layer
    ).to(dtype)
    inputs = data(N, 3, D, dtype=dtype)
    traces = trace(model, inputs, None, lambda o, _: o.square().sum())
    (name,) = set(traces) - {"first"}
    assert name.partition("[")[0] == "own.matrix"
    assert traces.left_out == {}
    found = traces[name]
    for claim in CLAIMS:
        assert claim(found), claim(found)
    model.zero_grad()
    model(inputs).square().sum().backward()
    part = layer.matrix.grad[..., 5:] if name.endswith("[:, 5:10]") else layer.matrix.grad
    if way not in ("a mask", "computed entry by entry"):
        assert torch.allclose(found.weight_grad.abs().sum(), part.abs().sum(), rtol=1e-5)
    if found.weight.ndim == 2:
        assert torch.allclose(
            found.output_grad.mT @ found.inputs, found.weight_grad, rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize(
    ("kind", "options", "weights"),
    [
        (nn.LSTM, {"num_layers": 2}, 4),
        (nn.GRU, {"bidirectional": True}, 4),
        (nn.RNN, {"nonlinearity": "relu"}, 2),
    ],
)
def test_recurrent_layers_are_seen_step_by_step(kind, options, weights):
    torch.manual_seed(0)
    model = Net(lambda net, x: net.body(x)[0], body=kind(D, 5, batch_first=True, **options))
    inputs, before = data(3, 6, D, dtype=torch.float32), torch._C._get_mkldnn_enabled()
    traces = trace(model, inputs, None, lambda o, _: o.square().sum())
    assert torch._C._get_mkldnn_enabled() == before
    assert sorted(traces) == sorted(
        f"body.{name}" for name, p in model.body.named_parameters() if p.ndim == 2
    )
    assert len(traces) == weights
    model(inputs)[:].square().sum().backward()
    for name, layer in traces.items():
        assert all(claim(layer) for claim in CLAIMS)
        if "weight_ih" in name:
            assert torch.allclose(
                layer.weight_grad, model.get_parameter(name).grad, rtol=1e-4, atol=1e-5
            )


def test_a_hook_on_the_parameter_of_a_product_is_seen_there():
    model = Net(
        lambda net, x: net.b(torch.tanh(net.a(x))),
        a=Own(WAYS["x @ W"][0], D, 5),
        b=Own(functional.linear, 2, 5),
    )
    model.a.matrix.register_hook(lambda gradient: 2 * gradient)
    traces = trace(model, data(N, D), data(N, 2), functional.mse_loss)
    assert feature_learning_equation(traces["a.matrix"]).outcome is Outcome.REFUTED
    assert feature_learning_equation(traces["b.matrix"])


@pytest.mark.slow
def test_every_transposed_convolution():
    count = 0
    for groups, stride, padding, more, dilation, k in itertools.product(
        (1, 2), (1, 2), (0, 1), (0, 1), (1, 2), (2, 3)
    ):
        if more < max(stride, dilation):
            options = {
                "stride": stride,
                "padding": padding,
                "output_padding": more,
                "dilation": dilation,
                "groups": groups,
            }
            layer = nn.ConvTranspose2d(4, 6, k, dtype=torch.float64, **options)
            (found,) = trace(
                nn.Sequential(layer), data(2, 4, 5, 4), None, lambda o, _: o.square().sum()
            ).values()
            assert all(claim(found) for claim in CLAIMS), options
            count += 1
    assert count > 50


class _Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return grad @ weight.T, x.T @ grad


def test_what_is_not_seen_is_named_and_the_gradient_is_checked_all_the_same():
    model = Net(
        lambda net, x: net.b(torch.tanh(net.a(x))), a=Own(_Wrong.apply, D, 5), b=lin(5, 2), c=lin()
    )
    results = check_model(model, data(N, D), data(N, 2), functional.mse_loss)
    assert str(results.layers) == "sees 1 of 3 layers that hold weights; not c, a.matrix"
    assert "a backward pass of its own" in results.layers.unseen["a.matrix"]
    assert results[0].verdict.outcome is Outcome.HOLDS


def test_networks_without_layers_are_not_refused():
    model = nn.Sequential(nn.BatchNorm1d(D), nn.PReLU(), nn.LayerNorm(D))
    results = check_model(model.double(), data(N, D), data(N, D), functional.mse_loss)
    assert results[0].verdict.outcome is Outcome.HOLDS
    assert results.layers.total == 0
    assert all(r.verdict.outcome is Outcome.INAPPLICABLE for r in results if r.claim in CLAIMS)


def test_tables_shifts_and_scales_are_no_layers():
    class Embedded(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.shift, self.scale = (
                nn.Embedding(7, D),
                *(nn.Parameter(data(3, D)) for _ in range(2)),
            )
            self.head = nn.Linear(D, 2)

        def forward(self, x):
            # of two tokens, as in RWKV
            mixed = self.table(x) * self.scale + self.table(x + 1) * (1 - self.scale)
            return self.head(
                (torch.lerp(mixed, x[..., None].to(mixed), self.scale) + self.shift)
                * self.scale.abs()
            )

    results = check_model(
        Embedded().double(), torch.arange(12).reshape(4, 3) % 6, data(4, 3, 2), functional.mse_loss
    )
    assert str(results.layers) == "sees 1 of 1 layers that hold weights"


def test_experts_in_one_grouped_product_are_a_layer_each():
    if not hasattr(torch, "_grouped_mm"):
        pytest.skip("torch has no grouped product here")
    ends = torch.tensor([2, 2, 6], dtype=torch.int32)
    torch.manual_seed(0)
    experts = Own(lambda x, w: torch._grouped_mm(x, w, offs=ends), 3, 8, 16)
    model = Net(
        lambda net, x: net.own(torch.tanh(net.first(x))), own=experts, first=lin(4, 8)
    ).float()
    results = check_model(model, data(6, 4, dtype=torch.float32), data(6, 16), functional.mse_loss)
    # in float64, in which torch has no such product
    assert results[0].verdict.outcome is Outcome.HOLDS
    seen = {r.where: r.verdict.outcome for r in results if r.claim is feature_learning_equation}
    assert seen == dict.fromkeys(("first", "own.matrix[0]", "own.matrix[2]"), Outcome.HOLDS)
