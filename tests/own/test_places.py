"""What a user's own network yields: ranks under decay, minibatch noise, steps, deep linear parts;
and why it yields nothing.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl import half_squared_error
from impl.feature_learning.chains import linear_chains_of
from impl.kernel_flows.decayed import decayed_layers
from impl.kernel_flows.minibatches import MinibatchNoise, reduction_of
from impl.networks.tracing import trace
from impl.strategies.trained import train_softplus
from tests.foreign.common import Net
from theorems import CLAIMS, Outcome
from theorems.own.models import check_model
from theorems.own.places import BUILDERS, Subject, instances_of, noise
from theorems.own.preconditions import autograd_gives_the_gradient

RANKS = ("kernel_rank_at_most_classes", "softmax_kernel_rank_below_classes")
NOISE = [claim.name for claim in CLAIMS if claim.name.startswith("sgd_")]


def gaussian(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def labels(count, classes=3):
    return torch.arange(count) % classes


def seeded(*layers):
    torch.manual_seed(0)
    return nn.Sequential(*(make() for make in layers)).double()


def linear_end(activation=nn.Tanh):
    return seeded(
        lambda: nn.Linear(6, 8),
        nn.Tanh,
        lambda: nn.Linear(8, 7),
        activation,
        lambda: nn.Linear(7, 5),
        lambda: nn.Linear(5, 3),
    )


def outcomes(model, inputs, targets, loss, names, **options):
    claims = [claim for claim in CLAIMS if claim.name in names]
    found = check_model(model, inputs, targets, loss, claims=claims, **options)
    return {(result.claim.name, result.where): result.verdict for result in found}


def test_ranks_hold_where_the_end_is_linear_and_nowhere_else():
    seen = outcomes(
        linear_end(), gaussian(20, 6), labels(20), functional.cross_entropy, RANKS, decay=0.01
    )
    for name in RANKS:
        assert seen[name, "4, λ = 0.01"].outcome is Outcome.HOLDS
        for lower in ("0", "2"):
            assert seen[name, lower].outcome is Outcome.INAPPLICABLE
            assert "nonlinear features" in seen[name, lower].context["reason"]


def test_softmax_bound_is_not_claimed_of_other_losses():
    seen = outcomes(
        linear_end(), gaussian(20, 6), gaussian(20, 3, seed=1), functional.mse_loss, RANKS
    )
    (held,) = [where for (name, where), verdict in seen.items() if verdict and name == RANKS[0]]
    assert "assumed" in held
    assert seen[RANKS[1], held].outcome is Outcome.INAPPLICABLE
    assert "softmax" in seen[RANKS[1], held].context["reason"]


def test_without_a_decay_the_two_terms_weigh_alike():
    point = decayed_layers(linear_end(), gaussian(20, 6), labels(20), functional.cross_entropy)["4"]
    pull = point.gradient - point.decay * point.matrix
    assert 0.5 < float(pull.norm() / (point.decay * point.matrix).norm()) < 2


@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_a_wrong_gradient_of_a_user_network_is_caught(scale, monkeypatch):
    """Autograd that forgets a tenth of one sample's gradient somewhere leaves more than C
    directions.
    """

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w.mT

        @staticmethod
        def backward(ctx, grad):
            x, w = ctx.saved_tensors
            return grad @ w, grad.mT @ x + (scale - 1) * torch.eye(*w.shape).double()

    class Layer(nn.Linear):
        def forward(self, x):
            return Wrong.apply(x, self.weight)

    model = seeded(
        lambda: nn.Linear(6, 8), nn.Tanh, lambda: Layer(8, 7, bias=False), lambda: nn.Linear(7, 3)
    )
    seen = outcomes(model, gaussian(20, 6), labels(20), functional.cross_entropy, RANKS, decay=0.1)
    assert seen[RANKS[0], "2, λ = 0.1"].outcome is Outcome.REFUTED


def test_softplus_features_under_parameter_decay_are_inapplicable_and_do_exceed_the_classes():
    """The same network twice: trained by hand to rest, its kernel has rank above C; as a torch
    module the claim declines it.
    """
    rest = train_softplus(0)
    values = torch.linalg.svdvals(rest.features)
    assert float(rest.gradient.norm()) < 1e-10
    assert int((values > 1e-3 * values[0]).sum()) > rest.targets.shape[-1]
    model = seeded(
        lambda: nn.Linear(2, 5, bias=False), nn.Softplus, lambda: nn.Linear(5, 2, bias=False)
    )
    seen = outcomes(
        model, gaussian(8, 2), gaussian(8, 2, seed=1), half_squared_error, RANKS[:1], decay=0.1
    )
    (verdict,) = seen.values()
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "parameters of nonlinear features" in verdict.context["reason"]


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.first, self.second = (
            nn.Linear(4, 4, bias=False).double() for _ in range(3)
        )
        self.second.weight = self.first.weight
        self.out = nn.Linear(4, 2).double()

    def forward(self, x):
        return self.out(self.second(self.first(torch.tanh(self.body(x)))))


def normed():
    model = linear_end()
    nn.utils.parametrizations.weight_norm(model[4])
    return model


@pytest.mark.parametrize(
    ("model", "layer", "reason"),
    [
        (Tied, "first", "tied"),
        (normed, "4", "computed from other parameters"),
        (lambda: linear_end(lambda: nn.LayerNorm(7)), "2", "unchanged"),
    ],
)
def test_decay_that_acts_elsewhere_is_inapplicable(model, layer, reason):
    model = model()
    width = next(model.parameters()).shape[1]
    outputs = 2 if isinstance(model, Tied) else 3
    points = decayed_layers(
        model, gaussian(9, width), gaussian(9, outputs, seed=1), functional.mse_loss, decay=0.1
    )
    assert reason in points[layer].gap


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (functional.cross_entropy, "labels"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), "labels"),
        (functional.mse_loss, "values"),
        (half_squared_error, "values"),
        (nn.HuberLoss(reduction="sum"), "values"),
        (nn.BCEWithLogitsLoss(), "shares"),
    ],
)
def test_noise_claims_hold_at_a_readout(dtype, loss, kind):
    targets = {
        "labels": labels(24),
        "values": gaussian(24, 3, seed=1).to(dtype),
        "shares": torch.sigmoid(gaussian(24, 3, seed=1)).to(dtype),
    }
    seen = outcomes(
        linear_end().to(dtype), gaussian(24, 6).to(dtype), targets[kind], loss, NOISE, batch_size=5
    )
    assert len(seen) == 2 * len(NOISE)
    assert all(verdict.outcome is Outcome.HOLDS for verdict in seen.values()), seen


def test_reductions_are_told_apart():
    model, inputs = linear_end(), gaussian(12, 6)
    for loss, targets, wanted in [
        (functional.cross_entropy, labels(12), "mean"),
        (nn.CrossEntropyLoss(reduction="sum"), labels(12), "sum"),
        (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]).double()), labels(12), None),
        (functional.mse_loss, gaussian(12, 3), "mean"),
        (lambda f, y: ((f - f.mean(0) - y) ** 2).sum(), gaussian(12, 3), None),
    ]:
        layer = list(trace(model, inputs, targets, loss).values())[-1]
        assert reduction_of(layer, targets, loss) == wanted


@pytest.mark.parametrize(
    ("model", "inputs", "targets", "loss", "reason"),
    [
        (
            lambda: seeded(lambda: nn.Linear(4, 3), nn.Tanh),
            gaussian(9, 4),
            gaussian(9, 3),
            functional.mse_loss,
            "does not end in",
        ),
        (
            linear_end,
            gaussian(9, 6),
            labels(9),
            nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2, 3]).double()),
            "neither the sum",
        ),
        (linear_end, gaussian(9, 2, 6), gaussian(9, 2, 3), functional.mse_loss, "no single row"),
    ],
)
def test_why_there_is_no_noise(model, inputs, targets, loss, reason):
    seen = outcomes(model(), inputs, targets, loss, NOISE)
    assert all(reason in verdict.context["reason"] for verdict in seen.values()), seen


def noise_places(rows, **options):
    subject = Subject(
        linear_end(), gaussian(rows, 6), labels(rows), functional.cross_entropy, **options
    )
    return instances_of(subject, {MinibatchNoise})[MinibatchNoise]


def test_a_batch_of_everything_has_noise_only_with_replacement():
    noise = noise_places(24, batch_size=24)
    assert "all of the 24 samples" in noise["5, batches of 24"]
    assert noise["5, batches of 24, with replacement"].batch == 24


def test_large_batches_are_cut():
    assert all("first 128 samples" in where for where in noise_places(300))


def test_batches_of_wide_features_are_cut_too(monkeypatch):
    width = noise_places(24)["5, batches of 6"].features.shape[-1]
    monkeypatch.setattr("theorems.own.places.noise.LARGEST_NOISE", 2 * 16 * width)
    assert set(noise_places(16)) == {"5, batches of 4", "5, batches of 4, with replacement"}
    assert set(noise_places(24)) == {
        "5, batches of 4, first 16 samples", "5, batches of 4, first 16 samples, with replacement",
    }  # fmt: skip


def test_deep_linear_parts_are_found_and_balanced_ones_hold():
    layers = trace(linear_end(nn.Identity), gaussian(9, 6), labels(9), functional.cross_entropy)
    (chain,) = linear_chains_of(layers).values()
    assert chain.depth == 3
    model = seeded(*[lambda: nn.Linear(3, 3, bias=False)] * 3)
    with torch.no_grad():
        for layer in model:
            layer.weight.copy_(2 * torch.eye(3))
    name = "balanced_linear_network_feature_ansatz"
    assert outcomes(model, gaussian(5, 3), gaussian(5, 3), functional.mse_loss, [name])[
        name, "0 → 2"
    ]
    with torch.no_grad():
        model[0].weight.mul_(2)
    verdict = outcomes(model, gaussian(5, 3), gaussian(5, 3), functional.mse_loss, [name])[
        name, "0 → 2"
    ]
    assert "not balanced" in verdict.context["reason"]


def test_collapsed_features_of_a_network():
    """A network that sends every sample of a class to one point, on labels that leave one class
    out.
    """
    model = seeded(lambda: nn.Linear(3, 3, bias=False), nn.ReLU, lambda: nn.Linear(3, 4))
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(3))
    inputs, targets = torch.eye(3).double().repeat(3, 1), torch.tensor([0, 1, 3]).repeat(3)
    name = "neural_collapse_implies_target_linearity"
    seen = outcomes(model, inputs, targets, functional.cross_entropy, [name])
    assert seen[name, "2"].outcome is Outcome.HOLDS
    moved = outcomes(
        model, inputs + gaussian(9, 3).abs(), targets, functional.cross_entropy, [name]
    )
    assert "collapsed" in moved[name, "2"].context["reason"]


def test_every_builder_is_of_a_type_that_some_claim_is_about():
    assert set(BUILDERS) <= {claim.subject for claim in (autograd_gives_the_gradient, *CLAIMS)}


def test_one_step_of_every_layer():
    names = [
        "gram_whitening_keeps_the_gram",
        "rotation_is_orthogonal_to_learning",
        "surrogate_grows_over_the_ensemble",
    ]
    seen = outcomes(linear_end(), gaussian(20, 6), labels(20), functional.cross_entropy, names)
    assert len(seen) == 4 * len(names)
    held = [key for key, verdict in seen.items() if verdict.outcome is Outcome.HOLDS]
    assert len(held) > 8, seen
    assert not [
        key
        for key, verdict in seen.items()
        if verdict.outcome in (Outcome.REFUTED, Outcome.UNDECIDED)
    ]


def test_the_readout_behind_a_recurrent_layer_is_known():
    """torch rounds an LSTM differently where gradients are off."""
    torch.manual_seed(0)
    rows, body, head = torch.randn(16, 5, 8), nn.LSTM(8, 8, batch_first=True), nn.Linear(8, 3)
    model = Net(lambda net, x: net.head(net.body(x)[0][:, -1]), body=body, head=head)
    subject = Subject(model, rows, torch.arange(16) % 3, functional.cross_entropy)
    assert torch.equal(subject.outputs, subject.layers["head"].outputs)
    assert not subject.outputs.requires_grad
    assert all("head, batches of" in where for where in noise.minibatch_noises(subject))
