"""`impl.tangent_kernel` on the models that people write: shared parameters, hooks, layers that are
left out.
"""

import pytest
import torch
from torch import nn

from impl import tangent_kernel
from impl.networks.pullbacks import Pullback
from impl.strategies.specimens import Tied

N = 5


def test_shared_parameters_have_a_term_per_module():
    torch.manual_seed(0)
    model, inputs = Tied(3, bias=False), torch.randn(N, 3, dtype=torch.float64)
    found = tangent_kernel(model, inputs)
    untied = Tied(3, bias=False)
    untied.twin.weight = nn.Parameter(model.twin.weight.detach().clone())
    untied.encoder.weight = model.encoder.weight

    def by_twin(weight, x):
        return torch.func.functional_call(untied, {"twin.weight": weight}, (x[None],))[0]

    rows = torch.func.vmap(torch.func.jacrev(by_twin), (None, 0))(
        untied.twin.weight.detach(), inputs
    ).flatten(1)
    torch.testing.assert_close(found.terms["twin"], rows @ rows.mT)
    assert found.left_out == ()


def test_parametrized_layers_count_by_their_effective_weight():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    wanted = tangent_kernel(model, torch.ones(N, 3, dtype=torch.float64)).total
    nn.utils.parametrizations.weight_norm(model[0])
    found = tangent_kernel(model, torch.ones(N, 3, dtype=torch.float64))
    torch.testing.assert_close(found.total, wanted)
    assert found.left_out == (
        "0.parametrizations.weight.original0",
        "0.parametrizations.weight.original1",
    )


def test_names_what_it_leaves_out():
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    inputs = torch.randn(N, 3)
    assert tangent_kernel(model, inputs).left_out == ("1.weight", "1.bias")
    assert tangent_kernel(model, inputs, layers=["0"], bias=False).left_out == (
        "0.bias",
        "1.weight",
        "1.bias",
        "2.weight",
        "2.bias",
    )
    assert list(tangent_kernel(model, inputs, layers="2").terms) == ["2"]


def test_unreached_layers_contribute_nothing():
    class Detached(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.silent, self.head = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            with torch.no_grad():
                quiet = self.silent(x)
            return self.head(self.frozen(x).detach() + quiet)

    found = tangent_kernel(Detached(), torch.randn(N, 3))
    assert not found.terms["frozen"].any()
    assert not found.terms["silent"].any()
    assert found.terms["head"].any()


class _Scaling(torch.autograd.Function):
    """Doubles; its backward reads a number, which cannot be vectorised."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad if grad.abs().sum().item() >= 0 else None


def test_backward_functions_that_cannot_be_batched():
    class Custom(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 3)

        def forward(self, x):
            return self.b(_Scaling.apply(self.a(x)))

    torch.manual_seed(0)
    model, inputs = Custom().double(), torch.randn(N, 3, dtype=torch.float64)
    plain = nn.Sequential(model.a, nn.Identity(), model.b)
    found = tangent_kernel(model, inputs)
    wanted = tangent_kernel(plain, inputs)
    torch.testing.assert_close(found.terms["a"], 4 * wanted.terms["0"])


def test_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 2))
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    first, again = (tangent_kernel(model, torch.ones(N, 3), seed=3).total for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert not first.requires_grad


@pytest.mark.parametrize("samples", range(1, 8))
def test_the_test_for_mixed_samples_splits_the_batch_into_halves(samples):
    """Every sample is in one of two halves, which differ by one at most: no pair of halves could
    mix and go unseen because one is left out.
    """
    pullback = Pullback(nn.Linear(2, 3), torch.randn(samples, 2), None, bias=True)
    probed, spared = pullback.probed.tolist(), pullback.spared.tolist()
    assert sorted(probed + spared) == list(range(samples))
    assert 0 <= len(probed) - len(spared) <= 1


def test_hooks_on_outputs_come_after_the_layer():
    torch.manual_seed(0)
    model, inputs = nn.Sequential(nn.Linear(3, 2)).double(), torch.randn(N, 3, dtype=torch.float64)
    model[0].register_forward_hook(lambda _m, _i, out: 2 * out)
    found = tangent_kernel(model, inputs)
    with torch.no_grad():
        rows = torch.cat([inputs, torch.ones(N, 1).double()], 1)
    torch.testing.assert_close(found.total, 4 * 2 * rows @ rows.mT)


def test_float32_stays_float32_and_inputs_may_be_mappings():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, *, x, scale):
            return scale * self.fc(x)

    kernel = tangent_kernel(Named(), {"x": torch.ones(N, 3), "scale": 2.0}).total
    assert kernel.dtype == torch.float32
    torch.testing.assert_close(kernel, torch.full((N, N), 4.0 * 2 * 4))
