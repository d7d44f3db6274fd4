"""Large layers at a few of their inputs: the same numbers as those columns of the whole trace, the
same verdicts, the same reds.
"""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl import trace
from impl.networks import parts
from impl.networks.patches import fold, unfold
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


def convolutions():
    for k, padding, stride, dilation, groups, mode, dims in itertools.product(
        (2, 3), (0, 1, "same"), (1, 2), (1, 2), (1, 2), ("zeros", "circular"), (1, 2)
    ):
        if (padding == "same" and stride > 1) or (padding == 0 and mode != "zeros"):
            continue
        options = {
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
            "padding_mode": mode,
        }
        torch.manual_seed(0)
        space = dims + (k == 3 and groups == 2)  # some in one more dimension
        layer = [nn.Conv1d, nn.Conv2d, nn.Conv3d][space - 1](4, 6, k, **options).double()
        yield layer, torch.randn(2, 4, *[7] * space).double()


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(parts, "LARGEST_ROWS", 1)
    monkeypatch.setattr(parts, "MOST", 5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using padding")
def test_parts_of_every_convolution_are_parts_of_its_trace(monkeypatch):
    count = 0
    for layer, images in convolutions():
        targets = torch.randn_like(layer(images))
        model = nn.Sequential(layer)
        whole = trace(model, images, targets, functional.mse_loss)["0"]
        with monkeypatch.context() as patch:
            patch.setattr(parts, "LARGEST_ROWS", 1)
            patch.setattr(parts, "MOST", 5)
            part = trace(model, images, targets, functional.mse_loss, parts=True)["0"]
            chosen = parts.columns(whole.inputs.shape[-2], whole.inputs.shape[-1], 1, seed=0)
        for name in ("weight", "inputs", "weight_grad", "input_grad"):
            assert torch.allclose(
                getattr(whole, name)[..., chosen], getattr(part, name), rtol=1e-12, atol=1e-13
            ), (
                layer,
                name,
            )
        read = fold(layer, torch.ones_like(unfold(layer, images)), images)
        most = layer.out_channels // layer.groups * int(read.max())
        assert part.grad_terms == whole.grad_terms == most, (
            "filters, times patches that read one entry"
        )
        magnitude = whole.grad_magnitude[..., chosen]
        assert (part.grad_magnitude >= magnitude * (1 - 1e-12)).all(), "a bound"
        assert part.grad_magnitude.sum() <= 1.5 * magnitude.sum(), "and no wild one"
        for claim in CLAIMS:
            assert claim(part), (layer, claim(part))
        count += 1
    assert count > 100


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("layer", [lambda: nn.Linear(12, 9), lambda: nn.Conv2d(3, 8, 3)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_part_shows_what_is_wrong_with_the_layer(layer, dtype):
    torch.manual_seed(0)
    made = layer().to(dtype)
    inputs = (
        torch.randn(8, 12, dtype=dtype)
        if isinstance(made, nn.Linear)
        else torch.randn(4, 3, 6, 6, dtype=dtype)
    )
    for wrong in (False, True):
        model = nn.Sequential(layer().to(dtype))
        if wrong:
            model[0].weight.register_hook(lambda grad: 1.01 * grad)
        results = check_model(
            model, inputs, torch.randn_like(model(inputs)), functional.mse_loss, claims=CLAIMS
        )
        for result in results:
            assert "8 of its" in result.where
            assert result.verdict.outcome is (Outcome.REFUTED if wrong else Outcome.HOLDS), (
                result.verdict
            )


@pytest.mark.usefixtures("small")
def test_what_is_no_linear_layer_is_seen_on_its_rows():
    doubling = type(
        "Doubling",
        (nn.Linear,),
        {"forward": lambda self, x: 2 * nn.functional.linear(x, self.weight, self.bias)},
    )
    model = nn.Sequential(doubling(12, 9))
    (result,) = check_model(
        model, torch.randn(8, 12), torch.randn(8, 9), functional.mse_loss, claims=CLAIMS[:1]
    )
    assert result.verdict.outcome is Outcome.INAPPLICABLE
    assert "not a linear layer" in result.verdict.context["reason"]


@pytest.mark.usefixtures("small")
def test_claims_about_whole_features_say_why_not():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4, 3))
    results = check_model(
        model, torch.randn(6, 1, 3, 3), torch.arange(6) % 3, functional.cross_entropy
    )
    reasons = [r.verdict.context.get("reason", "") for r in results if r.where == "0"]
    assert any(
        "too many to be unfolded" in reason or "the claim is about all" in reason
        for reason in reasons
    )


def test_small_layers_are_looked_at_whole():
    assert parts.columns(64, 128, 48, seed=0, layers=4) is None
    assert len(parts.columns(2**16, 576, 64, seed=0)) == 16
    assert len(parts.columns(2**20, 576, 64, seed=0)) == 8
    assert len(parts.columns(256, 4608, 512, seed=0, layers=54)) == 32


@pytest.mark.parametrize(("rows", "d_in"), [(2**16, 576), (10**5, 2**16), (5, 2**20), (2**12, 64)])
def test_outputs_are_compared_on_distinct_rows_of_half_a_million_entries(rows, d_in):
    """Sixteen rows at least, and all where there are no more."""
    seen = parts.some_rows(rows, d_in, seed=3)
    assert len(seen) == min(rows, max(16, 2**19 // d_in))
    assert seen.tolist() == sorted(set(seen.tolist()))
    assert 0 <= seen[0] <= seen[-1] < rows
    assert torch.equal(seen, parts.some_rows(rows, d_in, seed=3))


def gradient_times(factor):
    """A convolution that gives its weight so many times its gradient."""

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight):
            ctx.save_for_backward(x, weight)
            return functional.conv2d(x, weight, padding=1)

        @staticmethod
        def backward(ctx, grad):
            x, weight = ctx.saved_tensors
            by_input = torch.nn.grad.conv2d_input(x.shape, weight, grad, padding=1)
            return by_input, factor * torch.nn.grad.conv2d_weight(x, weight.shape, grad, padding=1)

    return type("Scaled", (nn.Conv2d,), {"forward": lambda self, x: Scaled.apply(x, self.weight)})


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1, 2, 1.1, -1, 0])
def test_a_wide_convolution_in_float32_is_told_from_a_wrong_one(factor):
    """64 to 64 channels seen in part: the bound counts what is summed, and never holds where twice
    the gradient would.
    """
    torch.manual_seed(0)
    wide = gradient_times(factor)(64, 64, 3, padding=1, bias=False)
    model = nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1),
        nn.ReLU(),
        wide,
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    images, labels = torch.randn(16, 3, 8, 8), torch.arange(16)
    layer = trace(model, images, labels, functional.cross_entropy, parts=True)["2"]
    assert layer.part
    for claim in CLAIMS:
        assert claim(layer).outcome is (Outcome.HOLDS if factor == 1 else Outcome.REFUTED), claim(
            layer
        )


@pytest.mark.slow
@pytest.mark.parametrize("factor", [2, -1, 0])
def test_no_layer_claim_rests_on_a_bound_that_twice_the_gradient_would_meet(factor):
    torch.manual_seed(0)
    wide = gradient_times(factor)(64, 64, 3, padding=1, bias=False)
    model = nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.ReLU(), wide, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    layer = trace(
        model.bfloat16(),
        torch.randn(16, 3, 8, 8).bfloat16(),
        torch.arange(16),
        functional.cross_entropy,
    )["2"]
    for claim in CLAIMS[:2]:
        assert claim(layer).outcome in (Outcome.UNDECIDED, Outcome.REFUTED), claim(layer)
