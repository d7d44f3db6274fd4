"""`impl.tangent_kernel` against per-sample Jacobians, layer by layer."""

import itertools

import pytest
import torch
from torch import nn

from impl import NetworkSpec, build, tangent_kernel
from impl.networks import sample_grams as grams
from impl.strategies.specimens import Reused, Skip

N, M = 5, 3


def jacobian_terms(model, inputs, others=None, *, full=False, bias=True):
    """The oracle: vmap(jacrev) by each module's own weight and bias (a shared parameter is two)."""
    values = {name: p.detach() for name, p in model.named_parameters(remove_duplicate=False)}

    def one(values, sample):
        return torch.func.functional_call(model, values, (sample[None],), tie_weights=False)[
            0
        ].reshape(-1)

    a = torch.func.vmap(torch.func.jacrev(one), (None, 0))(values, inputs)
    b = a if others is None else torch.func.vmap(torch.func.jacrev(one), (None, 0))(values, others)
    terms = {}
    for name in values:
        layer, _, which = name.rpartition(".")
        if which == "bias" and not bias:
            continue
        term = torch.einsum("ncp,mep->ncme", a[name].flatten(2), b[name].flatten(2))
        term = term if full else torch.einsum("ncmc->nm", term)
        terms[layer] = terms[layer] + term if layer in terms else term
    return terms


class Tokens(nn.Module):
    """Two layers on tokens, averaged; a layer that sees one row per sample after it."""

    def __init__(self):
        super().__init__()
        self.up, self.down, self.head = nn.Linear(3, 6), nn.Linear(6, 2), nn.Linear(2, 2)

    def forward(self, x):
        return self.head(self.down(torch.tanh(self.up(x))).mean(1))


class ImageByImage(nn.Module):
    """Folds the sequence into the batch before its convolution, as models of videos do."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 4, 2, groups=2), nn.Linear(4, 2)

    def forward(self, x):
        maps = torch.relu(self.conv(x.flatten(0, 1))).mean((-1, -2))
        return self.head(maps.unflatten(0, x.shape[:2])).sum(1)


def conv_net(*layers, features, outputs=3):
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, outputs))


CASES = {
    "perceptron": lambda: (build(NetworkSpec(widths=(3, 5, 4), bias=True, classes=3)), (3,)),
    "without bias": lambda: (
        build(NetworkSpec(widths=(3, 5, 4), activation="tanh", classes=2)),
        (3,),
    ),
    "one output": lambda: (build(NetworkSpec(widths=(3, 4), bias=True, classes=1)), (3,)),
    "outputs of two dimensions": lambda: (
        nn.Sequential(nn.Linear(4, 6), nn.Unflatten(1, (2, 3))),
        (4,),
    ),
    "no output dimension": lambda: (nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), (4,)),
    "tokens": lambda: (Tokens(), (4, 3)),
    "skip": lambda: (Skip(3, bias=True), (3,)),
    "reused": lambda: (Reused(3, bias=True), (3,)),
    "padding and stride": lambda: (
        conv_net(nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.ReLU(inplace=True), features=36),
        (2, 6, 5),
    ),
    "groups": lambda: (
        conv_net(
            nn.Conv2d(4, 6, 3, groups=2),
            nn.GELU(),
            nn.Conv2d(6, 6, 1, groups=6, bias=False),
            features=24,
        ),
        (4, 4, 4),
    ),
    "dilation, same": lambda: (
        conv_net(
            nn.Conv2d(2, 3, 2, dilation=2, padding="same", padding_mode="circular"), features=75
        ),
        (2, 5, 5),
    ),
    "one-dimensional": lambda: (
        conv_net(nn.Conv1d(2, 3, 3, stride=2), nn.Tanh(), features=12),
        (2, 9),
    ),
    "three-dimensional": lambda: (
        conv_net(nn.Conv3d(1, 2, 2), nn.SiLU(), features=8 * 2),
        (1, 3, 3, 3),
    ),
    "images in a sequence": lambda: (ImageByImage(), (3, 2, 4, 4)),
    "batch normalisation at rest": lambda: (
        nn.Sequential(
            nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 2)
        ).eval(),
        (3,),
    ),
}


def make(case):
    torch.manual_seed(1)
    model, shape = CASES[case]()
    model.double()
    return (
        model,
        torch.randn(N, *shape, dtype=torch.float64),
        torch.randn(M, *shape, dtype=torch.float64),
    )


def assert_terms(found, wanted):
    assert list(found.terms) == list(wanted)
    for name, term in wanted.items():
        torch.testing.assert_close(found.terms[name], term, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(found.total, sum(wanted.values()), rtol=1e-11, atol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize(
    "double_gram", [None, True, False], ids=["cheaper form", "double Gram", "gradients"]
)
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_jacobians(case, double_gram, monkeypatch):
    if double_gram is not None:
        monkeypatch.setattr(grams, "double_gram_pays", lambda *_, **__: double_gram)
    model, inputs, others = make(case)
    for full, other, bias in itertools.product([False, True], [None, others], [True, False]):
        found = tangent_kernel(model, inputs, other, outputs="full" if full else "trace", bias=bias)
        assert_terms(found, jacobian_terms(model, inputs, other, full=full, bias=bias))


def test_channels_last_changes_nothing():
    model, inputs, _ = make("groups")
    wanted = tangent_kernel(model, inputs).total
    found = tangent_kernel(model, inputs.contiguous(memory_format=torch.channels_last)).total
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outputs", ["trace", "full"])
@pytest.mark.parametrize("case", ["perceptron", "groups"])
def test_chunks_and_small_memory_change_nothing(case, outputs, monkeypatch):
    model, inputs, others = make(case)
    wanted = tangent_kernel(model, inputs, others, outputs=outputs)
    for chunk in (1, 2, 3, 100):
        assert_terms(
            tangent_kernel(model, inputs, others, outputs=outputs, chunk=chunk), dict(wanted.terms)
        )
    monkeypatch.setattr(grams, "BUDGET", 1)
    assert_terms(tangent_kernel(model, inputs, others, outputs=outputs), dict(wanted.terms))


@pytest.mark.parametrize("case", ["perceptron", "tokens", "groups"])
def test_large_batches_are_symmetric_to_the_bit(case):
    """Beyond 32 rows only blocks of the lower triangle are computed; against itself as a second
    batch all of it is.
    """
    model, inputs, _ = make(case)
    inputs = torch.randn(
        150, *inputs.shape[1:], generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    found, wanted = tangent_kernel(model, inputs), tangent_kernel(model, inputs, inputs.clone())
    assert torch.equal(found.total, found.total.mT)
    assert_terms(found, dict(wanted.terms))


@pytest.mark.parametrize("seed", range(5))
def test_exact_on_integers(seed):
    """Integer networks: every term equals the Jacobians' with ==, and the closed form Σ (Z + 1) ∘ Δ
    in Python integers.
    """
    spec = NetworkSpec(
        widths=(3, 4, 3), bias=True, batch=N, classes=2, scale=2, lattice=True, seed=seed
    )
    model = build(spec)
    inputs = torch.randint(-2, 3, (N, 3), generator=torch.Generator().manual_seed(seed)).double()
    found = tangent_kernel(model, inputs)
    for name, term in jacobian_terms(model, inputs).items():
        assert torch.equal(found.terms[name], term)
    assert found.total.tolist() == by_hand(model, inputs)


def by_hand(model, inputs):
    """The kernel of a ReLU network in Python integers, by the textbook recursion."""
    layers = [
        (m.weight.int().tolist(), m.bias.int().tolist()) for m in model if isinstance(m, nn.Linear)
    ]
    passes = []
    for x in inputs.int().tolist():
        z, h = [x], []
        for weight, bias in layers:
            h.append(
                [
                    sum(w * v for w, v in zip(row, z[-1], strict=True)) + b
                    for row, b in zip(weight, bias, strict=True)
                ]
            )
            z.append([max(v, 0) for v in h[-1]])
        deltas = []
        for c in range(len(h[-1])):
            delta = [[int(i == c) for i in range(len(h[-1]))]]
            for (weight, _), pre in zip(reversed(layers[1:]), reversed(h[:-1]), strict=True):
                back = [
                    sum(d * row[j] for d, row in zip(delta[0], weight, strict=True))
                    for j in range(len(pre))
                ]
                delta.insert(0, [b * (v > 0) for b, v in zip(back, pre, strict=True)])
            deltas.append(delta)
        passes.append((z, deltas))
    dot = lambda a, b: sum(x * y for x, y in zip(a, b, strict=True))  # noqa: E731
    return [
        [
            sum(
                (dot(z[i], y[i]) + 1)
                * sum(dot(d[i], e[i]) for d, e in zip(delta, epsilon, strict=True))
                for i in range(len(layers))
            )
            for y, epsilon in passes
        ]
        for z, delta in passes
    ]


@pytest.mark.parametrize(
    "wrong", ["layer left out", "neighbouring Δ", "bias forgotten", "transposed"]
)
def test_a_wrong_kernel_is_caught(wrong):
    """The comparison of this file has teeth: each defect makes it fail."""
    model, inputs, others = make("perceptron")
    terms = dict(tangent_kernel(model, inputs, others if wrong == "transposed" else None).terms)
    oracle = jacobian_terms(model, inputs, others if wrong == "transposed" else None)
    names = list(terms)
    if wrong == "layer left out":
        terms[names[1]] = torch.zeros_like(terms[names[1]])
    elif wrong == "neighbouring Δ":
        terms[names[0]], terms[names[1]] = terms[names[1]], terms[names[0]]
    elif wrong == "bias forgotten":
        terms = dict(tangent_kernel(model, inputs, bias=False).terms)
    else:
        terms = dict(tangent_kernel(model, others, inputs).terms)
    assert any(
        terms[name].shape != oracle[name].shape or (terms[name] - oracle[name]).abs().max() > 1e-3
        for name in names
    )
